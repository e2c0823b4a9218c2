//! What cannot be read is refused: a clear error that names the place, no panic, nothing half loaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType as ArrowType;
use peristyle::{CloseError, Database, Denied, Error, Identity, Session};

use crate::scratch::Scratch;
use crate::sheets::{read_file, with_column, write_file};

fn retail() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/retail")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of the fixture") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file that can be copied");
        }
    }
}

/// The retail fixture in a folder of its own, to be damaged.
struct Fixture {
    files: Scratch,
}

impl Fixture {
    fn new() -> Fixture {
        let files = Scratch::new("refusals");
        copy_folder(&retail(), files.path());
        Fixture { files }
    }

    fn model(&self, file: &str) -> PathBuf {
        self.files.path().join("model").join(file)
    }

    fn data(&self, file: &str) -> PathBuf {
        self.files.path().join("data").join(file)
    }

    fn import(&self) -> Result<Database, Error> {
        Database::builder(self.files.path().join("model"))
            .data(self.files.path().join("data"))
            .strict(true)
            .import()
    }

    fn error(&self) -> Error {
        match self.import() {
            Err(error) => error,
            Ok(_) => panic!("it is imported"),
        }
    }

    /// Puts other values in the place of a column of Orders.
    fn change(&self, column: &str, change: impl FnOnce(&ArrayRef) -> ArrayRef) {
        let orders = read_file(&self.data("Orders.parquet"));
        let values = change(orders.column_by_name(column).expect("a column"));
        write_file(
            &with_column(&orders, column, values),
            &self.data("Orders.parquet"),
        );
    }
}

/// Damages the fixture and looks for words in the error.
fn check_data(what: &str, damage: impl FnOnce(&Fixture), words: &[&str]) {
    let fixture = Fixture::new();
    damage(&fixture);
    let error = fixture.error();
    assert_eq!(error.code(), "import", "{what}: {error}");
    for word in words {
        assert!(
            error.to_string().contains(word),
            "{what} without {word}: {error}"
        );
    }
    // Nothing is half loaded: there is no database to ask, and the mended folder loads as if nothing had been.
    copy_folder(&retail().join("data"), &fixture.files.path().join("data"));
    assert!(fixture.import().is_ok(), "{what}");
}

#[test]
fn malformed_files_are_refused_by_name() {
    let orders = |change: fn(&mut Vec<u8>)| {
        move |fixture: &Fixture| {
            let mut bytes = fs::read(fixture.data("Orders.parquet")).expect("the file");
            change(&mut bytes);
            fs::write(fixture.data("Orders.parquet"), bytes).expect("the file");
        }
    };
    check_data("empty", orders(|bytes| bytes.clear()), &["Orders.parquet"]);
    check_data(
        "no Parquet",
        orders(|bytes| *bytes = b"PAR1 and then nothing".to_vec()),
        &["Orders.parquet"],
    );
    check_data(
        "half of it",
        orders(|bytes| bytes.truncate(bytes.len() / 2)),
        &["Orders.parquet"],
    );
    check_data(
        "without its tail",
        orders(|bytes| bytes.truncate(bytes.len() - 9)),
        &["Orders.parquet"],
    );
    check_data(
        "a footer longer than the file",
        orders(|bytes| {
            let at = bytes.len() - 8;
            bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        }),
        &["Orders.parquet"],
    );
    check_data(
        "zeros in the middle",
        orders(|bytes| {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 4_000].fill(0);
        }),
        &["Orders.parquet"],
    );
}

#[test]
fn a_missing_file_is_refused_by_name() {
    check_data(
        "no file",
        |fixture| fs::remove_file(fixture.data("Rates.parquet")).expect("the file"),
        &["Rates"],
    );
    check_data(
        "a folder without files",
        |fixture| {
            fs::remove_file(fixture.data("Rates.parquet")).expect("the file");
            fs::create_dir(fixture.data("Rates.parquet")).expect("a folder");
            fs::remove_dir(fixture.data("Rates.parquet")).expect("the folder");
        },
        &["Rates"],
    );
}

#[test]
fn columns_that_do_not_fit_are_refused_by_name() {
    let texts =
        |values: &ArrayRef| -> ArrayRef { Arc::new(StringArray::from(vec!["many"; values.len()])) };
    check_data(
        "text where numbers stand",
        |fixture| fixture.change("quantity", texts),
        &["Orders", "Quantity"],
    );
    check_data(
        "text where dates stand",
        |fixture| fixture.change("order_date", texts),
        &["Orders", "Order Date"],
    );
    check_data(
        "numbers where text stands",
        |fixture| {
            fixture.change("currency_code", |values| {
                Arc::new(Int64Array::from(vec![7; values.len()]))
            })
        },
        &["Orders", "Currency Code"],
    );
    check_data(
        "fractions where whole numbers stand",
        |fixture| {
            fixture.change("quantity", |values| {
                Arc::new(arrow::array::Float64Array::from(vec![1.5; values.len()]))
            })
        },
        &["Orders", "Quantity"],
    );
    check_data(
        "another name",
        |fixture| {
            let orders = read_file(&fixture.data("Orders.parquet"));
            let quantity = Arc::clone(orders.column_by_name("quantity").expect("a column"));
            let at = orders.schema().index_of("quantity").expect("a column");
            let others: Vec<usize> = (0..orders.num_columns())
                .filter(|column| *column != at)
                .collect();
            let others = orders.project(&others).expect("the other columns");
            write_file(
                &with_column(&others, "Amount", quantity),
                &fixture.data("Orders.parquet"),
            );
        },
        &["Orders", "quantity"],
    );
    // The same values in another type of number are none of these.
    let fixture = Fixture::new();
    fixture.change("quantity", |values| {
        cast(values, &ArrowType::Int64).expect("wider numbers")
    });
    assert!(fixture.import().is_ok());
}

#[test]
fn doubled_keys_are_refused_by_name() {
    check_data(
        "two stores of one key",
        |fixture| {
            let file = fixture.data("Stores.parquet");
            let stores = read_file(&file);
            let keys = stores.column_by_name("Store Key").expect("a key");
            let same = arrow::compute::take(
                keys,
                &arrow::array::UInt32Array::from(vec![0; keys.len()]),
                None,
            );
            write_file(
                &with_column(&stores, "Store Key", same.expect("keys")),
                &file,
            );
        },
        &["Stores", "Store Key"],
    );
}

/// Any single damage is an error or is not noticed, and never a panic. A model of one table, so that many can be tried.
#[test]
fn flipped_bytes_never_panic() {
    let files = Scratch::new("flipped");
    let mut model = model::load(&retail().join("model")).expect("the retail model");
    model.tables.retain(|table| table.name == "Stores");
    (model.relationships, model.roles, model.functions) = (Vec::new(), Vec::new(), Vec::new());
    let bim = files.path().join("model.bim");
    fs::write(&bim, model::write_bim(&model)).expect("a model");
    let file = files.path().join("Stores.parquet");
    let whole = fs::read(retail().join("data/Stores.parquet")).expect("the file");
    let mut refused = 0;
    for at in (0..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&file, &bytes).expect("the file");
        if let Err(error) = Database::builder(&bim)
            .data(files.path())
            .threads(1)
            .import()
        {
            refused += 1;
            assert!(
                matches!(error.code(), "import" | "dataset"),
                "byte {at}: {error}"
            );
            assert!(
                !error.to_string().contains("internal"),
                "byte {at}: {error}"
            );
        }
    }
    assert!(refused > whole.len() / 50, "{refused}");
}

fn append(file: &Path, text: &str) {
    let mut whole = fs::read_to_string(file).expect("a file of the model");
    whole.push_str(text);
    fs::write(file, whole).expect("a file of the model");
}

/// Changes one file of the model and looks for words in the error of the import.
fn check_model(what: &str, file: &str, change: impl FnOnce(&Path), code: &str, words: &[&str]) {
    let fixture = Fixture::new();
    change(&fixture.model(file));
    let error = fixture.error();
    assert_eq!(error.code(), code, "{what}: {error}");
    assert!(!error.to_string().contains("internal"), "{what}: {error}");
    for word in words {
        assert!(
            error.to_string().contains(word),
            "{what} without {word}: {error}"
        );
    }
}

#[test]
fn broken_models_are_refused_with_a_place() {
    check_model(
        "a line that says nothing",
        "tables/Orders.tmdl",
        |file| append(file, "\n\tcolumn\n"),
        "model",
        &["Orders.tmdl"],
    );
    check_model(
        "a type that does not exist",
        "tables/Stores.tmdl",
        |file| {
            append(
                file,
                "\n\tcolumn Extra\n\t\tdataType: colour\n\t\tsourceColumn: Extra\n",
            )
        },
        "model",
        &["colour"],
    );
    check_model(
        "two measures of one name",
        "tables/Stores.tmdl",
        |file| append(file, "\n\tmeasure sales = 1\n"),
        "model",
        &["sales"],
    );
    check_model(
        "a relationship to nothing",
        "relationships.tmdl",
        |file| {
            append(
                file,
                "\nrelationship Lost\n\tfromColumn: Orders.'Product Key'\n\ttoColumn: Nowhere.Key\n",
            )
        },
        "dataset",
        &["Nowhere"],
    );
    check_model(
        "a role over a table that is not there",
        "roles/Germany.tmdl",
        |file| append(file, "\n\ttablePermission Shops = TRUE()\n"),
        "model",
        &["Shops"],
    );
    let fixture = Fixture::new();
    let bim = fixture.files.path().join("model.bim");
    for (text, word) in [
        ("{ \"model\": ", "model.bim"),
        ("[]", ""),
        ("{}", ""),
        ("", ""),
        ("\u{feff}{\"model\": 7}", ""),
    ] {
        fs::write(&bim, text).expect("a file");
        match Database::import(&bim, fixture.files.path().join("data")) {
            Err(error) => {
                assert_eq!(error.code(), "model", "{text}: {error}");
                assert!(error.to_string().contains(word), "{text}: {error}");
            }
            Ok(_) => panic!("{text} is imported"),
        }
    }
    match Database::import(fixture.files.path().join("nowhere"), fixture.files.path()) {
        Err(error) => assert_eq!(error.code(), "model", "{error}"),
        Ok(_) => panic!("nothing is imported"),
    }
}

#[test]
fn expressions_that_import_needs_must_work() {
    check_model(
        "a calculated column that is no DAX",
        "tables/Stores.tmdl",
        |file| {
            append(
                file,
                "\n\tcolumn Extra = Stores[Opened] +\n\t\tdataType: double\n",
            )
        },
        "dataset",
        &["Stores", "Extra"],
    );
    check_model(
        "a calculated column of unknown names",
        "tables/Stores.tmdl",
        |file| {
            append(
                file,
                "\n\tcolumn Extra = Stores[Closed]\n\t\tdataType: dateTime\n",
            )
        },
        "dataset",
        &["Stores", "Extra"],
    );
    check_model(
        "calculated columns that need each other",
        "tables/Stores.tmdl",
        |file| {
            append(
                file,
                "\n\tcolumn A = Stores[B] + 1\n\t\tdataType: int64\n\n\tcolumn B = Stores[A] + 1\n\t\tdataType: int64\n",
            );
        },
        "dataset",
        &["Stores"],
    );
    check_model(
        "a calculated column that fails",
        "tables/Stores.tmdl",
        |file| {
            append(
                file,
                "\n\tcolumn Extra = VALUE(Stores[Country])\n\t\tdataType: double\n",
            )
        },
        "dataset",
        &["Stores", "Extra"],
    );
    check_model(
        "a row filter that is no DAX",
        "roles/Germany.tmdl",
        |file| append(file, "\n\ttablePermission Products = Products[Color] = \n"),
        "dataset",
        &["Germany", "Products"],
    );
}

/// A filter that does not bind, or fails for one row, refuses whoever holds its role, and tells nothing about data (rule 6).
#[test]
fn a_role_whose_filter_fails_admits_nobody() {
    for filter in [
        "Products[Colour] = \"Red\"",
        "Products[Color]",
        "VALUE(Products[Color]) = 1",
        "Products[Product Key] / 0 > \"x\"",
        "NOSUCHFUNCTION()",
    ] {
        let fixture = Fixture::new();
        append(
            &fixture.model("roles/Germany.tmdl"),
            &format!("\n\ttablePermission Products = {filter}\n"),
        );
        let database = match fixture.import() {
            Ok(database) => database,
            Err(error) => panic!("{filter}: {error}"),
        };
        for roles in [
            &["Germany"][..],
            &["Germany", "Bikes"],
            &["Everyone", "Germany"],
        ] {
            match database.session(Identity::anonymous().roles(roles.iter().copied())) {
                Err(Error::Denied(denied)) => {
                    assert_eq!(
                        denied,
                        Denied::FilterFailed {
                            role: "Germany".to_owned()
                        },
                        "{filter}"
                    );
                    assert!(!denied.to_string().contains("Color"), "{denied}");
                }
                Err(other) => panic!("{filter}: {other}"),
                Ok(_) => panic!("{filter} admits {roles:?}"),
            }
        }
        assert!(
            database
                .session(Identity::anonymous().role("Bikes"))
                .is_ok(),
            "{filter}"
        );
    }
}

#[test]
fn a_role_that_hides_a_column_that_is_not_there_is_refused() {
    let fixture = Fixture::new();
    append(
        &fixture.model("roles/Bikes.tmdl"),
        "\n\ttablePermission Orders\n\n\t\tcolumnPermission Costs = none\n",
    );
    match fixture.import() {
        Err(Error::Load(error)) => assert!(error.to_string().contains("Costs"), "{error}"),
        Err(Error::Close(error @ CloseError::Role { .. })) => {
            assert!(error.to_string().contains("Costs"), "{error}")
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the permission is lost"),
    }
}

fn everyone() -> Session {
    Database::import(retail().join("model"), retail().join("data"))
        .and_then(|database| database.session(Identity::anonymous().role("Everyone")))
        .expect("the retail fixture")
}

#[test]
fn deep_queries_are_refused_and_do_not_stop_the_next_one() {
    let session = everyone();
    const DEEP: usize = 100_000;
    let nested = |open: &str, inside: &str, close: &str| {
        format!(
            "EVALUATE ROW(\"x\", {}{inside}{})",
            open.repeat(DEEP),
            close.repeat(DEEP)
        )
    };
    let queries = [
        nested("(", "1", ")"),
        nested("(", "", ""),
        nested("", "", ")"),
        nested("-", "1", ""),
        nested("NOT ", "TRUE()", ""),
        nested("IF(TRUE(), ", "1", ")"),
        nested("{", "1", "}"),
        nested("CALCULATE(", "[Sales]", ")"),
        nested("VAR a = 1 RETURN ", "1", ""),
        nested("1 + (", "1", ")"),
        format!(
            "EVALUATE {}Stores{}",
            "FILTER(".repeat(DEEP),
            ", TRUE())".repeat(DEEP)
        ),
        format!("EVALUATE {}", "(".repeat(DEEP)),
        "[".repeat(DEEP),
        format!("EVALUATE ROW(\"x\", \"{}", "\"\"".repeat(DEEP)),
    ];
    for query in &queries {
        let start: String = query.chars().take(40).collect();
        match session.query(query) {
            Err(error) => assert!(
                matches!(error.code(), "syntax" | "limit"),
                "{start}: {} {error}",
                error.code()
            ),
            Ok(_) => panic!("{start} is answered"),
        }
        assert!(
            session.query("EVALUATE ROW(\"x\", [Order Lines])").is_ok(),
            "after {start}"
        );
    }
    // Long is not deep.
    for long in [
        format!("EVALUATE ROW(\"x\", 1{})", " + 1".repeat(200)),
        format!("EVALUATE {{1{}}}", ", 1".repeat(20_000)),
        format!(
            "EVALUATE FILTER(Stores, Stores[Store Key] IN {{1{}}})",
            ", 1".repeat(20_000)
        ),
        format!("// {}\nEVALUATE Stores", "(".repeat(DEEP)),
    ] {
        let start: String = long.chars().take(40).collect();
        session
            .query(&long)
            .unwrap_or_else(|error| panic!("{start}: {error}"));
    }
}

#[test]
fn runaway_definitions_are_refused() {
    let session = everyone();
    let check = |dax: &str, codes: &[&str]| match session.query(dax) {
        Err(error) => assert!(
            codes.contains(&error.code()),
            "{dax}: {} {error}",
            error.code()
        ),
        Ok(_) => panic!("{dax} is answered"),
    };
    check(
        "DEFINE MEASURE Orders[a] = [a] EVALUATE ROW(\"x\", [a])",
        &["cycle"],
    );
    check(
        "DEFINE MEASURE Orders[a] = [b] MEASURE Orders[b] = [a] EVALUATE ROW(\"x\", [a])",
        &["cycle"],
    );
    check(
        "DEFINE FUNCTION f = (n) => f(n - 1) EVALUATE ROW(\"x\", f(3))",
        &["cycle", "limit"],
    );
    check(
        "EVALUATE CROSSJOIN(ALL(Orders[Order Line Key]), SELECTCOLUMNS(Orders, \"k\", Orders[Order Line Key]))",
        &["limit"],
    );
    check("EVALUATE GENERATESERIES(1, 1000000000000)", &["limit"]);
    check(
        "EVALUATE ROW(\"x\", REPT(\"x\", 100000000000))",
        &["limit", "evaluation"],
    );
    check("", &["syntax"]);
    check("EVALUATE", &["syntax"]);
    check("\u{0}\u{0}EVALUATE Stores", &["syntax"]);
}
