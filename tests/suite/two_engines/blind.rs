//! Blindness at random: two copies of a random model that differ in nothing but what an identity cannot see give it the same
//! bytes. Hidden rows are changed, added and removed; hidden columns, measures and tables are renamed, changed, added and removed;
//! so are the rules of roles that the identity does not hold.
//!
//! `PERISTYLE_BLIND` says how many (model, twin, roles, query) to try, `PERISTYLE_SEED` where to begin.

mod twin;

use literal::shown_rows;
use model::{SecurityFilter, write_bim};
use peristyle::{Database, Identity, Limits, QueryOptions, Session};

use super::deleted::{copy, hideable, hiding};
use super::models::{Sort, World, random_world};
use super::queries::Writer;
use super::random::Random;
use super::{QUERIES, number_from, role_sets, sketch, try_models};
use crate::outcome::all_that_shows;
use crate::scratch::Scratch;
use twin::{Changes, twin};

#[derive(Default)]
struct Tally {
    tried: usize,
    answered: usize,
    /// Twins whose hidden rows could not be changed, mostly because there are none.
    alike: usize,
    twins: usize,
    changes: Changes,
}

#[test]
fn nothing_shows_of_what_is_hidden() {
    let most = number_from("PERISTYLE_BLIND", 2_000) as usize;
    let (tally, seed) = try_models(
        move |tally: &Tally| tally.tried < most,
        move |seed, tally| try_model(seed, most, tally),
    );
    println!(
        "{} pairs up to seed {seed}: {} answered, {} twins, {} more without a change; {:?}",
        tally.tried, tally.answered, tally.twins, tally.alike, tally.changes
    );
    assert!(
        tally.answered * 2 > tally.tried,
        "too few queries have answers"
    );
    assert!(
        tally.alike < tally.twins,
        "too few twins differ in what is hidden"
    );
}

fn try_model(seed: u64, most: usize, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let mut world = random_world(&mut random);
    if !world.secured {
        return;
    }
    secure_both_ways(&mut world, &mut random);
    for roles in role_sets(&world) {
        let hidden = if roles.len() == 1 && random.chance(60) {
            hideable(&world, &mut random)
        } else {
            None
        };
        let first = match hidden {
            Some(column) => hiding(&world, roles[0], column),
            None => copy(&world),
        };
        let Some(second) = twin(&first, roles, hidden, &mut random) else {
            tally.alike += 1;
            continue;
        };
        tally.changes.add(&second.changes);
        let (files, other) = (Scratch::new("blind"), Scratch::new("twin"));
        let first_opened = first.import(files.path());
        let second_opened = second.world.import(other.path());
        let Some((one, two)) = admitted(&first_opened, &second_opened, roles) else {
            continue;
        };
        tally.twins += 1;
        let told = || {
            format!(
                "seed {seed}, roles {roles:?}, hidden {hidden:?}, {:?}\n{}\n{}\ntwin:\n{}\n{}\n{}",
                second.changes,
                sketch(&first),
                marked_rows(&first, roles),
                sketch(&second.world),
                marked_rows(&second.world, roles),
                write_bim(second.world.model())
            )
        };
        assert_eq!(
            format!("{:?}", one.catalog()),
            format!("{:?}", two.catalog()),
            "{}",
            told()
        );
        let described = probes(&first, hidden);
        for (dax, counts) in described
            .into_iter()
            .map(|dax| (dax, false))
            .chain((0..QUERIES).map(|_| (Writer::new(&first, &mut random).query(), true)))
            .collect::<Vec<_>>()
        {
            if tally.tried >= most {
                return;
            }
            let options = limited(&mut random);
            let (a, b) = (
                all_that_shows(&one, &dax, &options),
                all_that_shows(&two, &dax, &options),
            );
            assert!(
                a == b,
                "{}\nquery:\n{dax}\n{}",
                told(),
                first_difference(&a, &b)
            );
            if counts {
                tally.tried += 1;
                tally.answered += usize::from(!a.starts_with("error"));
            }
        }
    }
}

/// All rows of the smaller tables, those that the roles show with a mark.
fn marked_rows(world: &World, roles: &[&str]) -> String {
    let shown = shown_rows(&world.data, roles).expect("roles of the world");
    let mut lines = Vec::new();
    for (t, table) in world.model().tables.iter().enumerate() {
        for (row, shown) in world.data.rows(t).iter().zip(&shown[t]) {
            if world.sorts[t] != Sort::Dates || *shown {
                let mark = if *shown { "+" } else { "-" };
                lines.push(format!("{mark} {} {row:?}", table.name));
            }
        }
    }
    lines.join("\n")
}

/// Both admit, or both refuse with the same words.
fn admitted(one: &Database, two: &Database, roles: &[&str]) -> Option<(Session, Session)> {
    let ask =
        |database: &Database| database.session(Identity::anonymous().roles(roles.iter().copied()));
    match (ask(one), ask(two)) {
        (Ok(one), Ok(two)) => Some((one, two)),
        (Err(one), Err(two)) => {
            assert_eq!(one.to_string(), two.to_string());
            None
        }
        (one, two) => panic!("{:?} against {:?}", one.err(), two.err()),
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let lines = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    lines.map_or_else(
        || format!("{} bytes against {}:\n{a}\n{b}", a.len(), b.len()),
        |(a, b)| format!("{a}\nagainst\n{b}"),
    )
}

/// Row filters that travel against the arrow too, where only one way leads to each table.
fn secure_both_ways(world: &mut World, random: &mut Random) {
    if world.sorts.iter().filter(|s| **s == Sort::Fact).count() > 1 || !random.chance(40) {
        return;
    }
    let chosen: Vec<bool> = (0..world.model().relationships.len())
        .map(|_| random.chance(40))
        .collect();
    world.change(|model| {
        for (relationship, chosen) in model.relationships.iter_mut().zip(chosen) {
            if chosen && relationship.active {
                relationship.security_filter = SecurityFilter::BothDirections;
            }
        }
    });
}

/// Small limits are refused alike too.
fn limited(random: &mut Random) -> QueryOptions {
    let mut limits = Limits::default();
    match random.below(12) {
        0 => limits.result_rows = 4,
        1 => limits.table_rows = 20,
        2 => limits.groups = 5,
        _ => {}
    }
    QueryOptions::default().limits(limits)
}

/// What describes the model, and names that are not there, one of them hidden in one of the two.
fn probes(world: &World, hidden: Option<(usize, usize)>) -> Vec<String> {
    let mut probes: Vec<String> = [
        "EVALUATE INFO.VIEW.TABLES()",
        "EVALUATE INFO.VIEW.COLUMNS()",
        "EVALUATE INFO.VIEW.MEASURES()",
        "EVALUATE INFO.VIEW.RELATIONSHIPS()",
        "EVALUATE COLUMNSTATISTICS()",
        "EVALUATE INFO.TABLES()",
        "EVALUATE 'F1'",
        "EVALUATE VALUES('F1'[Amonut])",
        "EVALUATE ROW(\"x\", [Secret Total])",
        "EVALUATE ROW(\"x\", [Tota])",
        "EVALUATE Secret",
        "EVALUATE VALUES(Secret[Secret Key])",
        "DEFINE TABLE Secret = {1, 2} EVALUATE Secret",
        "DEFINE MEASURE 'F1'[Secret Total] = COUNTROWS('F1') EVALUATE ROW(\"x\", [Secret Total])",
        "DEFINE COLUMN 'F1'[Secret Column] = 1 EVALUATE VALUES('F1'[Secret Column])",
    ]
    .map(str::to_owned)
    .into();
    for (t, table) in world.model().tables.iter().enumerate() {
        if world.sorts[t] == Sort::Dimension {
            probes.push(format!("EVALUATE '{}'", table.name));
        }
    }
    if let Some((table, column)) = hidden {
        let table = &world.model().tables[table];
        let name = &table.columns[column].name;
        probes.push(format!("EVALUATE VALUES('{}'[{name}])", table.name));
        probes.push(format!("EVALUATE VALUES('{}'[{name}s])", table.name));
        probes.push(format!(
            "DEFINE COLUMN '{0}'[{name}] = 1 EVALUATE VALUES('{0}'[{name}])",
            table.name
        ));
    }
    probes
}
