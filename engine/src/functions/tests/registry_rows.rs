use crate::functions::{all, find};
use std::collections::HashSet;

#[test]
fn names_are_upper_case_and_stand_once() {
    let mut seen = HashSet::new();
    for function in all() {
        assert_eq!(function.name, function.name.to_ascii_uppercase());
        assert!(seen.insert(function.name), "{} stands twice", function.name);
        assert!(function.signature.starts_with(function.name));
        assert!(
            function.parameters.least <= function.parameters.most,
            "{}",
            function.name
        );
        assert!(!function.source.is_empty() && !function.category.is_empty());
        assert!(std::ptr::eq(
            find(&function.name.to_ascii_lowercase()).unwrap(),
            function
        ));
    }
    assert!(find("CEILING.MATH").is_none());
}

/// The list of documented functions lies beside the checkout, where it is at hand.
#[test]
fn every_documented_function_has_a_row() {
    let list = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/dax/functions.tsv"
    );
    let Ok(list) = std::fs::read_to_string(list) else {
        return;
    };
    let mut missing = Vec::new();
    for line in list.lines().skip(1) {
        let mut cells = line.split('\t');
        let (Some(name), Some(category)) = (cells.next(), cells.next()) else {
            continue;
        };
        let name = name.split(" (").next().unwrap_or(name);
        match find(name) {
            None => missing.push(name.to_string()),
            Some(row)
                if category
                    .strip_suffix(" functions")
                    .is_some_and(|c| c != row.category) =>
            {
                missing.push(format!("{name} in {category}"))
            }
            Some(_) => {}
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
