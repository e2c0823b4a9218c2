//! Reports in Markdown.

use std::time::Duration;

use crate::machine::{self, Limits};

/// A table in Markdown, its columns after the first to the right.
pub struct Sheet {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    pub fn new<T: Into<String>>(heads: impl IntoIterator<Item = T>) -> Sheet {
        Sheet {
            heads: heads.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub fn print(&self) {
        println!();
        println!("| {} |", self.heads.join(" | "));
        let rules = self.heads.iter().enumerate();
        let rules = rules.map(|(n, _)| if n == 0 { "---" } else { "---:" });
        println!("|{}|", rules.collect::<Vec<_>>().join("|"));
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}

/// Says what was run, on what and how busy it was. The limits are measured here.
pub fn heading(title: &str, threads: usize) -> Limits {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let limits = Limits::measure(threads);
    println!("## {title}");
    println!();
    println!(
        "`cargo run --release -p peristyle-benches --bin compare -- {}`",
        arguments.join(" ")
    );
    println!();
    println!(
        "Commit {}. {}, {threads} threads. Load average {} at the start. Memory read {:.1} GB/s by one thread, {:.1} GB/s by {}; sum of 60 million i32 {} on one thread.",
        machine::commit(),
        machine::processor(),
        machine::load(),
        limits.read_one,
        limits.read_all,
        limits.threads,
        milliseconds(limits.sum),
    );
    limits
}

/// The last line of a report: a load that has grown meanwhile must show.
pub fn ending() {
    println!("Load average {} at the end.", machine::load());
    println!();
}

pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 {
        format!("{milliseconds:.2} ms")
    } else if milliseconds < 10_000.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1e3)
    }
}

pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

pub fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// How often `whole` holds `part`.
pub fn quotient(whole: Duration, part: Duration) -> f64 {
    whole.as_secs_f64() / part.as_secs_f64().max(1e-9)
}

pub fn geometric_mean(times: &[Duration]) -> Duration {
    let logs: f64 = times.iter().map(|t| t.as_secs_f64().max(1e-9).ln()).sum();
    Duration::from_secs_f64((logs / times.len().max(1) as f64).exp())
}

/// The time that this share of all does not exceed.
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let place = (times.len() as f64 * share).ceil() as usize;
    times
        .get(place.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_percentiles() {
        let seconds = |s: &[u64]| {
            s.iter()
                .map(|s| Duration::from_secs(*s))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            geometric_mean(&seconds(&[1, 4, 16])).as_secs_f64().round(),
            4.0
        );
        let mut times = seconds(&(1..=100).rev().collect::<Vec<_>>());
        assert_eq!(percentile(&mut times, 0.5), Duration::from_secs(50));
        assert_eq!(percentile(&mut times, 0.99), Duration::from_secs(99));
        assert_eq!(percentile(&mut times, 1.0), Duration::from_secs(100));
    }
}
