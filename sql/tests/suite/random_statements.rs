//! Random statements over random models, open and under roles: equal to DataFusion over plain copies of the visible rows.
//!
//! `PERISTYLE_SQL_STATEMENTS` says how many, `PERISTYLE_SQL_SEED` where to begin; a failure names its seed.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::plain;
use crate::random::Random;
use crate::world::{World, ask, ask_exact, days, deep, doubles, fixed, integers, texts};

const WORDS: [&str; 8] = [
    "alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta",
];
const STATEMENTS: u64 = 240;
/// Statements that share one world.
const A_WORLD: u64 = 40;

fn maybe<T>(random: &mut Random, percent: usize, value: T) -> Option<T> {
    random.chance(percent).then_some(value)
}

/// A fact with two dimensions, one of which leads on to a third. Some keys lead nowhere, and some are NULL.
fn world(random: &mut Random) -> World {
    let rows = 30 + random.below(300);
    let mut keys = |end: usize| -> Vec<Option<i64>> {
        (0..rows)
            .map(|_| {
                let key = random.below(end) as i64;
                maybe(random, 95, key)
            })
            .collect()
    };
    let (a, b) = (keys(14), keys(6));
    let mut number = |end: usize, percent: usize| -> Vec<Option<i64>> {
        (0..rows)
            .map(|_| {
                let n = random.below(end) as i64 - 5;
                maybe(random, percent, n)
            })
            .collect()
    };
    let (n, full, x, m, d) = (
        number(40, 85),
        number(25, 100),
        number(60, 90),
        number(5_000, 90),
        number(50, 90),
    );
    let t: Vec<Option<&str>> = (0..rows)
        .map(|_| {
            let w = *random.pick(&WORDS);
            maybe(random, 90, w)
        })
        .collect();
    let name: Vec<&str> = (0..12).map(|_| *random.pick(&WORDS)).collect();
    let size: Vec<Option<i64>> = (0..12)
        .map(|_| {
            let n = random.below(5) as i64;
            maybe(random, 85, n)
        })
        .collect();
    let c: Vec<Option<i64>> = (0..12)
        .map(|_| {
            let n = random.below(4) as i64;
            maybe(random, 90, n)
        })
        .collect();
    World::default()
        .table(
            "Fact",
            vec![
                ("Id", integers(0..rows as i64)),
                ("A", integers(a)),
                ("B", integers(b)),
                ("N", integers(n)),
                ("Full", integers(full)),
                (
                    "X",
                    doubles(
                        x.into_iter()
                            .map(|x| x.map(|x| x as f64 * 0.25))
                            .collect::<Vec<_>>(),
                    ),
                ),
                (
                    "M",
                    fixed(
                        m.into_iter()
                            .map(|m| m.map(|m| m * 2_500))
                            .collect::<Vec<_>>(),
                    ),
                ),
                (
                    "D",
                    days(
                        d.into_iter()
                            .map(|d| d.map(|d| 18_000 + d))
                            .collect::<Vec<_>>(),
                    ),
                ),
                ("T", texts(t)),
            ],
        )
        .table(
            "DimA",
            vec![
                ("Ka", integers(0..12)),
                ("Name", texts(name)),
                ("Size", integers(size)),
                ("C", integers(c)),
            ],
        )
        .table(
            "DimB",
            vec![
                ("Kb", integers(0..5)),
                ("Label", texts(["red", "green", "blue", "red", "grey"])),
            ],
        )
        .table(
            "DimC",
            vec![
                ("Kc", integers(0..3)),
                ("Region", texts(["north", "south", "east"])),
            ],
        )
        .relate("Fact.A > DimA.Ka")
        .relate("Fact.B > DimB.Kb")
        .relate("DimA.C > DimC.Kc")
        .role("Open")
        .filter("North", "DimC", "[Region] = \"north\"")
        .filter("Red", "DimB", "[Label] = \"red\"")
        .filter("Some", "Fact", "[Full] >= 5")
        .filter("Some", "DimB", "[Label] <> \"grey\" && [Label] <> \"\"")
}

fn kept(world: &World, role: &str) -> BTreeMap<String, Vec<bool>> {
    let text = |table: &str, column: &str, keep: &dyn Fn(&str) -> bool| {
        let values = world.sheet(table).column(column).as_string::<i32>();
        (
            table.to_owned(),
            values
                .iter()
                .map(|value| value.is_some_and(keep))
                .collect::<Vec<bool>>(),
        )
    };
    match role {
        "North" => BTreeMap::from([text("DimC", "Region", &|text| text == "north")]),
        "Red" => BTreeMap::from([text("DimB", "Label", &|text| text == "red")]),
        "Some" => {
            let full = world
                .sheet("Fact")
                .column("Full")
                .as_primitive::<Int64Type>();
            let full = (0..full.len()).map(|row| full.value(row) >= 5).collect();
            BTreeMap::from([
                ("Fact".to_owned(), full),
                text("DimB", "Label", &|text| text != "grey"),
            ])
        }
        _ => BTreeMap::new(),
    }
}

/// Writes statements. Tables stand under their own names, so columns need no qualifiers.
struct Writer<'r> {
    random: &'r mut Random,
    numbers: Vec<&'static str>,
    groups: Vec<&'static str>,
    texts: Vec<&'static str>,
}

impl Writer<'_> {
    fn from(&mut self) -> String {
        (self.numbers, self.texts) = (vec!["N", "Full", "X", "M"], vec!["T"]);
        self.groups = vec!["T", "N", "A", "B", "D", "Full"];
        let mut text = "Fact".to_owned();
        let kind = |random: &mut Random| *random.pick(&["JOIN", "LEFT JOIN", "INNER JOIN"]);
        if self.random.chance(30) {
            // The same joins, written the other way round.
            text = "DimB JOIN Fact ON Kb = B".to_owned();
            self.groups.extend(["Label", "Kb"]);
            self.texts.push("Label");
        } else if self.random.chance(50) {
            text += &format!(" {} DimB ON B = Kb", kind(self.random));
            self.groups.extend(["Label", "Kb"]);
            self.texts.push("Label");
        }
        if self.random.chance(60) {
            text += &format!(" {} DimA ON A = Ka", kind(self.random));
            self.groups.extend(["Name", "Size"]);
            self.texts.push("Name");
            self.numbers.push("Size");
            if self.random.chance(50) {
                text += &format!(" {} DimC ON C = Kc", kind(self.random));
                self.groups.push("Region");
                self.texts.push("Region");
            }
        }
        text
    }

    fn condition(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.chance(45) {
            let (left, right) = (self.condition(depth - 1), self.condition(depth - 1));
            return match self.random.below(3) {
                0 => format!("({left} AND {right})"),
                1 => format!("({left} OR {right})"),
                _ => format!("NOT ({left})"),
            };
        }
        let number = *self.random.pick(&self.numbers);
        let word = *self.random.pick(&self.texts);
        let n = self.random.below(30) as i64 - 4;
        let op = *self.random.pick(&["=", "<>", "<", "<=", ">", ">="]);
        let value = *self
            .random
            .pick(&["alpha", "beta", "red", "north", "eta", "nothing"]);
        match self.random.below(10) {
            0 | 1 => format!("{number} {op} {n}"),
            2 => format!("{number} BETWEEN {n} AND {}", n + 8),
            3 => format!("{number} IS {}NULL", self.random.pick(&["", "NOT "])),
            4 => format!("{word} {op} '{value}'"),
            5 => format!("{word} IN ('{value}', 'zeta', 'south')"),
            6 => format!(
                "{word} {}LIKE '{}%'",
                self.random.pick(&["", "NOT "]),
                &value[..1]
            ),
            7 => format!("Full IN ({n}, {}, {})", n + 3, n + 7),
            8 => format!("D {op} DATE '2019-04-{:02}'", 20 + self.random.below(10)),
            _ => format!("N {op} Full"),
        }
    }

    fn filter(&mut self) -> String {
        if self.random.chance(70) {
            format!(" WHERE {}", self.condition(2))
        } else {
            String::new()
        }
    }

    fn aggregate(&mut self) -> String {
        let number = *self.random.pick(&self.numbers);
        let any = *self.random.pick(&self.groups);
        match self.random.below(10) {
            0 => "count(*)".to_owned(),
            1 => format!("count({any})"),
            2 => format!("count(DISTINCT {any})"),
            3 => format!("min({any})"),
            4 => format!("max({any})"),
            5 => format!("avg({number})"),
            6 => "sum(Full * N)".to_owned(),
            7 => format!("sum(Full {} 2)", self.random.pick(&["+", "-", "*"])),
            8 => "sum(X - Full)".to_owned(),
            _ => format!("sum({number})"),
        }
    }

    fn grouped(&mut self) -> String {
        let from = self.from();
        let mut keys: Vec<&str> = (0..self.random.below(3))
            .map(|_| *self.random.pick(&self.groups))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let functions: Vec<String> = (0..1 + self.random.below(3))
            .map(|_| self.aggregate())
            .collect();
        let mut list: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        list.extend(
            functions
                .iter()
                .enumerate()
                .map(|(place, function)| format!("{function} AS f{place}")),
        );
        let mut text = format!("SELECT {} FROM {from}{}", list.join(", "), self.filter());
        if !keys.is_empty() {
            text += &format!(" GROUP BY {}", keys.join(", "));
            if self.random.chance(20) {
                text += " HAVING count(*) > 1";
            }
        }
        text
    }

    fn listed(&mut self) -> String {
        let from = self.from();
        let column = *self.random.pick(&self.groups);
        let filter = self.filter();
        match self.random.below(5) {
            0 => format!("SELECT Id, {column} FROM {from}{filter} ORDER BY Id LIMIT 7"),
            1 => format!("SELECT DISTINCT {column} FROM {from}{filter}"),
            2 => format!(
                "SELECT Id, sum(Full) OVER (PARTITION BY {column} ORDER BY Id) AS s FROM {from}{filter}"
            ),
            3 => format!("SELECT Id FROM {from}{filter} UNION SELECT Full FROM Fact"),
            _ => format!("SELECT Id, {column}, upper(T) AS u, N + 1 AS n1 FROM {from}{filter}"),
        }
    }

    fn statement(&mut self) -> String {
        match self.random.below(10) {
            0..=4 => self.grouped(),
            5 => format!(
                "WITH w AS ({}) SELECT count(*), max(f0) FROM w",
                self.grouped()
            ),
            6 => {
                let inner = self.condition_of_dimension();
                format!(
                    "SELECT count(*), sum(Full) FROM Fact WHERE A {}IN (SELECT Ka FROM DimA WHERE {inner})",
                    self.random.pick(&["", "NOT "])
                )
            }
            7 => {
                let inner = self.condition_of_dimension();
                format!(
                    "SELECT T, count(*) FROM Fact WHERE {}EXISTS (SELECT 1 FROM DimA WHERE Ka = A AND {inner}) GROUP BY T",
                    self.random.pick(&["", "NOT "])
                )
            }
            _ => self.listed(),
        }
    }

    fn condition_of_dimension(&mut self) -> String {
        (self.numbers, self.texts) = (vec!["Size", "Ka"], vec!["Name"]);
        let op = *self.random.pick(&["=", "<", ">="]);
        match self.random.below(3) {
            0 => format!("Size {op} {}", self.random.below(5)),
            1 => format!("Name {op} '{}'", self.random.pick(&WORDS)),
            _ => "Size IS NULL".to_owned(),
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn random_statements_equal_datafusion_over_visible_rows() {
    deep(|| {
        let first = number("PERISTYLE_SQL_SEED", 1);
        let statements = number("PERISTYLE_SQL_STATEMENTS", STATEMENTS);
        let (mut rows, mut fused) = (0, 0);
        for seed in (first..).take(statements.div_ceil(A_WORLD) as usize) {
            let mut random = Random::new(seed);
            let world = world(&mut random);
            let role = *random.pick(&["Open", "North", "Red", "Some"]);
            let view = world.view(&[role]);
            let copied = plain::copy(&world.without(&world.visible(kept(&world, role))));
            for _ in 0..A_WORLD {
                let mut writer = Writer {
                    random: &mut random,
                    numbers: Vec::new(),
                    groups: Vec::new(),
                    texts: Vec::new(),
                };
                let text = writer.statement();
                let exact = writer.random.chance(50);
                let answer = if exact {
                    ask_exact(&view, &text)
                } else {
                    ask(&view, &text)
                };
                let (answer, expected) = match (answer, plain::ask(&copied, &text)) {
                    (Ok(answer), Ok(expected)) => (answer, expected),
                    (Err(_), Err(_)) => continue,
                    (answer, expected) => panic!(
                        "seed {seed}, {role}, exact {exact}: {text}\n{:?}\n{:?}",
                        answer.map(|_| ()),
                        expected.map(|_| ())
                    ),
                };
                let expected = plain::sorted(plain::rows(&expected));
                assert_eq!(
                    plain::sorted(plain::rows(&answer.batches)),
                    expected,
                    "seed {seed}, {role}, exact {exact}: {text}"
                );
                rows += expected.len();
                if writer.random.chance(10) {
                    let plan =
                        plain::rows(&ask(&view, &format!("EXPLAIN {text}")).unwrap().batches);
                    fused += usize::from(plan[1][1].contains("ModelScan"));
                }
            }
        }
        assert!(
            rows > 200 && fused > 2,
            "{rows} rows and {fused} scans: the statements find too little"
        );
    });
}
