//! Whatever the bytes are, the answer is a dataset or an error that names the file.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use model::{DataType, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::super::{ImportOptions, NoProgress, import_with};
use super::{Folder, column, integers, model, rows_of, table, without_folder};
use crate::{Control, DataType as To};

const ROWS: usize = 200;

fn sample() -> Table {
    let columns = vec![
        column("n", DataType::Integer),
        column("s", DataType::Text),
        column("d", DataType::Double),
        column("f", DataType::Fixed),
        column("t", DataType::DateTime),
        column("b", DataType::Boolean),
    ];
    table("T", columns)
}

fn rows() -> RecordBatch {
    let count = ROWS as i64;
    let numbers = integers(&(0..count).map(|i| i * i).collect::<Vec<_>>());
    let texts = (0..count).map(|i| (i % 7 > 0).then(|| format!("text {}", i % 13)));
    let doubles = (0..count).map(|i| i as f64 / 3.0);
    let fixed = Decimal128Array::from_iter_values((0..count).map(i128::from))
        .with_precision_and_scale(12, 2)
        .unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("n", numbers),
        ("s", Arc::new(texts.collect::<StringArray>())),
        ("d", Arc::new(Float64Array::from_iter_values(doubles))),
        ("f", Arc::new(fixed)),
        ("t", Arc::new(Date32Array::from_iter_values(0..ROWS as i32))),
        (
            "b",
            Arc::new(BooleanArray::from_iter(
                (0..count).map(|i| Some(i % 2 == 0)),
            )),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// The bytes of a sound file in two row groups.
fn written(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let rows = rows();
    let properties = properties.set_max_row_group_row_count(Some(120)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

fn sound() -> Vec<u8> {
    written(WriterProperties::builder())
}

/// One file for every way to pack and encode.
fn all_kinds() -> Vec<Vec<u8>> {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    let path = |name: &str| ColumnPath::from(name);
    let mut kinds: Vec<Vec<u8>> = codecs
        .iter()
        .map(|codec| written(WriterProperties::builder().set_compression(*codec)))
        .collect();
    let v2 = || {
        WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .set_compression(Compression::ZSTD(Default::default()))
    };
    kinds.push(written(v2()));
    kinds.push(written(
        v2().set_column_encoding(path("s"), Encoding::DELTA_LENGTH_BYTE_ARRAY)
            .set_column_encoding(path("d"), Encoding::BYTE_STREAM_SPLIT),
    ));
    kinds.push(written(
        v2().set_column_encoding(path("s"), Encoding::DELTA_BYTE_ARRAY)
            .set_column_encoding(path("n"), Encoding::DELTA_BINARY_PACKED),
    ));
    kinds
}

/// Imports these bytes; an error must name the file.
fn import_bytes(folder: &Folder, bytes: &[u8]) -> Result<u32, String> {
    std::fs::write(folder.path("T.parquet"), bytes).unwrap();
    let result = rows_of(folder, sample());
    if let Err(message) = &result {
        assert!(message.contains("T.parquet"), "{message}");
    }
    result
}

#[test]
fn garbage_and_emptiness() {
    let folder = Folder::new();
    for bytes in [
        b"".as_slice(),
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\xff\xff\xff\xffPAR1",
        b"a,b,c\n1,2,3\n4,5,6\n7,8,9\n",
    ] {
        let message = import_bytes(&folder, bytes).unwrap_err();
        assert!(message.contains("is not a sound Parquet file"), "{message}");
    }
}

#[test]
fn truncated_files() {
    let folder = Folder::new();
    let bytes = sound();
    assert_eq!(import_bytes(&folder, &bytes), Ok(ROWS as u32));
    for length in (0..bytes.len()).step_by(13) {
        assert!(import_bytes(&folder, &bytes[..length]).is_err(), "{length}");
    }
}

/// Where the footer begins.
fn footer_of(bytes: &[u8]) -> usize {
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap());
    bytes.len() - 8 - length as usize
}

#[test]
fn a_missing_piece_in_the_middle_names_row_group_and_column() {
    let folder = Folder::new();
    let mut bytes = sound();
    let footer = footer_of(&bytes);
    bytes[4..footer].fill(0xff);
    // Whichever thread fails first, the error of the first row group and column is told.
    for _ in 0..5 {
        let message = import_bytes(&folder, &bytes).unwrap_err();
        assert!(
            message.contains("is damaged in row group 0, column 'T'[n]: "),
            "{message}"
        );
    }
}

/// A number that differs from place to place, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Changes a few bytes, mostly one, in one of several ways.
fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) / 2 {
        // The headers are where a byte does most, and most of them are in the footer.
        let from = if chance.below(2) == 0 {
            footer_of_or(bytes, 0)
        } else {
            0
        };
        let place = from + chance.below(bytes.len() - from);
        match chance.below(6) {
            0 => bytes[place] = 0xff,
            1 => bytes[place] = 0,
            2 => bytes[place] = bytes[place].wrapping_add(1),
            3 => {
                let end = (place + chance.below(24)).min(bytes.len());
                bytes.drain(place..end);
            }
            4 => {
                let other = chance.below(bytes.len());
                bytes.swap(place, other);
            }
            _ => bytes[place] ^= 1 << chance.below(8),
        }
    }
}

fn footer_of_or(bytes: &[u8], other: usize) -> usize {
    let footer = bytes.len().checked_sub(8).map(|end| {
        let length = u32::from_le_bytes(bytes[end..][..4].try_into().unwrap());
        end.saturating_sub(length as usize)
    });
    footer
        .filter(|footer| *footer < bytes.len())
        .unwrap_or(other)
}

/// As many files as `PERISTYLE_MUTATIONS` says, from the seed `PERISTYLE_SEED` on.
#[test]
fn changed_bytes_never_take_the_process_down() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
    };
    let count = number("PERISTYLE_MUTATIONS", 400);
    let first = number("PERISTYLE_SEED", 1);
    let folder = Folder::new();
    let kinds = all_kinds();
    for (place, bytes) in kinds.iter().enumerate() {
        assert_eq!(
            import_bytes(&folder, bytes),
            Ok(ROWS as u32),
            "kind {place}"
        );
    }
    let mut read = 0u64;
    for seed in first..first + count {
        let mut chance = Chance(seed);
        let mut bytes = kinds[chance.below(kinds.len())].clone();
        mutate(&mut bytes, &mut chance);
        // Without a checksum a changed value may pass; what matters is that there is an answer.
        read += u64::from(import_bytes(&folder, &bytes).is_ok());
    }
    println!(
        "{count} files from seed {first}: {read} read, {} refused; peak {}",
        count - read,
        peak()
    );
    assert!(read < count, "no change was ever noticed");
}

/// The most memory that this process ever had, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_string(), |line| line.trim().to_string())
}

/// Replaces the claim of the first page of the file to unpack to so many bytes.
fn claim(bytes: &mut [u8], claimed: u32) {
    // PAR1, then the page's type and its size as a varint; both fields follow one another.
    assert_eq!((bytes[4], bytes[6]), (0x15, 0x15));
    let length = bytes[7..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let mut rest = u64::from(claimed) << 1;
    for (place, byte) in bytes[7..7 + length].iter_mut().enumerate() {
        *byte = (rest & 0x7f) as u8 | if place + 1 < length { 0x80 } else { 0 };
        rest >>= 7;
    }
    assert_eq!(rest, 0, "the claim has no room");
}

/// A file of one column of zeros that packs well.
fn zeros(codec: Compression, rows: usize) -> Vec<u8> {
    let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; rows]));
    let batch = RecordBatch::try_from_iter([("n", zeros)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(1 << 30)
        .set_data_page_row_count_limit(1 << 30)
        .set_write_batch_size(1 << 20)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn import_zeros(folder: &Folder, bytes: &[u8]) -> Result<u32, String> {
    std::fs::write(folder.path("T.parquet"), bytes).unwrap();
    rows_of(folder, table("T", vec![column("n", To::Integer)]))
}

#[test]
fn pages_that_claim_more_than_they_hold() {
    let folder = Folder::new();
    let mut bytes = zeros(Compression::ZSTD(Default::default()), 1_100_000);
    assert_eq!(import_zeros(&folder, &bytes), Ok(1_100_000));
    claim(&mut bytes, 134_000_000);
    let message = import_zeros(&folder, &bytes).unwrap_err();
    assert!(
        message.contains("row group 0, column 'T'[n]: "),
        "{message}"
    );
}

#[test]
fn pages_that_hold_more_than_they_claim() {
    let folder = Folder::new();
    for codec in [
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
    ] {
        let mut bytes = zeros(codec, 1_100_000);
        assert_eq!(import_zeros(&folder, &bytes), Ok(1_100_000));
        claim(&mut bytes, 1000);
        let message = import_zeros(&folder, &bytes).unwrap_err();
        assert!(
            message.contains("column 'T'[n]: a page holds more bytes than it claims"),
            "{codec}: {message}"
        );
    }
}

/// A file of nothing but this footer.
fn only_footer(footer: &[u8]) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    bytes.extend(footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    bytes
}

#[test]
fn footers_that_claim_too_much() {
    let folder = Folder::new();
    let check = |footer: &[u8], expected: &str| {
        let message = import_bytes(&folder, &only_footer(footer)).unwrap_err();
        assert!(message.contains(expected), "{message}");
    };
    // Four billion columns, or row groups, in a few bytes.
    check(
        &[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f],
        "its footer is damaged",
    );
    check(
        &[0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0, 0],
        "its footer is damaged",
    );
    // A hundred thousand groups within one another.
    let mut deep = vec![0x29, 0xfc, 0xa0, 0x8d, 0x06];
    (0..100_000).for_each(|_| deep.extend([0x55, 2, 0]));
    deep.push(0);
    check(&deep, "its footer is damaged");
    // A key of encryption is what this file would take.
    let mut encrypted = only_footer(&[0; 8]);
    let end = encrypted.len() - 4;
    encrypted[end..].copy_from_slice(b"PARE");
    let message = import_bytes(&folder, &encrypted).unwrap_err();
    assert!(message.contains("its footer is encrypted"), "{message}");
}

#[test]
fn a_stopped_import_says_so() {
    let folder = Folder::new();
    std::fs::write(folder.path("T.parquet"), sound()).unwrap();
    let options = ImportOptions {
        threads: 2,
        control: Control::new(None),
    };
    let model = model(vec![sample()]);
    assert!(import_with(&model, &folder.0, &options, &NoProgress).is_ok());
    options.control.cancel();
    let error = import_with(&model, &folder.0, &options, &NoProgress)
        .err()
        .unwrap();
    assert_eq!(
        without_folder(&error.to_string(), &folder.0),
        "the import was cancelled"
    );
}
