//! The 13 queries in DAX and in SQL by Peristyle, and in SQL by DataFusion as it comes, over tables in memory. A statement of Peristyle is asked
//! in a text that its session has not seen, so that it is planned, and again in one that it has.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType as ArrowType, Schema};
use datafusion::catalog::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use peristyle::{Collation, Session, SqlOptions};
use peristyle_benches::answer::{Cell, Row, rows_of};
use peristyle_benches::models::{SSB_TABLES, SsbModel};
use peristyle_benches::report::{self, Sheet, geometric_mean, milliseconds, quotient, ratio};
use peristyle_benches::ssb::Query;
use tokio::runtime::Runtime;

use crate::setting::{Cost, Done, Setting, Watch, anybody, ask};
use crate::ssb::same;

pub fn run(setting: &Setting) -> Done {
    report::heading(
        "Star Schema Benchmark, DAX and SQL (feature `sql`)",
        setting.threads,
    );
    let (database, _) = setting.open(&SsbModel::default())?;
    let session = anybody(&database)?;
    let plain = Plain::load(setting)?;
    let mut sheet = Sheet::new([
        "query",
        "DAX",
        "SQL again",
        "times DAX",
        "SQL anew",
        "times DAX",
        "letter by letter, anew",
        "DataFusion",
        "times SQL",
    ]);
    let mut all: [Vec<Duration>; 5] = Default::default();
    for query in setting.queries() {
        let best = interleaved(&query, &session, &plain, setting)?;
        let times = best.map(|cost| setting.figure(cost));
        for (list, time) in all.iter_mut().zip(times) {
            list.push(time);
        }
        sheet.row(row(query.name, times));
    }
    sheet.row(row(
        "geometric mean",
        all.each_ref().map(|times| geometric_mean(times)),
    ));
    sheet.print();
    println!("All answers are equal, row by row.");
    report::ending();
    Ok(())
}

fn row(name: &str, [dax, sql, anew, exact, plain]: [Duration; 5]) -> Vec<String> {
    vec![
        name.to_owned(),
        milliseconds(dax),
        milliseconds(sql),
        ratio(quotient(sql, dax)),
        milliseconds(anew),
        ratio(quotient(anew, dax)),
        milliseconds(exact),
        milliseconds(plain),
        ratio(quotient(plain, sql)),
    ]
}

/// The least cost in DAX, in SQL again and anew, in SQL letter by letter, and of DataFusion, taken in turn. All must give the same answer.
fn interleaved(
    query: &Query,
    session: &Session,
    plain: &Plain,
    setting: &Setting,
) -> Result<[Cost; 5], Box<dyn Error>> {
    let exact = SqlOptions {
        collation: Collation::Exact,
        ..SqlOptions::default()
    };
    let (_, rows) = ask(session, query.dax)?;
    for options in [&SqlOptions::default(), &exact] {
        same(
            query,
            &rows,
            &ask_sql(session, query.sql, options)?.1,
            "its SQL",
        )?;
    }
    same(query, &rows, &plain.ask(query.sql)?.1, "DataFusion")?;
    let mut best = [Cost::MOST; 5];
    for number in 0..setting.repeats.max(1) {
        let unseen = format!("{} -- {number}", query.sql.trim_end());
        let costs = [
            ask(session, query.dax)?.0,
            ask_sql(session, query.sql, &SqlOptions::default())?.0,
            ask_sql(session, &unseen, &SqlOptions::default())?.0,
            ask_sql(session, &unseen, &exact)?.0,
            plain.ask(query.sql)?.0,
        ];
        for (best, cost) in best.iter_mut().zip(costs) {
            *best = best.least(cost);
        }
    }
    Ok(best)
}

fn ask_sql(
    session: &Session,
    text: &str,
    options: &SqlOptions,
) -> Result<(Cost, Vec<Row>), Box<dyn Error>> {
    let watch = Watch::start();
    let answer = session.sql_with(text, options)?;
    let cost = watch.stop();
    Ok((cost, rows_of(&answer.table()?)))
}

/// DataFusion with the tables in memory, a part of each for every thread.
struct Plain {
    context: SessionContext,
    runtime: Runtime,
}

impl Plain {
    fn load(setting: &Setting) -> Result<Plain, Box<dyn Error>> {
        let config = SessionConfig::new().with_target_partitions(setting.threads);
        let context = SessionContext::new_with_config(config);
        for table in SSB_TABLES {
            let file = File::open(setting.data.join(format!("{table}.parquet")))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
            let schema: Arc<Schema> = arrow::array::RecordBatchReader::schema(&reader);
            let mut parts: Vec<Vec<RecordBatch>> = vec![Vec::new(); setting.threads.max(1)];
            let places = parts.len();
            for (place, batch) in reader.enumerate() {
                parts[place % places].push(batch?);
            }
            let table_of = MemTable::try_new(schema, parts)?;
            context.register_table(table, Arc::new(table_of))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(setting.threads.max(1))
            .build()?;
        Ok(Plain { context, runtime })
    }

    fn ask(&self, text: &str) -> Result<(Cost, Vec<Row>), Box<dyn Error>> {
        let watch = Watch::start();
        let batches = self
            .runtime
            .block_on(async { self.context.sql(text).await?.collect().await })?;
        let cost = watch.stop();
        let mut rows = Vec::new();
        for batch in &batches {
            rows.extend(rows_of_batch(batch)?);
        }
        Ok((cost, rows))
    }
}

fn rows_of_batch(batch: &RecordBatch) -> Result<Vec<Row>, Box<dyn Error>> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, Int64Type};
    let mut rows: Vec<Row> = vec![Row::new(); batch.num_rows()];
    for column in batch.columns() {
        let kind = column.data_type();
        let cells: Vec<Cell> = if kind.is_integer() {
            let values = cast(column, &ArrowType::Int64)?;
            let values = values.as_primitive::<Int64Type>().iter();
            values
                .map(|value| value.map_or(Cell::Null, Cell::Integer))
                .collect()
        } else if kind.is_numeric() {
            let values = cast(column, &ArrowType::Float64)?;
            let values = values.as_primitive::<Float64Type>().iter();
            values
                .map(|value| value.map_or(Cell::Null, Cell::Double))
                .collect()
        } else {
            let values = cast(column, &ArrowType::Utf8)?;
            let values = values.as_string::<i32>().iter();
            values
                .map(|value| value.map_or(Cell::Null, |text| Cell::Text(text.to_owned())))
                .collect()
        };
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    Ok(rows)
}
