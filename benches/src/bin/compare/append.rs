//! Adding rows: the last hundredth of the fact is added to a dataset on disk, against an import of all rows.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use peristyle::{Database, KeyProvider, Refresh, RefreshMode};
use peristyle_benches::answer::difference;
use peristyle_benches::models::{SSB_TABLES, Scratch, SsbModel};
use peristyle_benches::report::{
    self, Sheet, geometric_mean, megabytes, milliseconds, quotient, ratio,
};
use peristyle_benches::sealed::BenchKey;

use crate::setting::{Done, Setting, anybody, ask};

/// One row of so many is added.
const PART: i64 = 100;

/// A file that was changed just before it is looked at is read again to see whether it is the same; nobody adds rows so soon.
const SETTLED: Duration = Duration::from_millis(2_200);

pub fn run(setting: &Setting) -> Done {
    report::heading("Adding rows", setting.threads);
    let scratch = Scratch::new("append")?;
    let data = scratch.path().join("data");
    let added = cut(&setting.data, &data)?;
    std::thread::sleep(SETTLED);
    let key = Arc::new(BenchKey::fresh().ok_or("no random numbers")?);
    let folder = scratch.path().join("dataset");
    let begin = |data: &Path| setting.open_with(&SsbModel::default(), data, setting.threads);
    let (imported, _) = begin(&data)?;
    imported.save(&folder, key.as_ref())?;
    drop(imported);
    // One that nothing was asked of, and one that has every column in memory.
    let cold = add(
        setting,
        &folder,
        &scratch.path().join("cold"),
        &data,
        &added,
        &key,
        false,
    )?;
    fs::remove_file(data.join("lineorder.parquet/1.parquet"))?;
    let warm = add(setting, &folder, &folder, &data, &added, &key, true)?;
    drop(cold.database);
    fs::remove_dir_all(scratch.path().join("cold"))?;
    let mut import_time = Duration::MAX;
    let mut all = None;
    for _ in 0..setting.repeats.clamp(1, 2) {
        drop(all.take());
        let (database, time) = begin(&data)?;
        import_time = import_time.min(time);
        all = Some(database);
    }
    let all = all.ok_or("no import")?;
    let start = Instant::now();
    all.save(scratch.path().join("whole"), key.as_ref())?;
    let saved_time = import_time + start.elapsed();
    let mut sheet = Sheet::new(["", "time", "of the import", "of import and save"]);
    for (what, time) in [
        ("import of all rows", import_time),
        ("import of all rows, and save", saved_time),
        ("add, nothing in memory: to disk", cold.to_disk),
        ("and until the first answer", cold.answered),
        ("add, all columns in memory: to disk", warm.to_disk),
        ("and until the first answer", warm.answered),
        ("and until all 13 answers", warm.all_answered),
    ] {
        let row = [import_time, saved_time].map(|base| ratio(quotient(time, base)));
        let [of_import, of_save] = row;
        sheet.row([what.to_owned(), milliseconds(time), of_import, of_save]);
    }
    sheet.print();
    println!(
        "{} added of {}; {} written.",
        megabytes(fs::metadata(&added)?.len()),
        megabytes(fs::metadata(setting.data.join("lineorder.parquet"))?.len()),
        megabytes(warm.written),
    );
    same_answers(setting, &all, &warm.database)?;
    peristyle::verify(&folder, key.as_ref(), 2)?;
    report::ending();
    Ok(())
}

/// What became of a dataset that rows were added to.
struct Added {
    database: Database,
    to_disk: Duration,
    answered: Duration,
    all_answered: Duration,
    written: u64,
}

fn add(
    setting: &Setting,
    from: &Path,
    folder: &Path,
    data: &Path,
    file: &Path,
    key: &Arc<BenchKey>,
    is_warm: bool,
) -> Result<Added, Box<dyn std::error::Error>> {
    if from != folder {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::hard_link(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    let provider: Arc<dyn KeyProvider> = key.clone();
    let builder = Database::builder(folder).threads(setting.threads);
    let database = builder.cache_bytes(0).open(provider)?;
    if is_warm {
        database.preload()?;
    }
    fs::copy(file, data.join("lineorder.parquet/1.parquet"))?;
    let what = Refresh {
        mode: RefreshMode::Add,
        ..Refresh::default()
    };
    let start = Instant::now();
    let saved = database.refresh(&what)?.ok_or("nothing was added")?;
    let to_disk = start.elapsed();
    let session = anybody(&database)?;
    let queries = setting.queries();
    ask(&session, queries.first().ok_or("no query")?.dax)?;
    let answered = start.elapsed();
    for query in &queries {
        ask(&session, query.dax)?;
    }
    Ok(Added {
        to_disk,
        answered,
        all_answered: start.elapsed(),
        written: saved.bytes_written,
        database,
    })
}

/// Writes the fact without its last rows into a folder of its own, and the last rows beside it, for later. Whole row groups are copied as
/// they are. Gives the file of the last rows.
fn cut(from: &Path, to: &Path) -> Result<std::path::PathBuf, Box<dyn std::error::Error>> {
    fs::create_dir_all(to.join("lineorder.parquet"))?;
    for table in SSB_TABLES.iter().filter(|table| **table != "lineorder") {
        let name = format!("{table}.parquet");
        fs::copy(from.join(&name), to.join(&name))?;
    }
    let path = from.join("lineorder.parquet");
    let file = File::open(&path)?;
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    let groups = reader.metadata().row_groups();
    let rows: i64 = groups.iter().map(|group| group.num_rows()).sum();
    let keep = rows - rows / PART;
    let out = File::create(to.join("lineorder.parquet/0.parquet"))?;
    let schema = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .root_schema_ptr();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(out, schema, properties)?;
    let mut done = 0;
    for group in groups {
        if done + group.num_rows() > keep {
            break;
        }
        let mut copy = writer.next_row_group()?;
        for column in group.columns() {
            let close = parquet::column::writer::ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: group.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            copy.append_column(&file, close)?;
        }
        copy.close()?;
        done += group.num_rows();
    }
    writer.close()?;
    part_of(
        &path,
        done,
        keep - done,
        &to.join("lineorder.parquet/00.parquet"),
    )?;
    let last = to.join("last");
    part_of(&path, keep, rows - keep, &last)?;
    Ok(last)
}

/// Some rows of a file as a file.
fn part_of(from: &Path, skip: i64, rows: i64, to: &Path) -> Done {
    if rows == 0 {
        return Ok(());
    }
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(from)?)?;
    let selection = vec![
        RowSelector::skip(skip as usize),
        RowSelector::select(rows as usize),
    ];
    let schema = builder.schema().clone();
    let reader = builder
        .with_row_selection(RowSelection::from(selection))
        .build()?;
    let mut out = File::create(to)?;
    let mut writer = ArrowWriter::try_new(&mut out, schema, None)?;
    for batch in reader {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(out.flush()?)
}

/// The queries of the benchmark over what was imported and over what was added to, in turn: answers are the same, and take as long.
fn same_answers(setting: &Setting, imported: &Database, added: &Database) -> Done {
    let (a, b) = (anybody(imported)?, anybody(added)?);
    let (mut of_imported, mut of_added) = (Vec::new(), Vec::new());
    for query in setting.queries() {
        let (before, after) = (ask(&a, query.dax)?.1, ask(&b, query.dax)?.1);
        if let Some(why) = difference(&before, &after, query.order) {
            return Err(format!("{} differs after adding: {why}", query.name).into());
        }
        let mut best = [Duration::MAX; 2];
        for _ in 0..setting.repeats.max(1) {
            for (best, session) in best.iter_mut().zip([&a, &b]) {
                *best = (*best).min(setting.time(session, query.dax)?);
            }
        }
        of_imported.push(best[0]);
        of_added.push(best[1]);
    }
    let (of_imported, of_added) = (geometric_mean(&of_imported), geometric_mean(&of_added));
    println!(
        "The {} queries answer the same. Geometric mean: {} imported, {} added to, a ratio of {}.",
        setting.queries().len(),
        milliseconds(of_imported),
        milliseconds(of_added),
        ratio(quotient(of_added, of_imported)),
    );
    Ok(())
}
