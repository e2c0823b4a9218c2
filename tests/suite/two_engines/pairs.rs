//! Pairs of rows over one-to-one relationships.

use literal::{Data, Value};
use model::Cardinality;

/// For each end of each one-to-one relationship, and each row that is shown there: whether it has a partner, among all rows or
/// among those that are shown.
pub fn partnered(data: &Data, shown: &[Vec<bool>], among_shown: bool) -> Vec<Vec<bool>> {
    let model = data.model();
    let place = |table: &str, column: &str| {
        let t = data.table(table).expect("a table of the relationship");
        let mut columns = model.tables[t].columns.iter();
        let c = columns.position(|c| c.name == column);
        (t, c.expect("its column"))
    };
    let mut found = Vec::new();
    let one_to_one = |r: &&model::Relationship| r.from_cardinality == Cardinality::One;
    for r in model.relationships.iter().filter(one_to_one) {
        let (from, to) = (
            place(&r.from_table, &r.from_column),
            place(&r.to_table, &r.to_column),
        );
        for ((here, key), (there, other)) in [(from, to), (to, from)] {
            let partners: Vec<&Value> = rows(data, shown, there, among_shown)
                .map(|row| &row[other])
                .collect();
            let has = |row: &Vec<Value>| partners.iter().any(|found| same_key(found, &row[key]));
            found.push(rows(data, shown, here, true).map(has).collect());
        }
    }
    found
}

fn rows<'a>(
    data: &'a Data,
    shown: &'a [Vec<bool>],
    table: usize,
    shown_alone: bool,
) -> impl Iterator<Item = &'a Vec<Value>> {
    let rows = data.rows(table).iter().zip(&shown[table]);
    rows.filter(move |(_, shown)| !shown_alone || **shown)
        .map(|(row, _)| row)
}

/// Keys meet without case and trailing spaces.
fn same_key(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => {
            a.trim_end_matches(' ').to_lowercase() == b.trim_end_matches(' ').to_lowercase()
        }
        _ => a == b,
    }
}
