//! Blindness: hidden cells are changed at random, and nothing that a session can learn changes with them: not an answer, not
//! an error, not an explain text, not a statistic. Times alone may differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType,
};
use model::{ColumnKind, Model};
use peristyle::Database;

use crate::corpus::{self, Query};
use crate::deletion::{ADVENTURE_COST, adventure_world, retail_world};
use crate::outcome::all_that_shows;
use crate::scratch::Scratch;
use crate::sheets::{Sheets, comes_from_files, keep_rows, source_name, with_column};
use crate::visible_rows::VisibleRows;
use crate::world::{Case, World, import};

/// Numbers that follow from the seed alone.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

/// Columns that decide which rows are visible: keys of relationships, and what row filters read. They keep their values.
fn deciding(model: &Model, case: &Case) -> BTreeSet<(String, String)> {
    let mut deciding = BTreeSet::new();
    for relationship in &model.relationships {
        deciding.insert((
            relationship.from_table.clone(),
            relationship.from_column.clone(),
        ));
        deciding.insert((
            relationship.to_table.clone(),
            relationship.to_column.clone(),
        ));
    }
    let filters: Vec<String> = model
        .roles
        .iter()
        .filter(|role| case.roles.contains(&role.name.as_str()))
        .flat_map(|role| &role.tables)
        .filter_map(|permission| permission.filter.clone())
        .collect();
    for table in &model.tables {
        for column in &table.columns {
            let name = format!("[{}]", column.name);
            if column.key || filters.iter().any(|filter| filter.contains(&name)) {
                deciding.insert((table.name.clone(), column.name.clone()));
            }
        }
    }
    deciding
}

/// The data with every hidden cell of the other columns drawn anew; and how many cells changed.
fn change_hidden_cells(
    world: &World,
    case: &Case,
    visible: &VisibleRows,
    draw: &mut Draw,
) -> (Sheets, usize) {
    let model = world.model();
    let deciding = deciding(model, case);
    let mut changed = 0;
    let mut sheets = Sheets::new();
    for table in model.tables.iter().filter(|table| comes_from_files(table)) {
        let mut sheet = world.source(&table.name);
        let shown = &visible[&table.name];
        for column in &table.columns {
            let is_data = matches!(column.kind, ColumnKind::Data { .. });
            if !is_data || deciding.contains(&(table.name.clone(), column.name.clone())) {
                continue;
            }
            let hidden_column = case
                .hidden
                .iter()
                .any(|hidden| hidden.is_column(&table.name, &column.name));
            let hidden = |row: usize| hidden_column || !shown[row];
            let name = source_name(column).to_owned();
            let values = sheet.column_by_name(&name).expect("a column");
            changed += (0..values.len()).filter(|row| hidden(*row)).count();
            let values = redrawn(values, hidden, draw);
            sheet = with_column(&sheet, &name, values);
        }
        sheets.insert(table.name.clone(), sheet);
    }
    (sheets, changed)
}

/// New values for some rows. Often they are ones that stand in visible rows too, in another spelling, or extreme.
fn redrawn(values: &ArrayRef, hidden: impl Fn(usize) -> bool, draw: &mut Draw) -> ArrayRef {
    macro_rules! redraw {
        ($values:expr, $array:ty, $new:expr) => {{
            let old = $values;
            let drawn: $array = (0..old.len())
                .map(|row| match hidden(row) {
                    true => $new(draw),
                    false => old.is_valid(row).then(|| old.value(row)),
                })
                .collect();
            drawn
        }};
    }
    match values.data_type() {
        ArrowType::Utf8 => Arc::new(redrawn_texts(values.as_string::<i32>(), hidden, draw)),
        ArrowType::Int16 => Arc::new(redraw!(
            values.as_primitive::<Int16Type>(),
            Int16Array,
            |d: &mut Draw| {
                d.one_of(&[
                    None,
                    Some(0),
                    Some(i16::MIN),
                    Some(i16::MAX),
                    Some(3),
                    Some(-7),
                ])
            }
        )),
        ArrowType::Int32 => Arc::new(redraw!(
            values.as_primitive::<Int32Type>(),
            Int32Array,
            |d: &mut Draw| { d.one_of(&[None, Some(0), Some(i32::MIN), Some(i32::MAX), Some(12)]) }
        )),
        ArrowType::Int64 => Arc::new(redraw!(
            values.as_primitive::<Int64Type>(),
            Int64Array,
            |d: &mut Draw| {
                d.one_of(&[
                    None,
                    Some(0),
                    Some(i64::MIN / 2),
                    Some(i64::MAX / 2),
                    Some(500_123),
                ])
            }
        )),
        ArrowType::Float32 => Arc::new(redraw!(
            values.as_primitive::<Float32Type>(),
            Float32Array,
            |d: &mut Draw| {
                d.one_of(&[None, Some(0.0), Some(f32::MAX), Some(-1.5), Some(275.0)])
            }
        )),
        ArrowType::Float64 => Arc::new(redraw!(
            values.as_primitive::<Float64Type>(),
            Float64Array,
            |d: &mut Draw| {
                d.one_of(&[
                    None,
                    Some(0.0),
                    Some(f64::MAX),
                    Some(f64::NEG_INFINITY),
                    Some(f64::NAN),
                    Some(0.1),
                ])
            }
        )),
        ArrowType::Boolean => Arc::new(redraw!(
            values.as_boolean(),
            BooleanArray,
            |d: &mut Draw| d.one_of(&[None, Some(true), Some(false)])
        )),
        ArrowType::Date32 => Arc::new(redraw!(
            values.as_primitive::<Date32Type>(),
            Date32Array,
            |d: &mut Draw| {
                d.one_of(&[None, Some(0), Some(-50_000), Some(1_000_000), Some(19_000)])
            }
        )),
        ArrowType::Timestamp(_, zone) => {
            let drawn = redraw!(
                values.as_primitive::<TimestampMicrosecondType>(),
                TimestampMicrosecondArray,
                |d: &mut Draw| d.one_of(&[
                    None,
                    Some(0),
                    Some(1_600_000_000_000_000),
                    Some(-3_000_000_000_000)
                ])
            );
            Arc::new(drawn.with_timezone_opt(zone.clone()))
        }
        // Calculated columns are computed over all data (row rule 10), so their sums must not overflow.
        ArrowType::Decimal128(_, _) => {
            let drawn = redraw!(
                values.as_primitive::<Decimal128Type>(),
                Decimal128Array,
                |d: &mut Draw| {
                    d.one_of(&[
                        None,
                        Some(0),
                        Some(1_000_000_000_000_000_000),
                        Some(-1_000_000_000_000_000_000),
                        Some(123_456),
                    ])
                }
            );
            Arc::new(drawn.with_data_type(values.data_type().clone()))
        }
        other => panic!("no values of {other} are drawn"),
    }
}

fn redrawn_texts(
    old: &StringArray,
    hidden: impl Fn(usize) -> bool,
    draw: &mut Draw,
) -> StringArray {
    let rows = old.len() as u64;
    let mut new = |row: usize| -> Option<String> {
        if !hidden(row) {
            return old.is_valid(row).then(|| old.value(row).to_owned());
        }
        let other = draw.below(rows) as usize;
        let other = if old.is_valid(other) {
            old.value(other)
        } else {
            ""
        };
        match draw.below(6) {
            0 => None,
            1 => Some(String::new()),
            // Equal to a text that may be visible, and written otherwise.
            2 => Some(other.to_uppercase()),
            3 => Some(format!("{}  ", other.to_lowercase())),
            4 => Some(format!("hidden {}", draw.next())),
            _ => Some("\u{10FFFF}zzz".to_owned()),
        }
    };
    (0..old.len()).map(&mut new).collect()
}

const fn case(roles: &'static [&'static str]) -> Case {
    Case {
        roles,
        user: Some("anna@retail.example"),
        custom_data: Some("Alpine"),
        hidden: &[],
        true_on_blank: &[],
    }
}

fn everything_shown(database: &Database, case: &Case, queries: &[Query]) -> Vec<String> {
    let session = database
        .session(case.identity())
        .unwrap_or_else(|error| panic!("{}: {error}", case.name()));
    queries
        .iter()
        .map(|query| all_that_shows(&session, &query.text, &corpus::options()))
        .collect()
}

/// Queries of which anything that shows is not to the byte what it was.
fn differing(
    world: &World,
    case: &Case,
    before: &[String],
    sheets: &Sheets,
    queries: &[Query],
) -> Vec<String> {
    let changed = import(world.model(), sheets, Scratch::new("blindness").path());
    let after = everything_shown(&changed, case, queries);
    let mut differ = Vec::new();
    for ((query, before), after) in queries.iter().zip(before).zip(&after) {
        if before != after {
            let lines = before.lines().zip(after.lines()).filter(|(a, b)| a != b);
            let lines: Vec<_> = lines.take(3).collect();
            differ.push(format!("{} / {}: {lines:?}", case.name(), query.name));
        }
    }
    differ
}

fn check_cells(world: &World, cases: &[Case], queries: &[Query], seeds: u64) {
    let mut differ = Vec::new();
    for case in cases {
        let visible = world.visible(case);
        let before = everything_shown(world.database(), case, queries);
        for seed in 0..seeds {
            let (sheets, changed) = change_hidden_cells(world, case, &visible, &mut Draw(seed));
            assert!(changed > 50, "{}: {changed} cells changed", case.name());
            let found = differing(world, case, &before, &sheets, queries);
            differ.extend(found.into_iter().map(|line| format!("seed {seed}: {line}")));
        }
    }
    assert_none(&differ);
}

#[test]
fn retail_sessions_do_not_see_hidden_cells_change() {
    let cases = [
        case(&["Germany"]),
        case(&["Bikes"]),
        case(&["Recent"]),
        case(&["Large Lines"]),
        case(&["Red Consumers"]),
        case(&["Region Managers"]),
        case(&["Tenants"]),
        case(&["Bikes", "Germany"]),
    ];
    check_cells(&retail_world(), &cases, &corpus::retail(), 2);
}

fn assert_none(differ: &[String]) {
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
}

fn check_rows(world: &World, cases: &[Case], queries: &[Query]) {
    let mut differ = Vec::new();
    for case in cases {
        let visible = world.visible(case);
        let files = world.model().tables.iter();
        let sheets: Sheets = files
            .filter(|table| comes_from_files(table))
            .map(|table| {
                let shown = &visible[&table.name];
                let sheet = keep_rows(&world.source(&table.name), |row| shown[row]);
                (table.name.clone(), sheet)
            })
            .collect();
        let before = everything_shown(world.database(), case, queries);
        differ.extend(differing(world, case, &before, &sheets, queries));
    }
    assert_none(&differ);
}

/// Nor how many hidden rows there are, nor whether a row is hidden or not there at all. Roles that filter Stores are left to
/// the cells above: the calculated table Regions is computed over all stores (row rule 10), so without the hidden ones it is
/// another table.
#[test]
fn retail_sessions_do_not_see_hidden_rows_go() {
    let cases = [
        case(&["Bikes"]),
        case(&["Recent"]),
        case(&["Large Lines"]),
        case(&["Red Consumers"]),
        case(&["Nobody"]),
    ];
    check_rows(&retail_world(), &cases, &corpus::retail());
}

/// Roles that look at rows which they hide are left out: without those rows they would be other roles.
#[test]
fn adventure_works_sessions_do_not_see_hidden_rows_go() {
    let Some(world) = adventure_world() else {
        return;
    };
    let cases = [
        case(&["Europe"]),
        case(&["Europe", "Bikes"]),
        case(&["Recent", "Bikes"]),
        case(&["Europe without cost"]),
    ];
    check_rows(&world, &cases, &corpus::adventure_works());
}

#[test]
fn adventure_works_sessions_do_not_see_hidden_cells_change() {
    let Some(world) = adventure_world() else {
        return;
    };
    let cases = [
        case(&["Europe"]),
        case(&["Europe", "Bikes"]),
        case(&["Recent"]),
        Case {
            hidden: ADVENTURE_COST,
            ..case(&["Europe without cost"])
        },
        Case {
            hidden: ADVENTURE_COST,
            ..case(&["No cost"])
        },
    ];
    check_cells(&world, &cases, &corpus::adventure_works(), 2);
}
