//! Scans answered from cubes against the scans themselves, over random data and random scans.

use std::sync::Arc;

use super::random::{FACT, Random, World};
use crate::*;

/// A scan without some of the filters of another one, and with the columns of those among its keys, which stand in another order. And
/// the filters that are left to be applied.
fn widened(random: &mut Random, scan: &Scan) -> (Scan, Vec<Filter>) {
    let mut wide = scan.clone();
    let mut loose = Vec::new();
    wide.filters.retain(|filter| {
        let stays = random.chance(25);
        if !stays {
            loose.push(filter.clone());
        }
        stays
    });
    for filter in &loose {
        match filter {
            Filter::In { column, .. } => wide.keys.push(column.clone()),
            Filter::Tuples { columns, .. } => wide.keys.extend(columns.iter().cloned()),
        }
    }
    wide.keys.sort();
    if random.chance(50) {
        wide.keys.reverse();
    }
    wide.keys.dedup();
    (wide, loose)
}

/// Everything of an answer but what it took, bit for bit.
fn text(groups: &Groups) -> String {
    format!("{} {:?} {:?}", groups.len, groups.keys, groups.aggregates)
}

/// How many of the scans were answered from a cube, and how many of these answers had a group.
fn check(seed: u64, rows: usize, scans: usize) -> (usize, usize) {
    let mut random = Random::new(seed);
    let world = World::new(&mut random, rows);
    let control = Control::new(None);
    let mut answered = (0, 0);
    for number in 0..scans {
        let scan = world.scan(&mut random);
        let (wide, loose) = widened(&mut random, &scan);
        let place = format!("seed {seed}, scan {number}: {scan:?}\nfrom {wide:?}");
        let Ok(found) = world.data.scan(&wide, &control) else {
            // More rows may hold what cannot be computed.
            continue;
        };
        let combines = scan.may_combine()
            && !found
                .aggregates
                .iter()
                .any(|a| matches!(a, Aggregated::Double(_)));
        let cube = Cube::new(&wide, &found);
        assert_eq!(cube.is_some(), combines, "{place}");
        let loose: Vec<&Filter> = loose.iter().collect();
        let Some(answer) = cube.and_then(|cube| cube.answer(&scan.keys, &loose)) else {
            continue;
        };
        let expected = world.data.scan(&scan, &control);
        let expected = expected.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(text(&answer), text(&expected), "{place}");
        answered.0 += 1;
        answered.1 += usize::from(answer.len > 0);
    }
    answered
}

#[test]
fn a_cube_answers_as_the_scan_does() {
    let (mut answered, mut filled) = (0, 0);
    for seed in 0..220 {
        let rows = [0, 3, 40, 400, 3000][seed as usize % 5];
        let (some, groups) = check(seed, rows, 25);
        answered += some;
        filled += groups;
    }
    assert!(answered > 1000 && filled > 500, "{answered} {filled}");
}

fn here(column: u32) -> PathColumn {
    PathColumn {
        path: Path::here(),
        target: Target::Column(column),
    }
}

fn by(keys: &[u32], op: AggregateOp, argument: Option<Expression>) -> Scan {
    Scan {
        table: FACT,
        visibility: Visibility::All,
        masks: Vec::new(),
        filters: Vec::new(),
        keys: keys.iter().map(|column| here(*column)).collect(),
        aggregates: vec![Aggregate { op, argument }],
        max_groups: usize::MAX,
    }
}

#[test]
fn what_does_not_combine_or_is_not_there_is_not_answered() {
    let world = World::new(&mut Random::new(9), 500);
    let cube = |scan: &Scan| {
        let found = world.data.scan(scan, &Control::new(None)).unwrap();
        Cube::new(scan, &found)
    };
    let plain = |column: u32| Some(Expression::Column(here(column)));
    for (op, argument, combines) in [
        (AggregateOp::Rows, None, true),
        (AggregateOp::Count, plain(4), true),
        (AggregateOp::Sum, plain(2), true),
        (AggregateOp::Sum, plain(3), true),
        (AggregateOp::Sum, plain(4), false),
        (AggregateOp::Min, plain(5), true),
        (AggregateOp::Max, plain(4), true),
        (AggregateOp::DistinctCount, plain(2), false),
    ] {
        let scan = by(&[1, 6], op, argument);
        assert_eq!(cube(&scan).is_some(), combines, "{scan:?}");
    }
    let cube = cube(&by(&[1, 6], AggregateOp::Rows, None)).unwrap();
    let filter = |column: u32| Filter::In {
        column: here(column),
        set: Arc::new([0, 1].into_iter().collect()),
    };
    assert!(cube.answer(&[here(6)], &[&filter(1)]).is_some());
    assert!(cube.answer(&[here(6)], &[&filter(2)]).is_none());
    assert!(cube.answer(&[here(2)], &[]).is_none());
    // The same column of another table is another column.
    let beyond = PathColumn {
        path: world.paths(FACT)[1].0.clone(),
        target: Target::Column(1),
    };
    assert!(cube.answer(&[beyond], &[]).is_none());
}

#[test]
fn a_scan_with_too_many_combinations_is_refused_before_its_first_row() {
    let world = World::new(&mut Random::new(9), 500);
    let scan = by(&[1, 2], AggregateOp::Rows, None);
    let control = Control::new(None);
    let within = |combinations| world.data.scan_within(&scan, combinations, &control);
    assert!(matches!(within(100), Err(ScanError::TooManyGroups { .. })));
    assert_eq!(control.rows_scanned(), 0);
    let expected = world.data.scan(&scan, &control).unwrap();
    assert_eq!(text(&within(10_000).unwrap()), text(&expected));
    let one = by(&[], AggregateOp::Rows, None);
    assert!(world.data.scan_within(&one, 1, &control).is_ok());
}
