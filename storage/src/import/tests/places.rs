//! Which files are read for a table, which columns of them, and what is told meanwhile.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use model::{
    CalculationGroup, CalculationItem, Cardinality, Column, ColumnKind, DataType, Partition,
    PartitionKind, Relationship, Table,
};

use super::super::{NoProgress, Progress, import};
use super::{Folder, column, from_files, integers, model, rows_of, table};
use crate::{ColumnId, RelationshipId, TableId};

fn numbers(name: &str) -> Table {
    table(name, vec![column("n", DataType::Integer)])
}

fn partition(kind: PartitionKind) -> Partition {
    Partition {
        name: "p".into(),
        mode: None,
        kind,
    }
}

#[track_caller]
fn check(folder: &Folder, table: Table, expected: Result<u32, &str>) {
    let found = rows_of(folder, table);
    match (&found, expected) {
        (Ok(rows), Ok(expected)) => assert_eq!(*rows, expected),
        (Err(message), Err(text)) => assert!(message.contains(text), "{message}"),
        _ => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn files_of_a_table() {
    let folder = Folder::new();
    folder.write("T.parquet", &[("n", integers(&[1, 2]))]);
    folder.write("other.parquet", &[("n", integers(&[3, 4, 5]))]);
    folder.write("many/b.parquet", &[("n", integers(&[1]))]);
    folder.write("many/a.parquet", &[("n", integers(&[2, 3, 4, 5, 6]))]);
    std::fs::write(folder.path("many/_SUCCESS"), "").unwrap();
    std::fs::write(folder.path("many/.b.parquet"), "left behind").unwrap();
    std::fs::create_dir(folder.path("empty")).unwrap();

    check(&folder, numbers("T"), Ok(2));
    check(&folder, numbers("many"), Ok(6));
    check(&folder, from_files(numbers("T"), &["other.parquet"]), Ok(3));
    check(&folder, from_files(numbers("T"), &["many"]), Ok(6));
    check(
        &folder,
        from_files(numbers("T"), &["C:\\Users\\me\\other.parquet"]),
        Ok(3),
    );
    check(
        &folder,
        from_files(numbers("T"), &["/home/me/many/a.parquet"]),
        Err("'T': there is no Parquet file at a.parquet"),
    );
    check(
        &folder,
        from_files(
            numbers("T"),
            &["many/a.parquet", "other.parquet", "other.parquet"],
        ),
        Ok(11),
    );
    check(
        &folder,
        from_files(numbers("T"), &["../T.parquet"]),
        Err("leads out of the data folder"),
    );
    check(
        &folder,
        from_files(numbers("T"), &["empty"]),
        Err("'T': there is no Parquet file at empty"),
    );
    check(
        &folder,
        numbers("Missing"),
        Err("'Missing': there is no Parquet file at Missing.parquet"),
    );
    check(
        &folder,
        numbers("../T"),
        Err("needs a partition that names its file"),
    );
    check(&folder, table("No Columns", vec![]), Ok(0));
    check(
        &folder,
        from_files(table("Rows alone", vec![]), &["other.parquet"]),
        Ok(3),
    );

    let other = partition(PartitionKind::Other {
        kind: "entity".into(),
        text: "x".into(),
    });
    let m = partition(PartitionKind::M {
        expression: "let x in x".into(),
        file: None,
    });
    check(
        &folder,
        Table {
            partitions: vec![other, m],
            ..numbers("T")
        },
        Ok(4),
    );
}

#[test]
fn partitions_load_in_model_order() {
    let folder = Folder::new();
    folder.write(
        "2.parquet",
        &[
            ("n", integers(&[1])),
            ("s", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
        ],
    );
    folder.write(
        "1.parquet",
        &[
            ("s", Arc::new(StringArray::from(vec!["y"])) as ArrayRef),
            ("n", integers(&[2])),
        ],
    );
    let columns = vec![
        column("n", DataType::Integer),
        column("s", DataType::Text),
        column("n", DataType::Double),
    ];
    let table = from_files(table("T", columns), &["2.parquet", "1.parquet"]);
    let dataset = import(&model(vec![table]), &folder.0, &NoProgress).unwrap();
    let text = ColumnId {
        table: TableId(0),
        column: 1,
    };
    let expected: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    assert_eq!(dataset.encode(text, &expected).unwrap(), [1, 2]);
    assert_eq!(dataset.rows(TableId(0)), Some(2));
    assert!(dataset.has_column(ColumnId {
        table: TableId(0),
        column: 2
    }));
}

#[test]
fn columns_are_found_by_name() {
    let folder = Folder::new();
    folder.write(
        "T.parquet",
        &[
            ("a", integers(&[1])),
            ("A", integers(&[2])),
            ("Big Name", integers(&[3])),
        ],
    );
    check(
        &folder,
        table("T", vec![column("a", DataType::Integer)]),
        Ok(1),
    );
    check(
        &folder,
        table("T", vec![column("BIG NAME", DataType::Integer)]),
        Ok(1),
    );
    check(
        &folder,
        table("T", vec![column("b", DataType::Integer)]),
        Err("does not have; it has a, A, Big Name"),
    );
    folder.write(
        "T.parquet",
        &[("ab", integers(&[1])), ("AB", integers(&[2]))],
    );
    check(
        &folder,
        table("T", vec![column("Ab", DataType::Integer)]),
        Err("several columns"),
    );
    check(
        &folder,
        table("T", vec![column("ab", DataType::Binary)]),
        Err("of type binary in the model"),
    );
}

#[test]
fn what_files_do_not_hold_is_left_alone() {
    let folder = Folder::new();
    folder.write("T.parquet", &[("n", integers(&[1]))]);
    let calculated = Column {
        kind: ColumnKind::Calculated {
            expression: "1".into(),
        },
        ..column("c", DataType::Unknown)
    };
    let row_number = Column {
        kind: ColumnKind::RowNumber,
        ..column("r", DataType::Integer)
    };
    let loaded = table(
        "T",
        vec![column("n", DataType::Integer), calculated, row_number],
    );
    let computed = Table {
        partitions: vec![partition(PartitionKind::Calculated {
            expression: "T".into(),
        })],
        ..numbers("Computed")
    };
    let dataset = import(&model(vec![loaded, computed]), &folder.0, &NoProgress).unwrap();
    assert_eq!(dataset.rows(TableId(0)), Some(1));
    assert_eq!(dataset.rows(TableId(1)), None);
    let has = |column| {
        dataset.has_column(ColumnId {
            table: TableId(0),
            column,
        })
    };
    assert_eq!([has(0), has(1), has(2)], [true, false, false]);
}

#[test]
fn calculation_groups_come_from_the_model() {
    let item = |name: &str, ordinal| CalculationItem {
        name: name.into(),
        ordinal,
        ..CalculationItem::default()
    };
    let group = CalculationGroup {
        items: vec![
            item("Current", None),
            item("YTD", None),
            item("PY", Some(7)),
        ],
        ..CalculationGroup::default()
    };
    let named = |name: &str, source: &str, data_type| Column {
        kind: ColumnKind::Data {
            source_column: source.into(),
        },
        ..column(name, data_type)
    };
    let columns = vec![
        named("Period", "Name", DataType::Text),
        named("Order", "Ordinal", DataType::Integer),
    ];
    let table = Table {
        calculation_group: Some(group),
        partitions: vec![partition(PartitionKind::CalculationGroup)],
        ..table("Time", columns)
    };
    let dataset = import(&model(vec![table]), &Folder::new().0, &NoProgress).unwrap();
    assert_eq!(dataset.rows(TableId(0)), Some(3));
    let codes = |column, values: ArrayRef| {
        dataset
            .encode(
                ColumnId {
                    table: TableId(0),
                    column,
                },
                &values,
            )
            .unwrap()
    };
    assert!(
        !codes(0, Arc::new(StringArray::from(vec!["Current", "YTD", "PY"])))
            .contains(&crate::ABSENT)
    );
    assert!(!codes(1, integers(&[0, 1, 7])).contains(&crate::ABSENT));
}

#[test]
fn relationships_with_both_columns_are_related() {
    let folder = Folder::new();
    folder.write(
        "Fact.parquet",
        &[
            ("k", integers(&[1, 2, 2, 9])),
            ("d", integers(&[1, 1, 1, 1])),
        ],
    );
    folder.write(
        "Dim.parquet",
        &[("k", integers(&[1, 2])), ("twice", integers(&[1, 1]))],
    );
    let relationship = |from: &str, to_table: &str, to: &str| Relationship {
        from_table: "fact".into(),
        from_column: from.into(),
        to_table: to_table.into(),
        to_column: to.into(),
        from_cardinality: Cardinality::Many,
        to_cardinality: Cardinality::One,
        active: true,
        ..Relationship::default()
    };
    let fact = || {
        table(
            "Fact",
            vec![
                column("k", DataType::Integer),
                column("d", DataType::Integer),
            ],
        )
    };
    let dim = || {
        table(
            "Dim",
            vec![
                column("k", DataType::Integer),
                column("twice", DataType::Integer),
            ],
        )
    };
    let mut good = model(vec![fact(), dim()]);
    good.relationships = vec![
        relationship("K", "DIM", "k"),
        relationship("d", "Elsewhere", "k"),
    ];
    let dataset = import(&good, &folder.0, &NoProgress).unwrap();
    assert!(dataset.is_related(RelationshipId(0)));
    assert!(!dataset.is_related(RelationshipId(1)));

    let mut bad = model(vec![fact(), dim()]);
    bad.relationships = vec![relationship("k", "Dim", "twice")];
    let message = import(&bad, &folder.0, &NoProgress)
        .err()
        .unwrap()
        .to_string();
    assert!(
        message.starts_with("relationship from 'fact'[k] to 'Dim'[twice]: "),
        "{message}"
    );
}

/// Writes down what it is told.
#[derive(Default)]
struct Diary(RefCell<Vec<String>>);

impl Progress for Diary {
    fn table_started(&self, name: &str, total_rows: u64) {
        self.0.borrow_mut().push(format!("{name} {total_rows}"));
    }
    fn rows(&self, rows: u64) {
        self.0.borrow_mut().push(rows.to_string());
    }
    fn table_done(&self) {
        self.0.borrow_mut().push("done".to_string());
    }
}

#[test]
fn batches_are_bounded() {
    let folder = Folder::new();
    let values: Vec<i64> = (0..100_000).collect();
    folder.write_groups("T.parquet", &[("n", integers(&values))], 80_000);
    let diary = Diary::default();
    import(&model(vec![numbers("T")]), &folder.0, &diary).unwrap();
    let mut told = diary.0.into_inner();
    assert_eq!(told.remove(0), "T 100000");
    assert_eq!(told.pop().unwrap(), "done");
    // Two threads may be at the two row groups, in either order.
    told.sort();
    assert_eq!(told, ["14464", "20000", "65536"]);
}
