//! One core against several: a process of its own for each number, held to so many cores by the operating system.

use std::process::{Command, Stdio};
use std::time::Duration;

use peristyle_benches::machine::{self, Limits};
use peristyle_benches::models::SsbModel;
use peristyle_benches::report::{self, Sheet, geometric_mean, milliseconds, quotient, ratio};

use crate::setting::{Cost, Done, Setting, anybody, ask};

/// Rounds of one core and several in turn, so that what else the machine does meets both.
const ROUNDS: usize = 2;

pub fn run(setting: &Setting) -> Done {
    let all = machine::cores();
    report::heading("One core and several", all);
    let mut best: [Vec<(String, Duration)>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (cores, best) in [1, all].into_iter().zip(&mut best) {
            let found = held_to(cores)?;
            if best.is_empty() {
                *best = found;
                continue;
            }
            for (old, new) in best.iter_mut().zip(found) {
                old.1 = old.1.min(new.1);
            }
        }
    }
    let mut sheet = Sheet::new([
        "query".to_owned(),
        "1 core".to_owned(),
        format!("{all} cores"),
        "speed-up".to_owned(),
    ]);
    let [one, several] = best;
    // The last line of a process is the read loop.
    let queries = one.len().saturating_sub(1).min(setting.queries().len());
    let mean = |times: &[(String, Duration)]| {
        let times: Vec<Duration> = times.iter().take(queries).map(|t| t.1).collect();
        geometric_mean(&times)
    };
    for ((name, one), (_, several)) in one.iter().zip(&several) {
        sheet.row(row(name, *one, *several));
    }
    sheet.row(row(
        "geometric mean of the queries",
        mean(&one),
        mean(&several),
    ));
    sheet.print();
    report::ending();
    Ok(())
}

fn row(name: &str, one: Duration, several: Duration) -> [String; 4] {
    [
        name.to_owned(),
        milliseconds(one),
        milliseconds(several),
        ratio(quotient(one, several)),
    ]
}

/// Runs this program as `times` on some cores: a name and a time in nanoseconds a line.
fn held_to(cores: usize) -> Result<Vec<(String, Duration)>, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let output = Command::new("taskset")
        .arg("-c")
        .arg(format!("0-{}", cores.saturating_sub(1)))
        .arg(std::env::current_exe()?)
        .arg("times")
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("taskset: {error}"))?;
    if !output.status.success() {
        return Err(format!("the run on {cores} cores failed").into());
    }
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().map(|line| {
        let (nanoseconds, name) = line.split_once(' ').ok_or("a line without a name")?;
        Ok((name.to_owned(), Duration::from_nanos(nanoseconds.parse()?)))
    });
    lines.collect()
}

/// What a process that is held to some cores prints.
pub fn times(setting: &Setting) -> Done {
    let (database, _) = setting.open(&SsbModel::default())?;
    let session = anybody(&database)?;
    for query in setting.queries() {
        ask(&session, query.dax)?;
        let mut best = Cost::MOST;
        for _ in 0..setting.repeats.max(1) {
            best = best.least(ask(&session, query.dax)?.0);
        }
        println!("{} {}", best.time.as_nanos(), query.name);
    }
    let limits = Limits::measure(machine::cores());
    // A gigabyte at the rate of the loop.
    println!("{:.0} a plain loop that reads 1 GB", 1e9 / limits.read_all);
    Ok(())
}
