//! A small dataset on disk, and what is done to it.

mod adding;
mod crash;
mod damage;
mod leases;
mod memory;
mod nonces;
mod round;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, BooleanArray, Decimal64Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use model::{Cardinality, Column, ColumnKind, DataType, Model, Relationship, Table};

use super::provider::{KeyContext, KeyProvider, KeyRefusal, WrappedKey};
use super::seal::{seal, unseal};
use super::secret::SecretKey;
use super::{SaveAs, save};
use crate::{ColumnId, Dataset, RelationshipId, RowSet, TableId};

/// A key in memory, with a count of how often it was asked.
pub(super) struct TestKey {
    key: SecretKey,
    pub(super) asked: AtomicU64,
}

impl TestKey {
    pub(super) fn new(byte: u8) -> TestKey {
        TestKey {
            key: SecretKey::copied(&[byte; 32]).unwrap(),
            asked: AtomicU64::new(0),
        }
    }
}

impl KeyProvider for TestKey {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let bytes = seal(&self.key, &context.to_bytes(), key.bytes()).unwrap();
        Ok(WrappedKey {
            key_id: "test".to_owned(),
            bytes,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        unseal(&self.key, &context.to_bytes(), &wrapped.bytes)
            .and_then(|key| SecretKey::copied(&key))
            .ok_or_else(|| KeyRefusal::Denied("another key".to_owned()))
    }
}

/// A folder of its own that goes with the test.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("peristyle-atrest-{}-{name}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Scratch(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Copies the files of a folder.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

pub(super) fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        kind: ColumnKind::Data {
            source_column: name.to_owned(),
        },
        ..Column::default()
    }
}

pub(super) fn id(table: u32, column: u32) -> ColumnId {
    ColumnId {
        table: TableId(table),
        column,
    }
}

/// Two tables with every type and every way to keep a column, a relationship, and spellings that differ in case alone.
pub(super) fn model() -> Model {
    let things = Table {
        name: "Things".to_owned(),
        columns: vec![
            column("Key", DataType::Integer),
            column("Word", DataType::Text),
            column("Weight", DataType::Double),
            column("Price", DataType::Fixed),
            column("Day", DataType::DateTime),
            column("Good", DataType::Boolean),
            column("Far", DataType::Integer),
        ],
        ..Table::default()
    };
    let facts = Table {
        name: "Facts".to_owned(),
        columns: vec![
            column("Thing", DataType::Integer),
            column("Amount", DataType::Integer),
            column("Nothing", DataType::Text),
        ],
        ..Table::default()
    };
    Model {
        name: "Small".to_owned(),
        compatibility_level: 1601,
        culture: "en-US".to_owned(),
        tables: vec![things, facts],
        relationships: vec![Relationship {
            name: "r".to_owned(),
            from_table: "Facts".to_owned(),
            from_column: "Thing".to_owned(),
            from_cardinality: Cardinality::Many,
            to_table: "Things".to_owned(),
            to_column: "Key".to_owned(),
            to_cardinality: Cardinality::One,
            active: true,
            ..Relationship::default()
        }],
        ..Model::default()
    }
}

pub(super) const WORDS: [Option<&str>; 6] = [
    Some("zinnober"),
    Some("Amaranth"),
    None,
    Some("amaranth"),
    Some("AMARANTH"),
    Some(""),
];

pub(super) fn dataset(model: &Model) -> Dataset {
    let mut data = Dataset::new(model);
    let decimals = Decimal64Array::from(vec![
        Some(10_000),
        None,
        Some(-5),
        Some(7),
        Some(7),
        Some(1),
    ]);
    let arrow = crate::canonical_type(DataType::Fixed).unwrap();
    let days = [
        Some(0),
        Some(86_400_000_000),
        Some(86_400_000_000 * 40),
        None,
        Some(0),
        Some(7),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![10, 20, 30, 40, 50, 60])),
        Arc::new(StringArray::from(WORDS.to_vec())),
        Arc::new(Float64Array::from(vec![
            Some(1.5),
            Some(f64::NAN),
            None,
            Some(-0.0),
            Some(f64::INFINITY),
            Some(1e300),
        ])),
        Arc::new(decimals.with_data_type(arrow)),
        Arc::new(TimestampMicrosecondArray::from(days.to_vec())),
        Arc::new(BooleanArray::from(vec![
            Some(true),
            None,
            Some(false),
            Some(true),
            None,
            None,
        ])),
        Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, 0, 1, -1, 12345])),
    ];
    let columns = (0..).zip(columns.into_iter().map(|c| vec![c])).collect();
    data.load_table(TableId(0), 6, columns).unwrap();
    let rows = 300;
    let things = (0..rows).map(|i| (i % 11 != 0).then_some(i % 8 * 10));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(things.collect::<Int64Array>()),
        Arc::new((0..rows).map(|i| Some(i * i)).collect::<Int64Array>()),
        Arc::new(StringArray::new_null(rows as usize)),
    ];
    let columns = (0..).zip(columns.into_iter().map(|c| vec![c])).collect();
    data.load_table(TableId(1), rows as usize, columns).unwrap();
    data.relate(RelationshipId(0)).unwrap();
    data
}

pub(super) fn saved(name: &str, key: &TestKey) -> Scratch {
    let model = model();
    written(name, &dataset(&model), &model, &[id(0, 3)], key)
}

/// A dataset of these data in a folder of its own.
pub(super) fn written(
    name: &str,
    data: &Dataset,
    model: &Model,
    hidden: &[ColumnId],
    key: &TestKey,
) -> Scratch {
    let scratch = Scratch::new(name);
    let to = SaveAs {
        folder: scratch.path(),
        provider: key,
        hidden,
        sources: None,
    };
    save(data, model, &to).unwrap();
    scratch
}

/// Everything that a dataset can say of its columns: codes and values, blank rows, relationships and spellings. Two datasets that
/// say the same are the same to every reader.
pub(super) fn contents(data: &Dataset) -> Result<String, crate::StorageError> {
    use std::fmt::Write;
    let mut text = String::new();
    for (t, table) in (0..).zip(&data.tables) {
        writeln!(text, "{} {:?}", table.name, table.rows).unwrap();
        let rows: Vec<u32> = (0..=table.rows.unwrap_or(0)).collect();
        for c in 0..table.columns.len() as u32 {
            text.push_str(&column_contents(data, id(t, c), &rows)?);
        }
    }
    let hop = data.hop(crate::Step {
        relationship: RelationshipId(0),
        reverse: false,
    })?;
    writeln!(text, "{:?}", hop.rows).unwrap();
    Ok(text)
}

pub(super) fn column_contents(
    data: &Dataset,
    id: ColumnId,
    rows: &[u32],
) -> Result<String, crate::StorageError> {
    let here = crate::PathColumn {
        path: crate::Path::here(),
        target: crate::Target::Column(id.column),
    };
    let codes = data.fetch(id.table, rows, &here, &[])?;
    let values = data.decode(id, &codes, None)?;
    let spelled = match data.spellings(id, &RowSet::Some([3u32, 4, 5].into_iter().collect()))? {
        Some(spellings) => format!("{:?}", data.decode(id, &codes, Some(&spellings))?),
        None => String::new(),
    };
    let column = data.column(id)?;
    Ok(format!(
        "{codes:?}\n{values:?}\n{spelled}\n{:?} {} {} {} {}\n",
        column.data_type,
        column.distinct,
        column.blanks,
        column.size(),
        column.numbers.name(),
    ))
}
