//! Handles and codes belong to one scope.

use std::sync::Arc;

use super::world::{column, rows_of, shop};
use crate::*;

#[test]
fn handles_of_another_scope_are_refused() {
    let gate = shop().gate();
    let (mine, other) = (
        gate.admit(Identity::user("ana")).unwrap(),
        gate.admit(Identity::user("ana")).unwrap(),
    );
    assert_ne!(mine.number(), other.number());
    let (mine, other) = (mine.scope(), other.scope());
    let control = Control::new(None);
    let foreign = other.find_table("Sales").unwrap();
    assert_eq!(mine.table(foreign).name, "");
    assert!(mine.columns(foreign).is_empty() && mine.find_column(foreign, "Id").is_none());
    assert_eq!(
        mine.scan_rows(&rows_of(other, "Sales"), &control).err(),
        Some(ReadError::Foreign)
    );
    assert_eq!(
        mine.rows_unique(foreign, &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
    let id = column(other, "Sales", "Id");
    assert_eq!(mine.column(id).name, "");
    assert_eq!(mine.column_type(id), model::DataType::Unknown);
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(id),
    };
    let scan = Scan {
        keys: vec![here.clone()],
        ..rows_of(mine, "Sales")
    };
    assert_eq!(mine.scan(&scan, &control).err(), Some(ReadError::Foreign));
    let rows = other.scan_rows(&rows_of(other, "Sales"), &control).unwrap();
    assert_eq!(
        mine.fetch(&rows, &here, &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
    let codes = other.fetch(&rows, &here, &Control::new(None)).unwrap();
    assert_eq!(
        mine.decode(&codes, &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
    let relationship = other.relationships()[0].handle;
    assert_eq!(
        mine.translate(relationship, false, &control).err(),
        Some(ReadError::Foreign)
    );
    assert_eq!(
        mine.key_column(relationship, true).err(),
        Some(ReadError::Foreign)
    );
}

#[test]
fn row_numbers_have_no_values_and_positions_beyond_the_end_no_rows() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let scope = view.scope();
    let rows = scope
        .scan_rows(&rows_of(scope, "Sales"), &Control::new(None))
        .unwrap();
    assert_eq!(
        scope.decode(&rows, &Control::new(None)).err(),
        Some(ReadError::Foreign)
    );
    let here = PathColumn {
        path: Arc::from([]),
        target: Target::Column(column(scope, "Sales", "Id")),
    };
    assert!(matches!(
        scope.fetch(&rows.take(&[77]), &here, &Control::new(None)),
        Err(ReadError::Internal(_))
    ));
    let codes = scope.fetch(&rows, &here, &Control::new(None)).unwrap();
    assert!(matches!(
        scope.decode(&codes.take(&[77]), &Control::new(None)),
        Err(ReadError::Internal(_))
    ));
    assert_eq!(
        codes.take(&[1, 0]).as_slice(),
        [codes.as_slice()[1], codes.as_slice()[0]]
    );
}

#[test]
fn only_codes_of_one_thing_are_joined() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let control = Control::new(None);
    let sales = view
        .scope()
        .scan_rows(&rows_of(view.scope(), "Sales"), &control)
        .unwrap();
    let products = view
        .scope()
        .scan_rows(&rows_of(view.scope(), "Product"), &control)
        .unwrap();
    assert_eq!(
        Codes::concat(&[sales.clone(), sales.take(&[0])]).map(|codes| codes.len()),
        Some(7)
    );
    assert_eq!(Codes::concat(&[sales, products]), None);
    assert_eq!(Codes::concat(&[]), None);
}

#[test]
fn a_path_must_fit_together() {
    let gate = shop().gate();
    let view = gate.admit(Identity::user("ana")).unwrap();
    let scope = view.scope();
    let step = |position: usize, reverse| Step {
        relationship: scope.relationships()[position].handle,
        reverse,
    };
    let try_path = |path: &[Step], target: Column| {
        let key = PathColumn {
            path: Arc::from(path),
            target: Target::Column(target),
        };
        scope
            .scan(
                &Scan {
                    keys: vec![key],
                    ..rows_of(scope, "Sales")
                },
                &Control::new(None),
            )
            .err()
    };
    let name = column(scope, "Category", "Name");
    assert_eq!(try_path(&[step(0, false), step(1, false)], name), None);
    for path in [
        vec![step(1, false)],
        vec![step(0, false)],
        vec![step(0, true)],
        vec![step(4, false)],
    ] {
        assert!(
            matches!(try_path(&path, name), Some(ReadError::Internal(_))),
            "{path:?}"
        );
    }
}

#[test]
fn an_outline_has_names_and_types_and_no_data() {
    let outline = Gate::outline(shop().filter("R", "Sales", "TRUE()").model);
    let scope = outline.scope();
    assert!(!scope.has_data() && scope.model().roles.is_empty());
    assert_eq!(scope.relationships().len(), 5);
    assert_eq!(
        scope.column_type(column(scope, "Country", "Name")),
        model::DataType::Text
    );
    assert_eq!(
        scope
            .scan_rows(&rows_of(scope, "Sales"), &Control::new(None))
            .err(),
        Some(ReadError::NoData)
    );
}

#[test]
fn a_cancelled_admission_is_not_a_refusal_of_the_role() {
    let gate = shop().filter("R", "Country", "[Name] = \"DE\"").gate();
    let control = Control::new(None);
    control.cancel();
    // The small evaluator does not look at the control, the rest does.
    let answer = gate.admit_under(Identity::user("ana").role("R"), &control);
    assert!(matches!(
        answer.err(),
        None | Some(Denied::Stopped(Stopped::Cancelled))
    ));
}

#[test]
fn an_error_of_storage_is_told_only_where_nothing_is_hidden() {
    let gate = shop()
        .filter("Rows", "Country", "[Name] = \"DE\"")
        .hide("Objects", "Product.Color")
        .role("All")
        .gate();
    for (role, told) in [("Rows", false), ("Objects", false), ("All", true)] {
        let view = gate.admit(Identity::user("ana").role(role)).unwrap();
        let error = ReadError::Internal("column 'Color' of table 'Product'".to_owned());
        let error = view.scope().tell(error).to_string();
        assert_eq!(error.contains("Color"), told, "{role}: {error}");
    }
}
