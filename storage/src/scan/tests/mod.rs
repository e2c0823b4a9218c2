//! Scans against a literal evaluator that looks at one row at a time, over random data and random scans.

mod cubes;
mod literal;
pub(super) mod random;
mod whole;

use roaring::RoaringBitmap;

use crate::*;
use literal::Literal;
use random::{Random, World};

/// Scans of a small random dataset agree with the literal evaluator.
fn check(seed: u64, rows: usize, scans: usize) {
    let mut random = Random::new(seed);
    let world = World::new(&mut random, rows);
    let literal = Literal::new(&world);
    for number in 0..scans {
        let scan = world.scan(&mut random);
        let place = format!("seed {seed}, scan {number}: {scan:?}");
        let control = Control::new(None);
        let expected_rows = literal.rows(&scan);
        assert_eq!(
            world.data.scan_rows(&scan, &control).unwrap(),
            expected_rows,
            "{place}"
        );
        let without_filters = Scan {
            filters: Vec::new(),
            ..scan.clone()
        };
        let visible: RowBlocks = literal.rows(&without_filters).into_iter().collect();
        assert_eq!(
            world
                .data
                .visible_rows(scan.table, &scan.visibility, &control)
                .unwrap(),
            visible,
            "{place}"
        );
        match (
            world.data.scan(&scan, &control),
            literal.groups(&scan, &expected_rows),
        ) {
            (Ok(found), Ok(expected)) => literal::assert_same(&found, &expected, &place),
            (Err(found), Err(expected)) => assert_eq!(found, expected, "{place}"),
            (found, expected) => panic!("{place}\nfound {found:?}\nexpected {expected:?}"),
        }
    }
}

#[test]
fn small_tables() {
    for seed in 0..150 {
        check(seed, (seed % 12) as usize, 25);
    }
}

#[test]
fn middling_tables() {
    for seed in 100..160 {
        check(seed, 50 + 3 * seed as usize, 25);
    }
}

#[test]
fn tables_of_several_blocks() {
    check(1000, 150_000, 12);
}

#[test]
fn blocks_without_passing_codes_are_skipped() {
    let world = World::new(&mut Random::new(5), 150_000);
    let literal = Literal::new(&world);
    // Days are sorted in this table: neighbouring codes are tested as a range, the others by looking up.
    for (codes, scanned) in [
        (vec![2, 3], 65_536),
        (vec![2, 4], 65_536),
        (vec![1, 2, 40], 65_536 + 18_928),
    ] {
        let column = PathColumn {
            path: Path::here(),
            target: Target::Column(1),
        };
        let scan = Scan {
            table: random::FACT,
            visibility: Visibility::All,
            masks: Vec::new(),
            filters: vec![Filter::In {
                column: column.clone(),
                set: RoaringBitmap::from_iter(codes).into(),
            }],
            keys: vec![column],
            aggregates: vec![Aggregate {
                op: AggregateOp::Rows,
                argument: None,
            }],
            max_groups: 10,
        };
        let found = world.data.scan(&scan, &Control::default()).unwrap();
        assert_eq!(found.rows_scanned, scanned);
        // Which days pass is known without a look at the rows.
        let listed = Scan {
            aggregates: Vec::new(),
            ..scan.clone()
        };
        let listed = world.data.scan(&listed, &Control::default()).unwrap();
        assert_eq!((listed.keys, listed.rows_scanned), (found.keys.clone(), 0));
        literal::assert_same(
            &found,
            &literal.groups(&scan, &literal.rows(&scan)).unwrap(),
            "days",
        );
    }
}

#[test]
fn the_rest_of_a_table_is_left_out_once_every_code_was_seen() {
    const ROWS: u32 = 300_000;
    let world = World::new(&mut Random::new(5), ROWS as usize);
    let literal = Literal::new(&world);
    // Fifty values in no order.
    let column = PathColumn {
        path: Path::here(),
        target: Target::Column(2),
    };
    let scan_of = |visible: RowBlocks| Scan {
        table: random::FACT,
        visibility: Visibility::AnyOf(vec![Term {
            sets: vec![PlacedSet {
                path: Path::here(),
                target: Target::Row,
                rows: RowSet::Some(visible).into(),
            }],
        }]),
        masks: Vec::new(),
        filters: Vec::new(),
        keys: vec![column.clone()],
        aggregates: Vec::new(),
        max_groups: usize::MAX,
    };
    let checked = |scan: &Scan| {
        let found = world.data.scan(scan, &Control::default()).unwrap();
        let expected = literal.groups(scan, &literal.rows(scan)).unwrap();
        literal::assert_same(&found, &expected, "codes");
        found
    };
    let most = checked(&scan_of((1000..ROWS).collect()));
    assert!(most.rows_scanned < u64::from(ROWS), "{}", most.rows_scanned);
    // One value is visible in the last row alone, so all have to be looked at, and another nowhere.
    let codes = literal.codes_of(random::FACT, 2);
    let last = codes[ROWS as usize - 1];
    let other = codes.iter().copied().find(|code| *code != last).unwrap();
    let rows = (0..ROWS - 1).filter(|row| ![last, other].contains(&codes[*row as usize]));
    let fewer = checked(&scan_of(rows.chain([ROWS - 1]).collect()));
    assert_eq!(fewer.rows_scanned, u64::from(ROWS));
    assert_eq!(fewer.len + 1, most.len);
}

#[test]
fn fetching_follows_paths_as_the_literal_evaluator_does() {
    for seed in 200..220 {
        let mut random = Random::new(seed);
        let world = World::new(&mut random, 40);
        let literal = Literal::new(&world);
        for table in [random::FACT, TableId(4)] {
            let count = world.data.rows(table).unwrap();
            let rows: Vec<u32> = (0..=count).rev().collect();
            for column in world.path_columns(table) {
                let masks = world.masks(&mut random, table);
                let found = world.data.fetch(table, &rows, &column, &masks).unwrap();
                let expected: Vec<u32> = rows
                    .iter()
                    .map(|row| literal.code(table, *row, &column, &masks))
                    .collect();
                assert_eq!(found, expected, "seed {seed}: {column:?} {masks:?}");
            }
        }
    }
}

#[test]
fn the_scanned_table_itself_takes_no_mask() {
    let mut random = Random::new(3);
    let world = World::new(&mut random, 10);
    let masks = vec![PlacedSet {
        path: Path::here(),
        target: Target::Row,
        rows: RowSet::All.into(),
    }];
    let here = PathColumn {
        path: Path::here(),
        target: Target::Row,
    };
    assert!(world.data.fetch(random::FACT, &[0], &here, &masks).is_err());
    let scan = Scan {
        masks,
        ..world.scan(&mut random)
    };
    assert!(world.data.scan(&scan, &Control::default()).is_err());
}

#[test]
fn classes_are_those_of_equal_rows() {
    for seed in 300..340 {
        let mut random = Random::new(seed);
        let world = World::new(&mut random, 30);
        let literal = Literal::new(&world);
        for table in 0..world.tables.len() as u32 {
            let table = TableId(table);
            let rows = world.data.rows(table).unwrap();
            let same = |a, b| literal.equal_rows(table, a, b);
            match world.data.row_classes(table).unwrap() {
                None => assert!(
                    (0..rows).all(|a| (0..a).all(|b| !same(a, b))),
                    "seed {seed}, {table:?}"
                ),
                Some(classes) => {
                    for (a, b) in (0..rows).flat_map(|a| (0..rows).map(move |b| (a, b))) {
                        assert_eq!(
                            classes[a as usize] == classes[b as usize],
                            same(a, b),
                            "seed {seed}, {table:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn more_than_sixty_four_roles() {
    let mut random = Random::new(7);
    let world = World::new(&mut random, 100);
    let literal = Literal::new(&world);
    let terms = (0..130).map(|row: u32| {
        let path = if row % 16 != 1 {
            Path::here()
        } else {
            world.paths(random::FACT)[1].0.clone()
        };
        let rows = RowSet::Some(std::iter::once(row / 2).collect());
        Term {
            sets: vec![PlacedSet {
                path,
                target: Target::Row,
                rows: rows.into(),
            }],
        }
    });
    let scan = Scan {
        table: random::FACT,
        visibility: Visibility::AnyOf(terms.collect()),
        masks: Vec::new(),
        filters: Vec::new(),
        keys: Vec::new(),
        aggregates: Vec::new(),
        max_groups: 1,
    };
    let found = world.data.scan_rows(&scan, &Control::default()).unwrap();
    assert_eq!(found, literal.rows(&scan));
    assert!(!found.is_empty() && found.len() < 100);
}

/// Two cores that identities compete for, so that scans wait in the middle and get help and lose it, give what one thread alone gives.
#[test]
fn turns_change_no_result() {
    let mut random = Random::new(77);
    let world = World::new(&mut random, 200_000);
    let scans: Vec<Scan> = (0..8).map(|_| world.scan(&mut random)).collect();
    let expected: Vec<_> = scans
        .iter()
        .map(|scan| world.data.scan(scan, &Control::new(None)))
        .collect();
    let turns = Turns::new(2);
    std::thread::scope(|scope| {
        for client in ["a", "b", "b", "c"] {
            let (world, scans, expected, turns) = (&world, &scans, &expected, &turns);
            scope.spawn(move || {
                for _ in 0..6 {
                    for (scan, expected) in scans.iter().zip(expected) {
                        let control = Control::bounded(Bounds {
                            turns: Some((std::sync::Arc::clone(turns), client.into())),
                            ..Bounds::default()
                        });
                        let _held = control.begin().unwrap();
                        match (world.data.scan(scan, &control), expected) {
                            (Ok(found), Ok(expected)) => {
                                literal::assert_same(&found, expected, client);
                            }
                            (found, expected) => assert_eq!(found.err(), expected.clone().err()),
                        }
                    }
                }
            });
        }
    });
    assert!(turns.are_idle());
}

#[test]
fn a_scan_stops_when_it_is_told_to() {
    let world = World::new(&mut Random::new(1), 10);
    let mut scan = world.scan(&mut Random::new(2));
    let control = Control::new(None);
    control.cancel();
    assert_eq!(
        world.data.scan(&scan, &control).unwrap_err(),
        ScanError::Stopped(Stopped::Cancelled)
    );
    scan = Scan {
        table: random::FACT,
        visibility: Visibility::All,
        masks: Vec::new(),
        filters: Vec::new(),
        keys: vec![PathColumn {
            path: Path::here(),
            target: Target::Row,
        }],
        aggregates: Vec::new(),
        max_groups: 9,
    };
    assert_eq!(
        world.data.scan(&scan, &Control::default()).unwrap_err(),
        ScanError::TooManyGroups { limit: 9 }
    );
}
