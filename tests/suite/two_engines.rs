//! Two engines: the engine against a literal evaluator that takes one context at a time, on random models, roles and
//! queries.
//!
//! `PERISTYLE_TRIPLES` says how many (model, roles, query) to try, `PERISTYLE_SEED` where to begin.

mod blind;
mod deleted;
mod models;
mod pairs;
mod queries;
mod random;
mod shrink;

use literal::{Answer, Data, Failure, answer, secured};
use model::write_bim;
use peristyle::{Identity, QueryOptions, Session, value_at};

use crate::scratch::Scratch;
use models::{World, random_world};
use queries::Writer;
use random::Random;

/// Queries for each model and set of roles.
const QUERIES: usize = 12;

fn number_from(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

/// Refusals of the engine that are known to be wrong, or about which the reference says nothing; such queries are skipped.
const KNOWN: &[&str] = &[
    // DIVIDE of a value that is already infinite or not a number.
    "DIVIDE has no value here",
];

#[derive(Default)]
struct Tally {
    tried: usize,
    /// Beyond what the literal evaluator knows, or would answer in reasonable time.
    skipped: usize,
    refused: usize,
    rows: usize,
    differences: Vec<String>,
}

/// Tries one random model after another, from PERISTYLE_SEED on, as long as it should go on; gives the seed after the last.
fn try_models<T: Default + Send + 'static>(
    goes_on: impl Fn(&T) -> bool + Send + 'static,
    try_model: impl Fn(u64, &mut T) + Send + 'static,
) -> (T, u64) {
    let mut seed = number_from("PERISTYLE_SEED", 1);
    let mut tally = T::default();
    // Deep recursion of the literal evaluator needs more than a test's stack.
    let worker = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || {
            while goes_on(&tally) {
                try_model(seed, &mut tally);
                seed += 1;
            }
            (tally, seed)
        });
    worker.expect("a thread").join().expect("no difference")
}

#[test]
fn the_engine_and_the_literal_evaluator_agree() {
    let triples = number_from("PERISTYLE_TRIPLES", 1_500) as usize;
    let most = number_from("PERISTYLE_DIFFERENCES", 1) as usize;
    let (tally, seed) = try_models(
        move |tally: &Tally| tally.tried < triples && tally.differences.len() < most,
        move |seed, tally| try_model(seed, triples, tally),
    );
    println!(
        "{} triples up to seed {seed}: {} refused by both, {} skipped, {} rows compared",
        tally.tried, tally.refused, tally.skipped, tally.rows
    );
    assert!(
        tally.differences.is_empty(),
        "{}",
        tally.differences.join("\n\n")
    );
    assert!(
        tally.skipped * 10 <= tally.tried,
        "too much is beyond the literal evaluator: {} of {}",
        tally.skipped,
        tally.tried
    );
}

fn try_model(seed: u64, triples: usize, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let world = random_world(&mut random);
    let files = Scratch::new("two-engines");
    let database = world.import(files.path());
    for roles in role_sets(&world) {
        let data = if roles.is_empty() {
            Ok(None)
        } else {
            secured(&world.data, roles).map(Some)
        };
        let session = database.session(Identity::anonymous().roles(roles.iter().copied()));
        let pair = match (&data, session) {
            (Ok(secured), Ok(session)) => Pair {
                data: secured.as_ref().unwrap_or(&world.data),
                session,
            },
            (Err(_), Err(_)) => continue,
            (literal, engine) => {
                let (literal, engine) = (literal.as_ref().err(), engine.err());
                tally.differences.push(format!(
                    "seed {seed}, roles {roles:?}: literal {literal:?}, engine {engine:?}\n{}",
                    write_bim(world.model())
                ));
                return;
            }
        };
        for number in 0..QUERIES {
            if tally.tried >= triples {
                return;
            }
            let dax = Writer::new(&world, &mut random).query();
            tally.tried += 1;
            if let Some(difference) = pair.try_query(&dax, tally) {
                report(seed, number, roles, &world, &pair, &dax, difference, tally);
                return;
            }
        }
    }
}

fn role_sets(world: &World) -> Vec<&'static [&'static str]> {
    if world.model().roles.is_empty() {
        return vec![&[], &[]];
    }
    let mut sets: Vec<&[&str]> = vec![&["One"], &["Two"], &["Everything"]];
    if world.roles_unite() {
        sets.push(&["One", "Two"]);
    }
    sets
}

struct Pair<'w> {
    data: &'w Data,
    session: Session,
}

/// A cell as both sides give it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Cell {
    Blank,
    Boolean(bool),
    Number(f64),
    Date(i64),
    Text(String),
}

type Rows = Vec<Vec<Cell>>;

impl Pair<'_> {
    fn try_query(&self, dax: &str, tally: &mut Tally) -> Option<Difference> {
        let literal = match answer(self.data, dax) {
            Err(Failure::Unknown(what)) => {
                if std::env::var("PERISTYLE_SHOW_SKIPPED").is_ok() {
                    println!("skipped: {what}: {dax}");
                }
                tally.skipped += 1;
                return None;
            }
            other => other,
        };
        let engine = self.session.query_with(dax, &QueryOptions::default());
        if let Err(error) = &engine
            && KNOWN.iter().any(|known| error.to_string().contains(known))
        {
            tally.skipped += 1;
            return None;
        }
        match (literal, engine) {
            (Err(_), Err(_)) => {
                tally.refused += 1;
                None
            }
            (Ok(literal), Ok(engine)) => {
                let (literal, engine) = (literal_rows(&literal), engine_rows(&engine));
                tally.rows += literal.len();
                (!same_rows(&literal, &engine)).then(|| Difference {
                    class: String::new(),
                    text: format!("literal:\n{}\nengine:\n{}", shown(&literal), shown(&engine)),
                })
            }
            (Err(failure), Ok(engine)) => Some(Difference {
                class: failure.to_string(),
                text: format!(
                    "literal: {failure}\nengine:\n{}",
                    shown(&engine_rows(&engine))
                ),
            }),
            (Ok(literal), Err(error)) => Some(Difference {
                // What the message names may change as the query shrinks.
                class: error
                    .to_string()
                    .chars()
                    .filter(|c| c.is_lowercase())
                    .take(20)
                    .collect(),
                text: format!(
                    "literal:\n{}\nengine: {error}",
                    shown(&literal_rows(&literal))
                ),
            }),
        }
    }
}

/// How the two answers differ; differences of one class are likely to have one cause.
struct Difference {
    class: String,
    text: String,
}

#[allow(clippy::too_many_arguments)]
fn report(
    seed: u64,
    number: usize,
    roles: &[&str],
    world: &World,
    pair: &Pair,
    dax: &str,
    first: Difference,
    tally: &mut Tally,
) {
    let mut difference = first;
    let measures = world
        .model()
        .tables
        .iter()
        .flat_map(|t| &t.measures)
        .map(|m| (m.name.clone(), m.expression.clone()))
        .collect();
    let smaller = shrink::shrink(dax, &measures, |candidate| {
        match pair.try_query(candidate, &mut Tally::default()) {
            Some(found) if found.class == difference.class => {
                difference = found;
                true
            }
            _ => false,
        }
    });
    let model = sketch(world);
    tally.differences.push(format!("seed {seed}, roles {roles:?}, query {number}\n{model}\nquery:\n{dax}\nshrunk:\n{smaller}\n{}", difference.text));
}

/// Tables, relationships, measures and roles, a line each.
fn sketch(world: &World) -> String {
    let mut lines = Vec::new();
    for (number, table) in world.model().tables.iter().enumerate() {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|c| format!("{} {:?}", c.name, c.data_type))
            .collect();
        lines.push(format!(
            "table {} ({} rows): {}",
            table.name,
            world.data.rows(number).len(),
            columns.join(", ")
        ));
        lines.extend(
            table
                .measures
                .iter()
                .map(|m| format!("measure [{}] = {}", m.name, m.expression)),
        );
    }
    for r in &world.model().relationships {
        let marks = format!(
            "{:?}-{:?} {:?}{}",
            r.from_cardinality,
            r.to_cardinality,
            r.cross_filter,
            if r.active { "" } else { " inactive" }
        );
        lines.push(format!(
            "relationship {}[{}] -> {}[{}] {marks}",
            r.from_table, r.from_column, r.to_table, r.to_column
        ));
    }
    for role in &world.model().roles {
        let filters: Vec<String> = role
            .tables
            .iter()
            .map(|t| format!("{}: {}", t.table, t.filter.clone().unwrap_or_default()))
            .collect();
        lines.push(format!("role {}: {}", role.name, filters.join("; ")));
    }
    lines.join("\n")
}

fn literal_rows(answer: &Answer) -> Rows {
    let rows = answer.iter().flatten();
    rows.map(|row| row.iter().map(literal_cell).collect())
        .collect()
}

fn literal_cell(value: &literal::Value) -> Cell {
    use literal::Value;
    match value {
        Value::Blank => Cell::Blank,
        Value::Integer(i) => Cell::Number(*i as f64),
        Value::Fixed(f) => Cell::Number(*f as f64 / 10_000.0),
        Value::Double(d) => Cell::Number(*d),
        Value::Boolean(b) => Cell::Boolean(*b),
        Value::DateTime(micros) => Cell::Date(*micros),
        Value::Text(text) => Cell::Text(folded(text)),
    }
}

/// Which of the spellings that compare equal is shown is not laid down.
fn folded(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

fn engine_rows(answer: &peristyle::Answer) -> Rows {
    let mut rows = Vec::new();
    for table in &answer.tables {
        for row in 0..table.batch.num_rows() {
            rows.push(
                (0..table.columns.len())
                    .map(|column| engine_cell(&value_at(table, column, row)))
                    .collect(),
            );
        }
    }
    rows
}

fn engine_cell(value: &peristyle::Value) -> Cell {
    use peristyle::Value;
    match value {
        Value::Blank => Cell::Blank,
        Value::Integer(i) => Cell::Number(*i as f64),
        Value::Fixed(f) => Cell::Number(*f as f64 / 10_000.0),
        Value::Double(d) => Cell::Number(*d),
        Value::Boolean(b) => Cell::Boolean(*b),
        Value::DateTime(micros) => Cell::Date(*micros),
        Value::Text(text) => Cell::Text(folded(text)),
    }
}

/// Numbers are equal to twelve digits.
const EXACT: f64 = 1e-12;

fn same_cell(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Number(a), Cell::Number(b)) => {
            a == b
                || (a.is_nan() && b.is_nan())
                || (a.is_finite()
                    && b.is_finite()
                    && (a - b).abs() <= EXACT * a.abs().max(b.abs()).max(1.0))
        }
        _ => a == b,
    }
}

fn same_rows(a: &Rows, b: &Rows) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Each row finds a row of the other side that no other row has found.
    let mut left: Vec<&Vec<Cell>> = b.iter().collect();
    a.iter().all(|row| {
        let found = left.iter().position(|other| {
            row.len() == other.len() && row.iter().zip(*other).all(|(a, b)| same_cell(a, b))
        });
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

fn shown(rows: &Rows) -> String {
    let mut lines: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    lines.sort();
    lines.truncate(40);
    lines.join("\n")
}
