//! The semantic models that are measured, as they are or with roles.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};
use xtask::retail::{self, Size};

use crate::ssb::{Table, below};

const SSB: &str = include_str!("../models/ssb/model.bim");

/// Tables of the benchmark that its queries read.
pub const SSB_TABLES: [&str; 5] = ["lineorder", "customer", "supplier", "part", "dates"];

/// A folder of its own among the temporary ones, deleted with its owner.
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    pub fn new(name: &str) -> Result<Scratch, std::io::Error> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("peristyle-{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        Ok(Scratch { folder })
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The model of the Star Schema Benchmark under way to a file.
pub struct SsbModel {
    json: Json,
}

impl Default for SsbModel {
    fn default() -> Self {
        let json = serde_json::from_str(SSB).expect("the model of the benchmark is JSON");
        SsbModel { json }
    }
}

impl SsbModel {
    /// Adds a role with filters: pairs of a table and a DAX expression.
    pub fn role(mut self, name: &str, filters: &[(&str, &str)]) -> SsbModel {
        let permissions: Vec<Json> = filters
            .iter()
            .map(|(table, filter)| json!({"name": table, "filterExpression": filter}))
            .collect();
        let role =
            json!({"name": name, "modelPermission": "read", "tablePermissions": permissions});
        self.list("roles").push(role);
        self
    }

    /// Adds the tables that say which user sees which nations and which customers.
    pub fn user_tables(mut self) -> SsbModel {
        for (table, columns) in [
            (
                "rls_user_nation",
                [("user_id", "int64"), ("nation", "string")],
            ),
            (
                "rls_user_cust",
                [("user_id", "int64"), ("custkey", "int64")],
            ),
        ] {
            let columns: Vec<Json> = columns
                .iter()
                .map(|(name, kind)| json!({"name": name, "dataType": kind, "sourceColumn": name}))
                .collect();
            let source = format!("Parquet.Document(File.Contents(\"{table}.parquet\"))");
            self.list("tables").push(json!({
                "name": table,
                "columns": columns,
                "partitions": [{"name": table, "mode": "import", "source": {"type": "m", "expression": source}}],
            }));
        }
        self
    }

    /// Writes the model into a folder, and says where.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, std::io::Error> {
        let path = folder.join("model.bim");
        fs::write(&path, self.json.to_string())?;
        Ok(path)
    }

    fn list(&mut self, name: &str) -> &mut Vec<Json> {
        let model = self.json["model"].as_object_mut().expect("a model");
        let list = model.entry(name).or_insert_with(|| json!([]));
        list.as_array_mut().expect("a list")
    }
}

/// A table of a thousand users, each in charge of a few stores.
const USER_STORES: &str = "table 'User Stores'
\tisHidden

\tcolumn User
\t\tdataType: string
\t\tsummarizeBy: none
\t\tsourceColumn: User

\tcolumn 'Store Key'
\t\tdataType: int64
\t\tsummarizeBy: none
\t\tsourceColumn: Store Key

\tpartition 'User Stores' = m
\t\tmode: import
\t\tsource = Parquet.Document(File.Contents(\"User Stores.parquet\"))
";

const STORE_MANAGERS: &str = "role 'Store Managers'
\tmodelPermission: read

\ttablePermission Stores = Stores[Store Key] IN CALCULATETABLE(VALUES('User Stores'[Store Key]), 'User Stores'[User] = USERPRINCIPALNAME())
";

/// By user again, with the filter on the fact: it reads one column.
const ORDER_MANAGERS: &str = "role 'Order Managers'
\tmodelPermission: read

\ttablePermission Orders = Orders[Store Key] IN CALCULATETABLE(VALUES('User Stores'[Store Key]), 'User Stores'[User] = USERPRINCIPALNAME())
";

/// The same with a filter that reads two columns, so that which rows it admits cannot be said by the values of one.
const ORDER_AUDITORS: &str = "role 'Order Auditors'
\tmodelPermission: read

\ttablePermission Orders = Orders[Returned] || Orders[Store Key] IN CALCULATETABLE(VALUES('User Stores'[Store Key]), 'User Stores'[User] = USERPRINCIPALNAME())
";

/// Two columns of the fact, whoever asks.
const LARGE_OR_MANY: &str = "role 'Large or Many'
\tmodelPermission: read

\ttablePermission Orders = Orders[Net Amount] >= 500 || Orders[Quantity] >= 5
";

/// Roles of the benchmark that the fixture does not have.
const RETAIL_ROLES: [(&str, &str); 4] = [
    ("Store Managers", STORE_MANAGERS),
    ("Order Managers", ORDER_MANAGERS),
    ("Order Auditors", ORDER_AUDITORS),
    ("Large or Many", LARGE_OR_MANY),
];

/// Users in the table of who is in charge of which stores.
pub const RETAIL_USERS: u64 = 1000;
const RETAIL_STORES: u64 = 40;

/// The stores that a user is in charge of, ascending: about a quarter of them, and never none.
pub fn stores_of(user: u64) -> Vec<u64> {
    let chosen = |store: &u64| below(91, user * RETAIL_STORES + store, 4) == 0;
    let stores: Vec<u64> = (1..=RETAIL_STORES).filter(chosen).collect();
    if stores.is_empty() {
        vec![1 + user % RETAIL_STORES]
    } else {
        stores
    }
}

/// The name that a user of the retail company signs in with.
pub fn retail_user(user: u64) -> String {
    format!("manager{user}@retail.example")
}

/// The model of the retail fixture with more roles and the table that they read, in a folder.
pub fn write_retail(folder: &Path) -> Result<PathBuf, std::io::Error> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/retail/model");
    let model = folder.join("model");
    copy_folder(&fixture, &model)?;
    fs::write(model.join("tables/User Stores.tmdl"), USER_STORES)?;
    let mut refs = String::from("ref table 'User Stores'\n");
    for (name, text) in RETAIL_ROLES {
        fs::write(model.join(format!("roles/{name}.tmdl")), text)?;
        refs.push_str(&format!("ref role '{name}'\n"));
    }
    let list = model.join("model.tmdl");
    let text = fs::read_to_string(&list)?;
    fs::write(list, format!("{}\n{refs}", text.trim_end()))?;
    Ok(model)
}

/// A calculation group of five items.
const PERIODS: &str = "table Periods

\tcalculationGroup
\t\tprecedence: 20

\t\tcalculationItem Current = SELECTEDMEASURE()

\t\tcalculationItem YTD = CALCULATE(SELECTEDMEASURE(), DATESYTD(Dates[Date]))

\t\tcalculationItem PY = CALCULATE(SELECTEDMEASURE(), SAMEPERIODLASTYEAR(Dates[Date]))

\t\tcalculationItem YoY = SELECTEDMEASURE() - CALCULATE(SELECTEDMEASURE(), SAMEPERIODLASTYEAR(Dates[Date]))

\t\tcalculationItem 'YoY %' =
\t\t\t\tVAR Before = CALCULATE(SELECTEDMEASURE(), SAMEPERIODLASTYEAR(Dates[Date]))
\t\t\t\tRETURN
\t\t\t\t    DIVIDE(SELECTEDMEASURE() - Before, Before)

\tcolumn Period
\t\tdataType: string
\t\tsummarizeBy: none
\t\tsourceColumn: Name
\t\tsortByColumn: Ordinal

\tcolumn Ordinal
\t\tdataType: int64
\t\tisHidden
\t\tsummarizeBy: none
\t\tsourceColumn: Ordinal

\tpartition Periods = calculationGroup
\t\tmode: import
";

/// The model of the retail fixture with one more calculation group, in a folder.
pub fn write_retail_with_periods(folder: &Path) -> Result<PathBuf, std::io::Error> {
    let model = folder.join("model");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/retail/model");
    copy_folder(&fixture, &model)?;
    fs::write(model.join("tables/Periods.tmdl"), PERIODS)?;
    Ok(model)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), std::io::Error> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes the data of the retail fixture with any number of orders, and the table of users. The rows of each table.
pub fn write_retail_data(
    size: Size,
    out: &Path,
) -> Result<Vec<(&'static str, usize)>, Box<dyn Error>> {
    let mut tables = retail::write(size, out)?;
    let pairs: Vec<(String, i32)> = (1..=RETAIL_USERS)
        .flat_map(|user| {
            let name = retail_user(user);
            stores_of(user)
                .into_iter()
                .map(move |store| (name.clone(), store as i32))
        })
        .collect();
    let table = Table::default()
        .text("User", pairs.iter().map(|(user, _)| user))
        .number("Store Key", pairs.iter().map(|(_, store)| *store).collect());
    tables.push((
        "User Stores",
        table.write(&out.join("User Stores.parquet"))?,
    ));
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_the_retail_company_see_different_stores() {
        let mut all: Vec<Vec<u64>> = (1..=RETAIL_USERS).map(stores_of).collect();
        assert!(all.iter().all(|stores| !stores.is_empty()));
        all.sort();
        all.dedup();
        assert!(all.len() > 950, "{}", all.len());
    }
}
