//! Keys in memory: gone when the dataset is closed. The process reads its own memory.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::*;
use crate::atrest::{Lease, LeaseState, Leasing, open};

/// Keys are only ever kept here under this mask, so that the search does not find its own needles.
const MASK: u8 = 0x5A;

fn masked(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|b| b ^ MASK).collect()
}

/// A provider whose key lies in memory only while it is used. It notes, masked, what it was given to wrap.
struct Masked {
    key: Vec<u8>,
    wrapped: std::sync::Mutex<Vec<Vec<u8>>>,
}

impl Masked {
    fn key(&self) -> SecretKey {
        let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
        bytes
            .iter_mut()
            .zip(&self.key)
            .for_each(|(b, k)| *b = k ^ MASK);
        SecretKey::copied(bytes.as_slice()).unwrap()
    }
}

impl KeyProvider for Masked {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        self.wrapped.lock().unwrap().push(masked(key.bytes()));
        Ok(WrappedKey {
            key_id: "masked".to_owned(),
            bytes: seal(&self.key(), &context.to_bytes(), key.bytes()).unwrap(),
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        let plain = unseal(&self.key(), &context.to_bytes(), &wrapped.bytes);
        Ok(SecretKey::copied(&plain.unwrap()).unwrap())
    }
}

/// How often each of the needles lies in the writable memory of this process.
fn found(needles: &[Vec<u8>]) -> Vec<usize> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut counts = vec![0; needles.len()];
    const WINDOW: usize = 1 << 16;
    let mut buffer = vec![0u8; WINDOW + 31];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !rights.starts_with("rw") || line.contains("[vvar]") || line.contains("[vsyscall]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (
            u64::from_str_radix(start, 16).unwrap(),
            u64::from_str_radix(end, 16).unwrap(),
        );
        let mut at = start;
        while at < end {
            let len = (WINDOW + 31).min((end - at) as usize);
            let read = memory
                .seek(SeekFrom::Start(at))
                .and_then(|_| memory.read_exact(&mut buffer[..len]));
            if read.is_ok() {
                count(&buffer[..len], at, &own, needles, &mut counts);
            }
            at += WINDOW as u64;
        }
    }
    counts
}

fn count(
    bytes: &[u8],
    at: u64,
    own: &std::ops::Range<u64>,
    needles: &[Vec<u8>],
    counts: &mut [usize],
) {
    for (needle, count) in needles.iter().zip(counts) {
        let first = needle[0] ^ MASK;
        for (place, window) in bytes.windows(32).enumerate() {
            let here = window[0] == first
                && !own.contains(&(at + place as u64))
                && window.iter().zip(needle).all(|(b, n)| *b == n ^ MASK);
            *count += usize::from(here);
        }
    }
}

#[test]
fn keys_are_gone_when_the_dataset_is_closed() {
    let random = SecretKey::random().unwrap();
    let provider = Arc::new(Masked {
        key: masked(random.bytes()),
        wrapped: std::sync::Mutex::default(),
    });
    drop(random);
    let scratch = Scratch::new("secrets");
    let model = model();
    let to = SaveAs {
        folder: scratch.path(),
        provider: provider.as_ref(),
        hidden: &[],
        sources: None,
    };
    save(&dataset(&model), &model, &to).unwrap();
    let opened = open(scratch.path(), provider.as_ref(), 0).unwrap();
    // Files that nobody has read since they were opened: what the Parquet library did while it wrote them is not ours to clean.
    let names = opened
        .files
        .manifest
        .files
        .iter()
        .map(|file| file.name.clone());
    let mut files: Vec<Vec<u8>> = names
        .map(|name| masked(opened.files.key(&name).unwrap().bytes()))
        .collect();
    files.push(masked(
        opened
            .files
            .key(&opened.files.manifest_name)
            .unwrap()
            .bytes(),
    ));
    let open_counts = found(&files);
    assert!(
        open_counts.iter().all(|count| *count > 0),
        "{open_counts:?}"
    );
    let before_close = open_counts.clone();
    let lease = Lease::new(&opened, provider.clone(), Leasing::default());
    lease.close();
    assert!(matches!(lease.state(), LeaseState::Closed { .. }));
    let after = found(&files);
    // Our buffer of each key is overwritten: one place less for each.
    for (place, (before, after)) in before_close.iter().zip(&after).enumerate() {
        assert!(
            after < before,
            "key {place}: {before} before, {after} after"
        );
    }
    // Keys that never went through the Parquet library are gone altogether: the customer's, the generation's, the manifest's.
    let mut ours = provider.wrapped.lock().unwrap().clone();
    ours.push(provider.key.clone());
    ours.extend(files.last().cloned());
    let left = found(&ours);
    assert_eq!(left, vec![0; left.len()]);
}
