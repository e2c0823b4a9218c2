//! Random worlds: what storage shows through the normal form against the rules taken at their word, row by row.

use super::world::{World, seen};

/// A small generator of numbers, so that a failure comes back with its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Fact -> Mid -> Top, and Fact -> Side; keys may be unknown or absent.
struct Rows {
    fact: Vec<(Option<u64>, Option<u64>, u64)>,
    mid: Vec<(Option<u64>, u64)>,
    top: Vec<u64>,
    side: Vec<u64>,
}

/// `[V] > n`, or not; on the all-blank row the comparison is with BLANK, which the small evaluator holds to be no number.
#[derive(Clone, Copy)]
struct Test {
    table: usize,
    above: u64,
    negated: bool,
}

impl Test {
    fn holds(&self, value: Option<u64>) -> bool {
        value.is_some_and(|value| value > self.above) != self.negated
    }

    fn text(&self) -> String {
        if self.negated {
            format!("NOT([V] > {})", self.above)
        } else {
            format!("[V] > {}", self.above)
        }
    }
}

const TABLES: [&str; 4] = ["Fact", "Mid", "Top", "Side"];

fn roll(dice: &mut Dice) -> Rows {
    let key = |dice: &mut Dice, count: u64| {
        let key = dice.below(count + 2);
        if key == count + 1 { None } else { Some(key) }
    };
    Rows {
        top: (0..3).map(|_| dice.below(5)).collect(),
        side: (0..3).map(|_| dice.below(5)).collect(),
        mid: (0..5).map(|_| (key(dice, 3), dice.below(5))).collect(),
        fact: (0..20)
            .map(|_| (key(dice, 5), key(dice, 3), dice.below(5)))
            .collect(),
    }
}

/// Whether one role shows a fact, by following its keys.
fn role_shows(rows: &Rows, role: &[Test], fact: usize) -> bool {
    let at =
        |key: Option<u64>, values: &[u64]| key.and_then(|key| values.get(key as usize).copied());
    let (mid, side, value) = rows.fact[fact];
    let mid_row = mid.and_then(|mid| rows.mid.get(mid as usize));
    role.iter().all(|test| {
        test.holds(match test.table {
            0 => Some(value),
            1 => mid_row.map(|row| row.1),
            2 => at(mid_row.and_then(|row| row.0), &rows.top),
            _ => at(side, &rows.side),
        })
    })
}

fn world(rows: &Rows, roles: &[Vec<Test>]) -> World {
    let word = |key: Option<u64>| key.map_or("-".to_owned(), |key| key.to_string());
    let keyed = |values: &[u64]| -> Vec<String> {
        values
            .iter()
            .enumerate()
            .map(|(key, value)| format!("{key} {value}"))
            .collect()
    };
    let fact: Vec<String> = rows
        .fact
        .iter()
        .enumerate()
        .map(|(id, (mid, side, value))| format!("{id} {} {} {value}", word(*mid), word(*side)))
        .collect();
    let mid: Vec<String> = rows
        .mid
        .iter()
        .enumerate()
        .map(|(key, (top, value))| format!("{key} {} {value}", word(*top)))
        .collect();
    let add = |world: World, name: &str, header: &str, lines: Vec<String>| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        world.table(name, header, &lines)
    };
    let mut world = World::empty();
    world = add(world, "Fact", "Id Mid Side V", fact);
    world = add(world, "Mid", "Key Top V", mid);
    world = add(world, "Top", "Key V", keyed(&rows.top));
    world = add(world, "Side", "Key V", keyed(&rows.side));
    world = world
        .relate("Fact.Mid > Mid.Key")
        .relate("Mid.Top > Top.Key")
        .relate("Fact.Side > Side.Key");
    for (r, role) in roles.iter().enumerate() {
        world = world.role(&format!("R{r}"));
        for test in role {
            world = world.filter(&format!("R{r}"), TABLES[test.table], &test.text());
        }
    }
    world
}

#[test]
fn the_normal_form_shows_what_the_rules_say() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let rows = roll(&mut dice);
        let roles: Vec<Vec<Test>> = (0..1 + dice.below(3))
            .map(|_| {
                let count = dice.below(3) + u64::from(dice.below(4) > 0);
                (0..count)
                    .map(|_| Test {
                        table: dice.below(4) as usize,
                        above: dice.below(5),
                        negated: dice.below(2) == 0,
                    })
                    .collect()
            })
            .collect();
        let names: Vec<String> = (0..roles.len()).map(|r| format!("R{r}")).collect();
        let expected: Vec<String> = (0..rows.fact.len())
            .filter(|fact| roles.iter().any(|role| role_shows(&rows, role, *fact)))
            .map(|fact| fact.to_string())
            .collect();
        let gate = world(&rows, &roles).gate();
        assert_eq!(
            seen(&gate, &names.join(" "), "Fact"),
            expected.join(" "),
            "seed {seed}"
        );
    }
}

/// A table of `Id V` or `Id D V`: its key column, if it has one, and its values.
type Keyed = (Vec<u64>, Vec<u64>);

/// The relationships by the numbers of their tables: facts F and G lead to D by key, and H shares values with D.
const ENDS: [(usize, usize); 3] = [(0, 2), (1, 2), (3, 2)];

/// The rows of a table that its own filter and those that reach it admit; `onward`: the table that asks, whose filters do not turn
/// round. None: no filter bears on it. Every relationship carries filters both ways, and no filter holds for blanks.
fn admitted(
    tables: &[Keyed; 4],
    own: &[Option<u64>; 4],
    table: usize,
    onward: Option<usize>,
) -> Option<Vec<bool>> {
    let key = |table: usize, row: usize, other: usize| match (table, other) {
        (2, 3) | (3, _) => tables[table].1[row],
        _ => tables[table].0[row],
    };
    let mut rows: Option<Vec<bool>> =
        own[table].map(|above| tables[table].1.iter().map(|value| *value > above).collect());
    for (a, b) in ENDS {
        let other = match table {
            _ if table == a => b,
            _ if table == b => a,
            _ => continue,
        };
        if Some(other) == onward {
            continue;
        }
        let Some(there) = admitted(tables, own, other, Some(table)) else {
            continue;
        };
        let found = (0..tables[table].1.len()).map(|row| {
            let wanted = key(table, row, other);
            (0..there.len()).any(|at| there[at] && key(other, at, table) == wanted)
        });
        rows = Some(match rows {
            None => found.collect(),
            Some(rows) => rows.iter().zip(found).map(|(a, b)| *a && b).collect(),
        });
    }
    rows
}

#[test]
fn filters_travel_both_ways_and_do_not_turn_round() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let fact = |dice: &mut Dice| -> Keyed {
            let keys: Vec<u64> = (0..8).map(|_| dice.below(5)).collect();
            (keys, (0..8).map(|_| dice.below(6)).collect())
        };
        let (f, g) = (fact(&mut dice), fact(&mut dice));
        let d: Keyed = ((0..5).collect(), (0..5).map(|_| dice.below(4)).collect());
        let h: Keyed = (vec![0; 6], (0..6).map(|_| dice.below(6)).collect());
        let tables = [f, g, d, h];
        let own = [0, 1, 2, 3].map(|_| (dice.below(3) == 0).then(|| dice.below(4)));
        if own.iter().all(Option::is_none) {
            continue;
        }
        let mut world = World::empty();
        for (name, (keys, values)) in ["F", "G", "D", "H"].iter().zip(&tables) {
            let lines: Vec<String> = keys
                .iter()
                .zip(values)
                .enumerate()
                .map(|(id, (key, value))| format!("{id} {key} {value}"))
                .collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            world = world.table(name, "Id Key V", &lines);
        }
        world = world
            .relate("F.Key > D.Key both")
            .relate("G.Key > D.Key both")
            .relate("H.V ~ D.V both");
        for (name, above) in ["F", "G", "D", "H"].iter().zip(own) {
            if let Some(above) = above {
                world = world.filter("R", name, &format!("[V] > {above}"));
            }
        }
        let gate = world.gate();
        for (table, name) in ["F", "G", "D", "H"].iter().enumerate() {
            let visible = admitted(&tables, &own, table, None);
            let shown = |row: &usize| visible.as_ref().is_none_or(|rows| rows[*row]);
            let expected: Vec<String> = (0..tables[table].1.len())
                .filter(shown)
                .map(|row| row.to_string())
                .collect();
            assert_eq!(
                seen(&gate, "R", name),
                expected.join(" "),
                "{name}, seed {seed}"
            );
        }
    }
}
