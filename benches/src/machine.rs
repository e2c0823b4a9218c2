//! What this machine can do at most, and how busy it is: figures without these cannot be compared.

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const MEMORY_WORDS: usize = 64 << 20;
const SUMMED: usize = 60_000_000;

/// The limits of the machine, measured now.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Gigabytes a second that one thread reads, and that all threads read.
    pub read_one: f64,
    pub read_all: f64,
    /// The sum of 60 million i32 on one thread.
    pub sum: Duration,
    pub threads: usize,
}

impl Limits {
    /// Takes about a second.
    pub fn measure(threads: usize) -> Limits {
        let words: Vec<u64> = (0..MEMORY_WORDS as u64).collect();
        let gigabytes = (MEMORY_WORDS * 8) as f64 / 1e9;
        let read =
            |threads: usize| gigabytes / best(7, || read_with(&words, threads)).as_secs_f64();
        let (read_one, read_all) = (read(1), read(threads));
        drop(words);
        let numbers: Vec<i32> = (0..SUMMED as i32).collect();
        let sum = best(7, || {
            black_box(
                black_box(&numbers)
                    .iter()
                    .map(|n| i64::from(*n))
                    .sum::<i64>(),
            );
        });
        Limits {
            read_one,
            read_all,
            sum,
            threads,
        }
    }
}

fn read_with(words: &[u64], threads: usize) {
    let share = words.len().div_ceil(threads);
    thread::scope(|scope| {
        for piece in words.chunks(share) {
            scope.spawn(move || black_box(sum_of(black_box(piece))));
        }
    });
}

fn sum_of(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// What a loop takes that reads so many bytes on so many threads.
pub fn reading(bytes: u64, threads: usize) -> Duration {
    let words: Vec<u64> = (0..bytes.div_ceil(8)).collect();
    best(7, || read_with(&words, threads))
}

/// The shortest of several runs: what the work takes when nothing disturbs it.
pub fn best(runs: usize, mut work: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// The load averages of the last one, five and fifteen minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first: Vec<&str> = text.split_whitespace().take(3).collect();
    if first.is_empty() {
        "unknown".to_owned()
    } else {
        first.join(" ")
    }
}

/// Bytes of this process in memory now, and at most so far.
pub fn memory() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    };
    (of("VmRSS:").unwrap_or(0), of("VmHWM:").unwrap_or(0))
}

/// What all threads of this process have computed so far, those that have ended included: unlike the time on the wall, it
/// does not grow while others use the machine.
pub fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// The cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The commit that the figures are about, with a mark where the sources have changed since.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

/// The name of the processor.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_work_and_its_memory() {
        let start = computed();
        black_box((0..5_000_000_u64).map(black_box).sum::<u64>());
        let alone = computed() - start;
        assert!(alone > Duration::ZERO);
        // A thread that has ended counts too.
        thread::spawn(|| black_box((0..5_000_000_u64).map(black_box).sum::<u64>()))
            .join()
            .unwrap();
        assert!(computed() - start > alone + alone / 10);
        let (now, peak) = memory();
        assert!(now > 1 << 20 && peak >= now, "{now} {peak}");
    }
}
