//! What a role costs: against the same engine, open, with the role's predicate written in the query; and against data
//! from which the hidden rows were removed.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use arrow::array::{BooleanArray, Int32Array, RecordBatch};
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use peristyle::{Database, Identity, Session};
use peristyle_benches::answer::difference;
use peristyle_benches::models::{SSB_TABLES, Scratch, SsbModel};
use peristyle_benches::report::{self, Sheet, geometric_mean, milliseconds, quotient, ratio};
use peristyle_benches::ssb::Query;

use crate::setting::{Done, Setting, anybody, ask};

/// A role, and its predicate as a filter argument.
const ROLES: [(&str, &str, &str, &str); 3] = [
    (
        "Building",
        "customer",
        "customer[c_mktsegment] = \"BUILDING\"",
        "TREATAS({\"BUILDING\"}, customer[c_mktsegment])",
    ),
    (
        "Small Parts",
        "part",
        "part[p_size] <= 25",
        "FILTER(ALL(part[p_size]), part[p_size] <= 25)",
    ),
    (
        "Weekdays",
        "dates",
        "dates[d_weekdayfl] = 1",
        "TREATAS({1}, dates[d_weekdayfl])",
    ),
];

/// Percent of the customers that a role keeps. Keys are dealt to hundredths in turn.
const KEPT: [i32; 4] = [1, 10, 50, 90];

pub fn run(setting: &Setting) -> Done {
    report::heading("Roles on the Star Schema Benchmark", setting.threads);
    // A role without filters sees everything, so that both sides of a comparison read the same memory.
    let mut model = SsbModel::default().role("Everything", &[]);
    for (role, table, filter, _) in ROLES {
        model = model.role(role, &[(table, filter)]);
    }
    for percent in KEPT {
        let filter = format!("MOD(customer[c_custkey], 100) < {percent}");
        model = model.role(&kept_name(percent), &[("customer", &filter)]);
    }
    let queries = setting.queries();
    let (database, _) = setting.open(&model)?;
    against_predicates(setting, &database, &queries)?;
    against_copies(setting, &database, &queries)?;
    report::ending();
    Ok(())
}

fn kept_name(percent: i32) -> String {
    format!("Keep {percent}")
}

fn admit(database: &Database, role: &str) -> Result<Session, peristyle::Error> {
    database.session(Identity::user("bench@example.com").role(role))
}

fn against_predicates(setting: &Setting, database: &Database, queries: &[Query]) -> Done {
    println!();
    println!(
        "Under a role, against the open model with the role's predicate written in the query:"
    );
    let open = admit(database, "Everything")?;
    let mut heads = vec!["query".to_owned()];
    for (role, ..) in ROLES {
        heads.extend([
            format!("{role}: predicate"),
            "role".to_owned(),
            "ratio".to_owned(),
        ]);
    }
    let mut sheet = Sheet::new(heads);
    let mut all = vec![(Vec::new(), Vec::new()); ROLES.len()];
    for query in queries {
        let mut cells = vec![query.name.to_owned()];
        for ((role, _, _, predicate), (opens, roles)) in ROLES.into_iter().zip(&mut all) {
            let under = admit(database, role)?;
            let written = query.dax_where(predicate);
            let pair = both(setting, query, (&open, &written), (&under, query.dax))?;
            opens.push(pair.0);
            roles.push(pair.1);
            cells.extend(shown(pair));
        }
        sheet.row(cells);
    }
    let mut cells = vec!["geometric mean".to_owned()];
    for (opens, roles) in &all {
        cells.extend(shown((geometric_mean(opens), geometric_mean(roles))));
    }
    sheet.row(cells);
    sheet.print();
    Ok(())
}

fn against_copies(setting: &Setting, database: &Database, queries: &[Query]) -> Done {
    println!(
        "Under a role that keeps a share of the customers, against a copy without the other rows (geometric mean of the queries):"
    );
    let mut sheet = Sheet::new(["customers kept", "copy", "role", "ratio"]);
    for percent in KEPT {
        let folder = Scratch::new("copy")?;
        filtered_copy(&setting.data, folder.path(), percent)?;
        let (copy, _) = setting.open_with(&SsbModel::default(), folder.path(), setting.threads)?;
        drop(folder);
        let (open, under) = (anybody(&copy)?, admit(database, &kept_name(percent))?);
        let mut times = (Vec::new(), Vec::new());
        for query in queries {
            let pair = both(setting, query, (&open, query.dax), (&under, query.dax))?;
            times.0.push(pair.0);
            times.1.push(pair.1);
        }
        let mut cells = vec![format!("{percent} %")];
        cells.extend(shown((geometric_mean(&times.0), geometric_mean(&times.1))));
        sheet.row(cells);
    }
    sheet.print();
    Ok(())
}

/// The shortest times of two ways to ask the same, taken in turn. Their answers must be equal.
fn both(
    setting: &Setting,
    query: &Query,
    left: (&Session, &str),
    right: (&Session, &str),
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let rows = (ask(left.0, left.1)?.1, ask(right.0, right.1)?.1);
    if let Some(what) = difference(&rows.0, &rows.1, query.order) {
        return Err(format!("{}: the answers differ: {what}", query.name).into());
    }
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..setting.repeats.max(1) {
        best.0 = best.0.min(setting.time(left.0, left.1)?);
        best.1 = best.1.min(setting.time(right.0, right.1)?);
    }
    Ok(best)
}

fn shown((base, role): (Duration, Duration)) -> [String; 3] {
    [
        milliseconds(base),
        milliseconds(role),
        ratio(quotient(role, base)),
    ]
}

/// The same data without the orders of customers that the role hides.
fn filtered_copy(from: &Path, to: &Path, percent: i32) -> Done {
    for table in SSB_TABLES {
        let name = format!("{table}.parquet");
        if table != "lineorder" {
            fs::copy(from.join(&name), to.join(&name))?;
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(from.join(&name))?)?
            .with_batch_size(1 << 16)
            .build()?;
        let mut writer: Option<ArrowWriter<File>> = None;
        for batch in reader {
            let kept = without_hidden(&batch?, percent)?;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(ArrowWriter::try_new(
                    File::create(to.join(&name))?,
                    kept.schema(),
                    None,
                )?),
            };
            writer.write(&kept)?;
        }
        writer.ok_or("the fact has no rows")?.close()?;
    }
    Ok(())
}

fn without_hidden(batch: &RecordBatch, percent: i32) -> Result<RecordBatch, Box<dyn Error>> {
    let keys = batch
        .column_by_name("lo_custkey")
        .and_then(|array| array.as_any().downcast_ref::<Int32Array>())
        .ok_or("the fact has no lo_custkey")?;
    let kept: BooleanArray = keys
        .values()
        .iter()
        .map(|key| Some(key % 100 < percent))
        .collect();
    Ok(filter_record_batch(batch, &kept)?)
}
