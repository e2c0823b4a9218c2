//! Who sees what, in files that people can read, and by the oracles of deletion and blindness.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use security::View;
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};

use crate::plain;
use crate::random::Random;
use crate::world::{World, ask, deep, doubles, integers, texts};

/// Sale 5 has a product that does not exist, sale 6 no country.
fn shop() -> World {
    World::default()
        .table(
            "Sales",
            vec![
                ("Id", integers([1, 2, 3, 4, 5, 6])),
                ("Product", integers([10, 10, 11, 12, 99, 11])),
                (
                    "Country",
                    integers([Some(1), Some(2), Some(1), Some(2), Some(1), None]),
                ),
                ("Amount", doubles([1.5, 2.0, 4.0, 8.0, 16.0, 32.0])),
                ("Note", texts(["a", "B", "b ", "C", "a", "c"])),
            ],
        )
        .table(
            "Product",
            vec![
                ("Key", integers([10, 11, 12])),
                ("Name", texts(["Bike", "Helmet", "Lock"])),
                ("Cost", doubles([1.0, 2.0, 3.0])),
            ],
        )
        .table(
            "Country",
            vec![("Key", integers([1, 2])), ("Name", texts(["DE", "FR"]))],
        )
        .table(
            "Secret",
            vec![("Id", integers([1, 2])), ("Text", texts(["alpha", "beta"]))],
        )
        .relate("Sales.Product > Product.Key")
        .relate("Sales.Country > Country.Key")
        .measure("Sales", "Total", "SUM(Sales[Amount])")
        .measure("Product", "Total Cost", "SUM(Product[Cost])")
}

fn secured() -> World {
    shop()
        .role("Everyone")
        .filter("Germany", "Country", "[Name] = \"DE\"")
        .filter("Small", "Sales", "[Amount] < 10")
        .hide("No Cost", "Product.Cost")
        .hide("No Cost", "Secret")
}

struct Connection(Arc<View>);

impl DB for Connection {
    type Error = engine::Error;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, engine::Error> {
        let answer = ask(&self.0, sql)?;
        let rows = plain::rows(&answer.batches);
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|word| {
                        if word.is_empty() {
                            "(empty)".to_owned()
                        } else {
                            word
                        }
                    })
                    .collect()
            })
            .collect();
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Text; answer.schema.fields().len()],
            rows,
        })
    }
}

#[test]
fn the_files_hold_under_each_role() {
    let all = ["Everyone", "Germany", "Small", "No Cost"];
    let files: [(&str, &[&str]); 5] = [
        ("statements.slt", &all),
        ("everyone.slt", &["Everyone"]),
        ("germany.slt", &["Germany"]),
        ("small.slt", &["Small"]),
        ("no_cost.slt", &["No Cost"]),
    ];
    deep(|| {
        let world = secured();
        for (file, roles) in files {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/security")
                .join(file);
            for role in roles {
                let view = world.view(&[role]);
                let mut runner = Runner::new(|| {
                    let view = Arc::clone(&view);
                    async move { Ok(Connection(view)) }
                });
                runner
                    .run_file(&path)
                    .unwrap_or_else(|error| panic!("{file} as {role}: {}", error.display(false)));
            }
        }
    });
}

/// Statements of every kind, right and wrong ones.
const CORPUS: &[&str] = &[
    "SELECT * FROM Sales ORDER BY Id",
    "SELECT * FROM Product ORDER BY \"Key\"",
    "SELECT * FROM Country ORDER BY \"Key\"",
    "SELECT * FROM Secret",
    "SELECT * FROM Secrets",
    "SELECT Cost FROM Product",
    "SELECT sum(Cost) FROM Product",
    "SELECT cots FROM Product",
    "SELECT Product.Cost FROM Sales JOIN Product ON Sales.Product = Product.\"Key\"",
    "SELECT count(*), sum(Amount), min(Amount), max(Amount), avg(Amount), count(DISTINCT Country) FROM Sales",
    "SELECT Country.Name, sum(Amount) FROM Sales JOIN Country ON Country = Country.\"Key\" GROUP BY Country.Name",
    "SELECT c.Name, sum(s.Amount) FROM Sales s LEFT JOIN Country c ON s.Country = c.\"Key\" GROUP BY c.Name ORDER BY 1",
    "SELECT p.Name, c.Name, count(*) FROM Sales s JOIN Country c ON s.Country = c.\"Key\" JOIN Product p ON s.Product = p.\"Key\" GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT Note, count(*) FROM Sales GROUP BY Note ORDER BY Note",
    "SELECT DISTINCT Note FROM Sales ORDER BY 1",
    "SELECT min(Note), max(Note) FROM Sales",
    "SELECT Id FROM Sales WHERE Note = 'A' OR Note LIKE 'c%' ORDER BY Id",
    "SELECT Id FROM Sales WHERE Amount > 1.9 AND Country IS NOT NULL ORDER BY Id",
    "SELECT Id FROM Sales WHERE Country NOT IN (SELECT \"Key\" FROM Country WHERE Name = 'FR') ORDER BY Id",
    "SELECT Id FROM Sales s WHERE EXISTS (SELECT 1 FROM Country c WHERE c.\"Key\" = s.Country AND c.Name = 'FR') ORDER BY Id",
    "SELECT Id, sum(Amount) OVER (ORDER BY Id) FROM Sales ORDER BY Id",
    "SELECT Id, rank() OVER (PARTITION BY Country ORDER BY Amount DESC) FROM Sales ORDER BY Id",
    "WITH big AS (SELECT * FROM Sales WHERE Amount > 3) SELECT count(*), sum(Amount) FROM big",
    "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x, (SELECT count(*) FROM Sales WHERE Id <= x) FROM n",
    "SELECT Name FROM Product UNION SELECT Name FROM Country ORDER BY 1",
    "SELECT Id FROM Sales EXCEPT SELECT Id FROM Sales WHERE Amount < 3 ORDER BY 1",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM information_schema.measures",
    "SELECT * FROM information_schema.schemata",
    "SHOW TABLES",
    "SHOW COLUMNS FROM Product",
    "SHOW COLUMNS FROM Secret",
    "DESCRIBE Secret",
    "DESCRIBE Nothing",
    "EXPLAIN SELECT Name, Cost FROM Product",
    "EXPLAIN SELECT * FROM Product WHERE Name = 'Bike'",
    "EXPLAIN SELECT c.Name, sum(Amount) FROM Sales s JOIN Country c ON s.Country = c.\"Key\" GROUP BY c.Name",
    "SELECT MEASURE(Total) FROM Sales",
    "SELECT c.Name, MEASURE(Total) FROM Sales s JOIN Country c ON s.Country = c.\"Key\" GROUP BY c.Name ORDER BY 1",
    "SELECT MEASURE(\"Total Cost\") FROM Product",
    "SELECT MEASURE(Nothing) FROM Product",
    "SELECT 1 / (Id - Id) FROM Sales",
    "SELECT CAST(Note AS BIGINT) FROM Sales",
    "SELECT * FROM peristyle.model.Secret",
    "SELECT * FROM information_schema.df_settings",
    "SELECT \"Cost\" FROM (SELECT * FROM Product) p",
    "SELECT * EXCLUDE (Cost) FROM Product",
    "SELECT Name FROM Product p JOIN Secret s ON p.\"Key\" = s.Id",
    "SELECT p.Name FROM Product p NATURAL JOIN Country c",
];

/// What a statement answers, headers and types with it, or its error.
fn outcome(view: &Arc<View>, text: &str) -> String {
    match ask(view, text) {
        Ok(answer) => format!("{:?}\n{:?}", answer.schema, plain::rows(&answer.batches)),
        Err(error) => format!("{:?}: {}", error.kind, error.message),
    }
}

fn same_outcomes(secured: &Arc<View>, copy: &Arc<View>, what: &str) {
    for text in CORPUS {
        assert_eq!(
            outcome(secured, text),
            outcome(copy, text),
            "{what}: {text}"
        );
    }
}

#[test]
fn hidden_rows_and_objects_are_as_if_deleted() {
    deep(|| {
        let world = secured();
        let germany = BTreeMap::from([
            (
                "Sales".to_owned(),
                vec![true, false, true, false, true, false],
            ),
            ("Country".to_owned(), vec![true, false]),
        ]);
        same_outcomes(
            &world.view(&["Germany"]),
            &world.without(&germany).view(&[]),
            "Germany",
        );
        let small = BTreeMap::from([(
            "Sales".to_owned(),
            vec![true, true, true, true, false, false],
        )]);
        same_outcomes(
            &world.view(&["Small"]),
            &world.without(&small).view(&[]),
            "Small",
        );
        let mut removed = shop();
        removed.model.tables.retain(|table| table.name != "Secret");
        removed.sheets.retain(|sheet| sheet.name != "Secret");
        let product = removed
            .model
            .tables
            .iter_mut()
            .find(|table| table.name == "Product")
            .unwrap();
        product.columns.retain(|column| column.name != "Cost");
        product.measures.clear();
        let product = removed
            .sheets
            .iter_mut()
            .find(|sheet| sheet.name == "Product")
            .unwrap();
        product.columns.retain(|(name, _)| name != "Cost");
        same_outcomes(&world.view(&["No Cost"]), &removed.view(&[]), "No Cost");
    });
}

/// Changes the cells of some rows of a column.
fn scrambled(values: &ArrayRef, rows: &[bool], random: &mut Random) -> ArrayRef {
    let mut number = || random.below(1_000) as i64;
    if let Some(known) = values.as_primitive_opt::<Int64Type>() {
        let cells = (0..known.len()).map(|row| {
            if rows[row] {
                Some(100 + number())
            } else {
                known.is_valid(row).then(|| known.value(row))
            }
        });
        return integers(cells.collect::<Vec<_>>());
    }
    if let Some(known) = values.as_primitive_opt::<Float64Type>() {
        let cells = (0..known.len()).map(|row| {
            if rows[row] {
                50.0 + number() as f64
            } else {
                known.value(row)
            }
        });
        return doubles(cells.collect::<Vec<_>>());
    }
    let known = values.as_string::<i32>();
    let words: Vec<String> = (0..known.len())
        .map(|row| {
            if rows[row] {
                format!("A{}", number())
            } else {
                known.value(row).to_owned()
            }
        })
        .collect();
    texts(words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn hidden_cells_change_nothing() {
    deep(|| {
        let world = secured();
        let before: Vec<String> = CORPUS
            .iter()
            .map(|text| outcome(&world.view(&["Germany"]), text))
            .collect();
        let columns = world.view(&["No Cost"]);
        let hidden_columns: Vec<String> =
            CORPUS.iter().map(|text| outcome(&columns, text)).collect();
        for seed in 0..2 {
            let mut random = Random::new(seed);
            let mut other = world.clone();
            let sales = &mut other.sheets[0];
            // The keys of a sale decide that it is hidden, so they stay.
            for column in [0, 3, 4] {
                sales.columns[column].1 = scrambled(
                    &sales.columns[column].1,
                    &[false, true, false, true, false, true],
                    &mut random,
                );
            }
            let view = other.view(&["Germany"]);
            for (text, before) in CORPUS.iter().zip(&before) {
                assert_eq!(&outcome(&view, text), before, "seed {seed}: {text}");
            }
            let mut other = world.clone();
            let cost = &mut other.sheets[1].columns[2].1;
            *cost = scrambled(cost, &[true; 3], &mut random);
            let secret = &mut other.sheets[3].columns[1].1;
            *secret = scrambled(secret, &[true; 2], &mut random);
            let view = other.view(&["No Cost"]);
            for (text, before) in CORPUS.iter().zip(&hidden_columns) {
                assert_eq!(&outcome(&view, text), before, "seed {seed}: {text}");
            }
        }
    });
}
