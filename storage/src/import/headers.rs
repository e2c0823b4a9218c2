//! Headers that claim too much. A few bytes of a file can claim gigabytes, and the decoder makes room for what is claimed
//! before it looks at what is there; so the claims are looked over first.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use parquet::basic::Compression;

use super::inflate::{is_unbounded, keeps_to};
use super::thrift::{Kind, Malformed, Reader};

/// Every page is held in memory whole, so one that claims more is refused. Writers make pages of a megabyte, and rarely
/// of a few hundred.
pub(super) const MOST_PAGE_BYTES: u64 = 512 << 20;

/// Groups within groups, beyond which a schema is no table's.
const MOST_NESTED: usize = 64;

const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED_MAGIC: &[u8; 4] = b"PARE";

/// Looks over the footer.
pub(super) fn check_footer(file: &mut File) -> Result<(), String> {
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    if length < 12 {
        return Err("it is too short".to_string());
    }
    let mut tail = [0u8; 8];
    file.seek(SeekFrom::Start(length - 8))
        .and_then(|_| file.read_exact(&mut tail))
        .map_err(|e| e.to_string())?;
    let [a, b, c, d, magic @ ..] = tail;
    if magic == *ENCRYPTED_MAGIC {
        return Err("its footer is encrypted".to_string());
    }
    if magic != *MAGIC {
        return Err("it does not end as Parquet files do".to_string());
    }
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > length - 12 {
        return Err("its footer claims more bytes than the file has".to_string());
    }
    file.seek(SeekFrom::Start(length - 8 - footer))
        .map_err(|e| e.to_string())?;
    let mut reader = Reader::new(BufReader::new(&*file), footer);
    walk_footer(&mut reader).map_err(|Malformed| "its footer is damaged".to_string())
}

fn walk_footer<R: Read>(reader: &mut Reader<R>) -> Result<(), Malformed> {
    const SCHEMA: i64 = 2;
    let mut number = 0;
    while let Some((next, kind)) = reader.field(number)? {
        number = next;
        if (number, kind) == (SCHEMA, Kind::List) {
            walk_schema(reader)?;
        } else {
            reader.skip(kind)?;
        }
    }
    Ok(())
}

/// The schema is a tree written as a list, each element with the number of its children; the decoder descends into it.
fn walk_schema<R: Read>(reader: &mut Reader<R>) -> Result<(), Malformed> {
    const CHILDREN: i64 = 5;
    let (length, kind) = reader.list()?;
    if kind != Kind::Struct {
        return Err(Malformed);
    }
    // Children that are still due, from the root down.
    let mut due: Vec<i64> = Vec::new();
    for _ in 0..length {
        let mut children = 0;
        let mut number = 0;
        while let Some((next, kind)) = reader.field(number)? {
            number = next;
            if (number, kind) == (CHILDREN, Kind::Integer) {
                children = reader.integer()?;
            } else {
                reader.skip(kind)?;
            }
        }
        if children < 0 || children as u64 > length {
            return Err(Malformed);
        }
        if let Some(last) = due.last_mut() {
            *last -= 1;
        }
        due.push(children);
        while due.last().is_some_and(|left| *left <= 0) {
            due.pop();
        }
        if due.len() > MOST_NESTED {
            return Err(Malformed);
        }
    }
    Ok(())
}

/// What the pages of a column chunk claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pages {
    /// Bytes of the largest page, as it is in the file and as it claims to be when it is unpacked.
    pub largest: u64,
    /// Bytes of all pages, unpacked.
    pub bytes: u64,
}

struct PageHeader {
    bytes: u64,
    packed: u64,
    unpacked: u64,
    values: u64,
    /// Bytes at the front that are never packed: the levels of the second kind of data page.
    plain: u64,
}

/// Looks over the page headers of a column chunk of `rows` rows that lies at `start` and takes `length` bytes.
pub(super) fn check_pages(
    file: &mut File,
    start: u64,
    length: u64,
    rows: u64,
    codec: Compression,
) -> Result<Pages, String> {
    let mut pages = Pages::default();
    let mut values = 0u64;
    let mut at = 0u64;
    let mut buffered = BufReader::with_capacity(4096, file);
    buffered
        .seek(SeekFrom::Start(start))
        .map_err(|e| e.to_string())?;
    while at < length {
        let mut reader = Reader::new(&mut buffered, length - at);
        let header = page_header(&mut reader)
            .map_err(|Malformed| "the header of a page is damaged".to_string())?;
        at += header.bytes;
        if header.packed > length - at {
            return Err("a page claims more bytes than its column has".to_string());
        }
        if header.unpacked > MOST_PAGE_BYTES || header.packed > MOST_PAGE_BYTES {
            return Err(format!(
                "a page claims {} MB, and at most {} are accepted; write it with smaller pages",
                header.unpacked.max(header.packed) >> 20,
                MOST_PAGE_BYTES >> 20
            ));
        }
        values = values.saturating_add(header.values);
        if values > rows {
            return Err("its pages claim more values than the footer claims rows".to_string());
        }
        pages.largest = pages.largest.max(header.unpacked + header.packed);
        pages.bytes = pages.bytes.saturating_add(header.unpacked);
        at += header.packed;
        if is_unbounded(codec) {
            let mut packed = vec![0; header.packed as usize];
            buffered
                .read_exact(&mut packed)
                .map_err(|e| e.to_string())?;
            let plain = packed.get(header.plain as usize..).unwrap_or_default();
            if !keeps_to(codec, plain, header.unpacked) {
                return Err("a page holds more bytes than it claims".to_string());
            }
        } else {
            buffered
                .seek_relative(header.packed as i64)
                .map_err(|e| e.to_string())?;
        }
    }
    Ok(pages)
}

fn page_header<R: Read>(reader: &mut Reader<R>) -> Result<PageHeader, Malformed> {
    const UNPACKED: i64 = 2;
    const PACKED: i64 = 3;
    const DATA: i64 = 5;
    const DATA_V2: i64 = 8;
    let (mut packed, mut unpacked, mut data) = (None, None, (0, 0));
    let mut number = 0;
    while let Some((next, kind)) = reader.field(number)? {
        number = next;
        match (number, kind) {
            (UNPACKED, Kind::Integer) => unpacked = Some(size(reader)?),
            (PACKED, Kind::Integer) => packed = Some(size(reader)?),
            (DATA, Kind::Struct) => data = (values_of(reader)?.0, 0),
            (DATA_V2, Kind::Struct) => data = values_of(reader)?,
            _ => reader.skip(kind)?,
        }
    }
    Ok(PageHeader {
        bytes: reader.read(),
        packed: packed.ok_or(Malformed)?,
        unpacked: unpacked.ok_or(Malformed)?,
        values: data.0,
        plain: data.1,
    })
}

/// The number of values, with which both kinds of data page begin, and the bytes of the levels of the second kind.
fn values_of<R: Read>(reader: &mut Reader<R>) -> Result<(u64, u64), Malformed> {
    const VALUES: i64 = 1;
    const DEFINITION_BYTES: i64 = 5;
    const REPETITION_BYTES: i64 = 6;
    let (mut values, mut levels) = (0, 0u64);
    let mut number = 0;
    while let Some((next, kind)) = reader.field(number)? {
        number = next;
        match (number, kind) {
            (VALUES, Kind::Integer) => values = size(reader)?,
            (DEFINITION_BYTES | REPETITION_BYTES, Kind::Integer) => {
                // In the first kind, encodings stand in other places than these.
                levels = levels.saturating_add(reader.integer()?.unsigned_abs());
            }
            _ => reader.skip(kind)?,
        }
    }
    Ok((values, levels))
}

fn size<R: Read>(reader: &mut Reader<R>) -> Result<u64, Malformed> {
    let size = reader.integer()?;
    u64::try_from(size).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn varint(bytes: &mut Vec<u8>, number: u64) {
        let mut rest = number << 1;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }

    /// A data page: its header, and so many bytes of zeros.
    fn page(unpacked: u64, packed: u64, values: u64, held: usize) -> Vec<u8> {
        let mut bytes = vec![0x15, 0, 0x15];
        varint(&mut bytes, unpacked);
        bytes.push(0x15);
        varint(&mut bytes, packed);
        bytes.extend([0x2c, 0x15]);
        varint(&mut bytes, values);
        bytes.extend([0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
        bytes.resize(bytes.len() + held, 0);
        bytes
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<u64, &str>) {
        let mut file = tempfile();
        file.write_all(bytes).unwrap();
        let found = check_pages(&mut file, 0, bytes.len() as u64, 100, Compression::SNAPPY);
        match (found, expected) {
            (Ok(pages), Ok(largest)) => assert_eq!(pages.largest, largest),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (found, _) => panic!("{found:?}, and not {expected:?}"),
        }
    }

    /// A file that nobody else can open.
    fn tempfile() -> File {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("peristyle-headers-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    #[test]
    fn claims_of_pages() {
        check(&page(800, 10, 100, 10), Ok(810));
        check(
            &[page(80, 10, 50, 10), page(700, 20, 50, 20)].concat(),
            Ok(720),
        );
        check(&page(1 << 40, 10, 100, 10), Err("a page claims 1048576 MB"));
        check(
            &page(600 << 20, 10, 100, 10),
            Err("at most 512 are accepted"),
        );
        check(
            &page(800, 11, 100, 10),
            Err("more bytes than its column has"),
        );
        check(
            &page(800, 10, 101, 10),
            Err("more values than the footer claims rows"),
        );
        check(
            &page(800, 10, 1 << 40, 10),
            Err("more values than the footer claims rows"),
        );
        check(&[0x15, 0, 0x15], Err("the header of a page is damaged"));
        check(
            &[0x15, 1, 0x15, 1, 0x15, 1, 0],
            Err("the header of a page is damaged"),
        );
    }
}
