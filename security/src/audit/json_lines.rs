//! Records as lines of JSON in a file that is put aside when it has grown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{AdmissionRecord, AuditError, AuditSink, LeaseRecord, QueryRecord};

/// When a line counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the operating system has it: a crash of the process loses nothing, one of the machine may.
    Never,
    /// When the disk has it.
    EveryRecord,
}

/// A file of lines. When the next line would make it larger than its limit it becomes `name.1`, what was `name.1` becomes `name.2`,
/// and so on up to the number that is kept.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    most_bytes: u64,
    kept: u32,
    sync: Sync,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl JsonLines {
    /// Appends to the file, and makes it where it does not exist. `most_bytes` of one file, and `kept` older ones beside it.
    pub fn open(
        path: impl AsRef<Path>,
        most_bytes: u64,
        kept: u32,
        sync: Sync,
    ) -> io::Result<JsonLines> {
        let path = path.as_ref().to_path_buf();
        let open = append_to(&path)?;
        Ok(JsonLines {
            path,
            most_bytes,
            kept,
            sync,
            open: Mutex::new(open),
        })
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    fn rotate(&self, open: &mut Open) -> io::Result<()> {
        open.file.sync_all()?;
        if self.kept == 0 {
            fs::remove_file(&self.path)?;
        }
        for number in (1..=self.kept).rev() {
            let from = match number {
                1 => self.path.clone(),
                _ => self.aside(number - 1),
            };
            match fs::rename(from, self.aside(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        *open = append_to(&self.path)?;
        Ok(())
    }

    fn write(&self, record: &Value) -> io::Result<()> {
        let mut line = record.to_string();
        line.push('\n');
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes > 0 && open.bytes.saturating_add(length) > self.most_bytes {
            self.rotate(&mut open)?;
        }
        // One call, so that lines of several processes do not mix.
        open.file.write_all(line.as_bytes())?;
        open.bytes = open.bytes.saturating_add(length);
        match self.sync {
            Sync::Never => Ok(()),
            Sync::EveryRecord => open.file.sync_data(),
        }
    }
}

fn append_to(path: &Path) -> io::Result<Open> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // It says who asked what: nobody's but the service's, whatever the process lets others read of its files.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
}

fn failed(error: io::Error) -> AuditError {
    AuditError(error.to_string())
}

/// Seconds since 1970 with their fraction.
fn seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

impl AuditSink for JsonLines {
    fn admission(&self, record: &AdmissionRecord) -> Result<(), AuditError> {
        let line = json!({
            "event": "admission",
            "at": seconds(record.at),
            "user": record.user_name,
            "object_id": record.object_id,
            "roles": record.roles,
            "rules": record.rules,
            "view": record.view,
            "denied": record.denied,
            "detail": record.detail,
            "seconds": record.duration.as_secs_f64(),
        });
        self.write(&line).map_err(failed)
    }

    fn lease(&self, record: &LeaseRecord) -> Result<(), AuditError> {
        let line = json!({
            "event": "lease",
            "at": seconds(record.at),
            "dataset": record.dataset,
            "generation": record.generation,
            "key_id": record.key_id,
            "state": record.state,
            "detail": record.detail,
        });
        self.write(&line).map_err(failed)
    }

    fn query(&self, record: &QueryRecord) -> Result<(), AuditError> {
        let visible: serde_json::Map<String, Value> = record
            .visible_rows
            .iter()
            .map(|(table, rows)| (table.clone(), json!(rows)))
            .collect();
        let mut line = json!({
            "event": record.kind,
            "at": seconds(record.at),
            "user": record.user_name,
            "object_id": record.object_id,
            "roles": record.roles,
            "rules": record.rules,
            "view": record.view,
            "objects": record.objects,
            "visible_rows": visible,
            "rows": record.rows,
            "seconds": record.duration.as_secs_f64(),
            "outcome": record.outcome,
            "query_hash": record.query_hash,
        });
        if let (Some(text), Some(line)) = (&record.query, line.as_object_mut()) {
            line.insert("query".to_owned(), json!(text));
        }
        self.write(&line).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("peristyle-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn record(user: &str) -> AdmissionRecord {
        AdmissionRecord::of(&Identity::user(user).role("A role"))
    }

    #[test]
    fn lines_are_appended_and_files_put_aside() {
        let folder = folder("rotation");
        let path = folder.join("audit.jsonl");
        let sink = JsonLines::open(&path, 500, 2, Sync::EveryRecord).unwrap();
        for number in 0..20 {
            sink.admission(&record(&format!("user {number}"))).unwrap();
        }
        drop(sink);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let users = |name: &str| -> Vec<String> {
            let text = read(name);
            let lines = text.lines().map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["event"], "admission");
                line["user"].as_str().unwrap().to_owned()
            });
            lines.collect()
        };
        let found = [
            users("audit.jsonl.2"),
            users("audit.jsonl.1"),
            users("audit.jsonl"),
        ]
        .concat();
        let last: Vec<String> = (20 - found.len()..20)
            .map(|n| format!("user {n}"))
            .collect();
        assert_eq!(found, last);
        assert!(found.len() >= 5 && found.len() < 20);
        assert!(read("audit.jsonl").len() <= 500 && read("audit.jsonl.1").len() <= 500);
        assert!(!folder.join("audit.jsonl.3").exists());
        // What is opened again goes on where it stopped.
        let sink = JsonLines::open(&path, 1 << 20, 2, Sync::Never).unwrap();
        sink.admission(&record("afterwards")).unwrap();
        assert_eq!(users("audit.jsonl").last().unwrap(), "afterwards");
        assert!(users("audit.jsonl").len() > 1);
        let _ = fs::remove_dir_all(&folder);
    }

    #[test]
    fn a_file_that_cannot_be_put_aside_is_an_error_and_no_loss() {
        let folder = folder("no-rotation");
        let path = folder.join("audit.jsonl");
        let sink = JsonLines::open(&path, 10, 1, Sync::Never).unwrap();
        sink.admission(&record("first")).unwrap();
        // A folder that is not empty stands where the old file should go.
        fs::create_dir_all(folder.join("audit.jsonl.1").join("x")).unwrap();
        let error = sink.admission(&record("second")).unwrap_err();
        assert!(error.to_string().starts_with("the audit record"));
        assert!(fs::read_to_string(&path).unwrap().contains("first"));
        let _ = fs::remove_dir_all(&folder);
    }
}
