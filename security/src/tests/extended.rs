//! Scopes with columns and tables that a query defines.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray};

use super::world::{column, plain_shop, rows_of, shop, words};
use crate::*;

fn control() -> Control {
    Control::new(None)
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn added(name: &str, values: ArrayRef) -> AddedColumn {
    AddedColumn {
        name: name.to_owned(),
        values,
        format_string: Some("0.0".to_owned()),
    }
}

/// A column of texts for the visible rows of a table.
fn texts_for(scope: &Scope, table: &str, name: &str, values: &[&str]) -> Addition {
    Addition::Column {
        rows: scope.scan_rows(&rows_of(scope, table), &control()).unwrap(),
        column: added(name, texts(values)),
    }
}

/// Groups of a column in the scanned table or one step away, with the count of rows.
fn counts(scope: &Scope, table: &str, path: &[Step], by: Column) -> String {
    let scan = Scan {
        keys: vec![PathColumn {
            path: Arc::from(path),
            target: Target::Column(by),
        }],
        aggregates: vec![Aggregate {
            op: AggregateOp::Rows,
            argument: None,
        }],
        ..rows_of(scope, table)
    };
    let groups = scope.scan(&scan, &control()).unwrap();
    let values = scope.decode(&groups.keys[0], &Control::new(None)).unwrap();
    let values: &StringArray = values.as_any().downcast_ref().unwrap();
    let Aggregated::Count(rows) = &groups.aggregates[0] else {
        panic!("counts")
    };
    let pairs = values.iter().zip(rows);
    pairs
        .map(|(value, rows)| format!("{}={rows}", value.unwrap_or("-")))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn hidden_rows_stay_hidden_and_blank() {
    let gate = shop().filter("DE", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").roles(["DE"])).unwrap();
    let scope = view.scope();
    let seen = words(scope, "Sales", "Id");
    assert_eq!(seen, "0 2 4");
    let extended = scope
        .extended(texts_for(
            scope,
            "Sales",
            "Size",
            &["small", "Large", "small"],
        ))
        .unwrap();
    let more = extended.scope();
    assert_eq!(words(more, "Sales", "Id"), seen);
    assert_eq!(words(more, "Sales", "Size"), "small Large small");
    assert_eq!(words(more, "Country", "Name"), "DE");
    let size = column(more, "Sales", "Size");
    assert_eq!(counts(more, "Sales", &[], size), "Large=1 small=2");
    assert_eq!(more.column_type(size), model::DataType::Text);
    assert_eq!(more.column(size).format_string.as_deref(), Some("0.0"));
    assert!(more.is_added_column(size) && !more.is_added_column(column(more, "Sales", "Id")));
    assert!(!more.is_added_table(size.table()));
    // The first scope has none of it.
    let sales = scope.find_table("Sales").unwrap();
    assert_eq!(scope.find_column(sales, "Size"), None);
    assert_eq!(scope.model().table("Sales").unwrap().columns.len(), 4);
}

#[test]
fn a_column_of_a_dimension_is_reached_over_relationships() {
    let gate = plain_shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let scope = view.scope();
    let extended = scope
        .extended(texts_for(scope, "Product", "Kind", &["a", "b", "a"]))
        .unwrap();
    let more = extended.scope();
    let relationship = more.relationships()[0];
    let step = Step {
        relationship: relationship.handle,
        reverse: false,
    };
    let kind = column(more, "Product", "Kind");
    // One sale names a product that does not exist: it belongs to the blank row, where the column is BLANK too.
    assert_eq!(counts(more, "Sales", &[step], kind), "-=1 a=4 b=1");
    let blank = more
        .blank_row(relationship.to, &[relationship.handle], &Control::new(None))
        .unwrap();
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(kind),
    };
    let codes = more
        .fetch(&blank.unwrap(), &here, &Control::new(None))
        .unwrap();
    assert!(more.decode(&codes, &Control::new(None)).unwrap().is_null(0));
}

#[test]
fn a_table_shows_all_its_rows_and_is_related_to_nothing() {
    let gate = shop().filter("DE", "Country", "[Name] = \"DE\"").gate();
    let view = gate.admit(Identity::user("ana").roles(["DE"])).unwrap();
    let scope = view.scope();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
    let table = Addition::Table {
        name: "Chosen".to_owned(),
        columns: vec![added("Key", numbers), added("Word", texts(&["x", "y"]))],
    };
    let first = scope.extended(table).unwrap();
    let second = first
        .extended(texts_for(first.scope(), "Chosen", "More", &["p", "q"]))
        .unwrap();
    drop(first);
    let more = second.scope();
    assert_eq!(words(more, "Chosen", "Key"), "3 -");
    assert_eq!(words(more, "Chosen", "More"), "p q");
    assert_eq!(words(more, "Sales", "Id"), "0 2 4");
    let chosen = more.find_table("chosen").unwrap();
    assert_eq!(more.columns(chosen).len(), 3);
    assert!(more.is_added_table(chosen));
    let relationships = more.relationships();
    assert_eq!(relationships.len(), scope.relationships().len());
    assert!(
        relationships
            .iter()
            .all(|r| r.from != chosen && r.to != chosen)
    );
    assert_eq!(more.rows_unique(chosen, &Control::new(None)), Ok(true));
    assert!(scope.find_table("Chosen").is_none());
}

#[test]
fn hidden_names_are_free_and_hidden_keys_still_work() {
    let gate = plain_shop()
        .hide("Plain", "Sales.Product")
        .hide("Plain", "Product.Color")
        .gate();
    let view = gate.admit(Identity::user("ana").roles(["Plain"])).unwrap();
    let scope = view.scope();
    let sales = texts_for(scope, "Sales", "Product", &["a", "a", "b", "b", "b", "c"]);
    let extended = scope.extended(sales).unwrap();
    let more = extended.scope();
    assert_eq!(words(more, "Sales", "Product"), "a a b b b c");
    let product = column(more, "Sales", "Product");
    assert_eq!(counts(more, "Sales", &[], product), "a=2 b=3 c=1");
    let relationship = more.relationships()[0];
    // The key of the relationship is still the hidden column, and not the one that has taken its name.
    assert_eq!(relationship.from_column, None);
    let Ok(Target::Column(key)) = more.key_column(relationship.handle, true) else {
        panic!("a key column")
    };
    assert_ne!(key, product);
    assert_eq!(more.column(key).name, "");
    let product_name = PathColumn {
        path: Arc::from([Step {
            relationship: relationship.handle,
            reverse: false,
        }]),
        target: Target::Column(column(more, "Product", "Key")),
    };
    let rows = more.scan_rows(&rows_of(more, "Sales"), &control()).unwrap();
    let keys = more.decode(
        &more
            .fetch(&rows, &product_name, &Control::new(None))
            .unwrap(),
        &Control::new(None),
    );
    let keys = keys.unwrap();
    let keys: &Int64Array = keys.as_any().downcast_ref().unwrap();
    let keys: Vec<Option<i64>> = keys.iter().collect();
    assert_eq!(
        keys,
        [Some(10), Some(10), Some(12), Some(12), None, Some(11)]
    );
}

#[test]
fn handles_do_not_pass_from_one_scope_to_the_other() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let scope = view.scope();
    let kinds = texts_for(scope, "Product", "Kind", &["a", "b", "c"]);
    let extended = scope.extended(kinds.clone()).unwrap();
    let more = extended.scope();
    let old = rows_of(scope, "Sales");
    assert_eq!(
        more.scan_rows(&old, &control()).err(),
        Some(ReadError::Foreign)
    );
    let new = rows_of(more, "Sales");
    assert_eq!(
        scope.scan_rows(&new, &control()).err(),
        Some(ReadError::Foreign)
    );
    let kind = column(more, "Product", "Kind");
    assert_eq!(scope.column(kind).name, "");
    // Rows of the first scope are none of the second, and the other way round.
    assert_eq!(extended.extended(kinds).err(), Some(ReadError::Foreign));
    let back = texts_for(more, "Product", "Other", &["a", "b", "c"]);
    assert_eq!(scope.extended(back).err(), Some(ReadError::Foreign));
}

#[test]
fn what_does_not_fit_is_refused() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let scope = view.scope();
    let refused = |addition| matches!(scope.extended(addition).err(), Some(ReadError::Internal(_)));
    let three = ["a", "b", "c"];
    assert!(refused(texts_for(scope, "Product", "color", &three)));
    assert!(refused(texts_for(scope, "Product", "Kind", &["a"])));
    let rows = scope
        .scan_rows(&rows_of(scope, "Product"), &control())
        .unwrap();
    let of_rows = |rows: Codes| Addition::Column {
        rows,
        column: added("Kind", texts(&three)),
    };
    assert!(!refused(of_rows(rows.clone())));
    // A row twice, a row that is none, and the blank row.
    assert!(refused(of_rows(rows.take(&[0, 1, 1]))));
    assert!(refused(of_rows(rows.take(&[0, 1, 7]))));
    let relationship = scope.relationships()[0];
    let blank = scope.blank_row(relationship.to, &[relationship.handle], &Control::new(None));
    let with_blank = Codes::concat(&[rows.take(&[0, 1]), blank.unwrap().unwrap()]);
    assert!(refused(of_rows(with_blank.unwrap())));
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(column(scope, "Product", "Key")),
    };
    let codes = scope.fetch(&rows, &here, &Control::new(None)).unwrap();
    assert_eq!(
        scope.extended(of_rows(codes)).err(),
        Some(ReadError::Foreign)
    );
    let table = |name: &str, columns| Addition::Table {
        name: name.to_owned(),
        columns,
    };
    assert!(refused(table("SALES", vec![added("a", texts(&three))])));
    let twice = vec![added("a", texts(&three)), added("A", texts(&three))];
    assert!(refused(table("New", twice)));
    let uneven = vec![added("a", texts(&three)), added("b", texts(&["a"]))];
    assert!(refused(table("New", uneven)));
}
