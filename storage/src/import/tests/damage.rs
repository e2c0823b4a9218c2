//! Whatever the bytes are, the answer is a dataset or an error that names the file.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use model::{DataType, Table};

use super::{Folder, column, integers, rows_of, table};

fn sample() -> Table {
    let columns = vec![
        column("n", DataType::Integer),
        column("s", DataType::Text),
        column("d", DataType::Double),
    ];
    table("T", columns)
}

/// The bytes of a small sound file.
fn sound(folder: &Folder) -> Vec<u8> {
    let numbers: Vec<i64> = (0..200).map(|i| i * i).collect();
    let texts: ArrayRef = Arc::new(
        (0..200)
            .map(|i| (i % 7 > 0).then(|| format!("text {}", i % 13)))
            .collect::<StringArray>(),
    );
    let doubles: ArrayRef = Arc::new(Float64Array::from_iter_values(
        (0..200).map(|i| f64::from(i) / 3.0),
    ));
    folder.write_groups(
        "T.parquet",
        &[("n", integers(&numbers)), ("s", texts), ("d", doubles)],
        120,
    );
    std::fs::read(folder.path("T.parquet")).unwrap()
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
    let bytes = sound(&folder);
    assert_eq!(import_bytes(&folder, &bytes), Ok(200));
    for length in (0..bytes.len()).step_by(7) {
        assert!(import_bytes(&folder, &bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_missing_piece_in_the_middle_names_the_row_group() {
    let folder = Folder::new();
    let mut bytes = sound(&folder);
    let footer = bytes.len()
        - 8
        - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    bytes[4..footer].fill(0xff);
    let message = import_bytes(&folder, &bytes).unwrap_err();
    assert!(message.contains("is damaged in row group 0"), "{message}");
}

#[test]
fn changed_bytes_never_take_the_process_down() {
    let folder = Folder::new();
    let bytes = sound(&folder);
    // A fixed walk over positions and bits, the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..400 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut changed = bytes.clone();
        let place = (state >> 33) as usize % changed.len();
        changed[place] ^= 1 << (state >> 20 & 7);
        // Without a checksum a changed value may pass; what matters is that there is an answer.
        let _ = import_bytes(&folder, &changed);
    }
}
