//! kill -9 of the command while it writes: the dataset opens at the generation before or at the new one, whole, and answers as that one.

use std::time::{Duration, Instant};

use super::dataset::key_file;
use super::*;

/// The retail company with two versions of its orders, and what is written of it.
struct Shop {
    folder: PathBuf,
    key: String,
    model: String,
    /// Two files of orders, and how many rows each has.
    orders: [(PathBuf, u64); 2],
    /// Which of them lies among the data.
    now: usize,
}

impl Shop {
    fn new(name: &str) -> Shop {
        let folder = folder(name);
        copy(&retail().join("data"), &folder.join("data"));
        copy(&retail().join("model"), &folder.join("model"));
        let exported = |role: &str| -> (PathBuf, u64) {
            let path = folder.join(format!("{role}.parquet"));
            let (to, model) = (path.to_str().unwrap(), retail().join("model"));
            let model = model.to_str().unwrap();
            let ran = run(&[
                "export", model, "--role", role, "--table", "Orders", "--out", to,
            ]);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""));
            (path, ran.out.split(' ').next().unwrap().parse().unwrap())
        };
        let orders = [exported("Everyone"), exported("Germany")];
        read_exported_names(&folder.join("model/tables/Orders.tmdl"));
        let mut shop = Shop {
            orders,
            key: key_file(&folder, "key", 'a'),
            now: 1,
            model: folder.join("model").to_str().unwrap().to_owned(),
            folder,
        };
        assert!(shop.orders[0].1 > shop.orders[1].1 && shop.orders[1].1 > 0);
        shop.change();
        shop
    }

    /// Puts the other orders among the data.
    fn change(&mut self) {
        self.now = 1 - self.now;
        let to = self.folder.join("data/Orders.parquet");
        fs::copy(&self.orders[self.now].0, to).unwrap();
    }

    fn rows(&self) -> u64 {
        self.orders[self.now].1
    }

    fn import(&self, out: &str) -> Vec<String> {
        let data = self.folder.join("data");
        let arguments = [
            "import",
            &self.model,
            "--data",
            data.to_str().unwrap(),
            "--out",
            out,
            "--key",
            &self.key,
        ];
        arguments.map(str::to_owned).to_vec()
    }

    fn of(&self, command: &str, dataset: &str) -> Vec<String> {
        [command, dataset, "--key", &self.key]
            .map(str::to_owned)
            .to_vec()
    }

    /// The generation that is there, and the rows of its orders.
    fn found(&self, dataset: &str) -> (u64, u64) {
        let verified = run_all(&self.of("verify", dataset));
        assert_eq!((verified.code, verified.err.as_str()), (0, ""));
        let (_, rest) = verified.out.split_once("generation ").unwrap();
        let generation = rest.split(':').next().unwrap().parse().unwrap();
        let mut ask = self.of("query", dataset);
        let query = "EVALUATE ROW(\"n\", COUNTROWS(Orders))";
        ask.extend(["--role", "Everyone", "--format", "csv", query].map(str::to_owned));
        let counted = run_all(&ask);
        assert_eq!((counted.code, counted.err.as_str()), (0, ""));
        (
            generation,
            counted.out.lines().nth(1).unwrap().parse().unwrap(),
        )
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An exported file has the names of the model, so that is what the table is read from now.
fn read_exported_names(table: &Path) {
    let mut name = "";
    let text = fs::read_to_string(table).unwrap();
    let lines = text.lines().map(|line| {
        if let Some(column) = line.strip_prefix("\tcolumn ") {
            name = column.trim_matches('\'');
        }
        match line.split_once("sourceColumn: ") {
            Some((before, _)) => format!("{before}sourceColumn: {name}"),
            None => line.to_owned(),
        }
    });
    let lines: Vec<String> = lines.collect();
    fs::write(table, lines.join("\n")).unwrap();
}

fn run_all(arguments: &[String]) -> Ran {
    run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs a command to its end, and says how long that took.
fn timed(arguments: &[String]) -> Duration {
    let begun = Instant::now();
    let ran = run_all(arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    begun.elapsed()
}

/// Runs a command and kills it after this time, if it is still there. True: it had ended well.
fn killed_after(arguments: &[String], time: Duration) -> bool {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(time);
    let _ = child.kill();
    child.wait().unwrap().success()
}

/// A number from 0 to 1 that follows from another (splitmix64).
fn random(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// A few kills, or as many as PERISTYLE_KILLS says, the first being number PERISTYLE_SEED: one import in four, else a refresh or a rekey, at
/// a point that follows from the number.
#[test]
fn a_killed_command_leaves_the_generation_before_or_the_new_one() {
    let mut shop = Shop::new("killed");
    let (kills, first) = (number("PERISTYLE_KILLS", 4), number("PERISTYLE_SEED", 0));
    let dataset = shop.folder.join("dataset").to_str().unwrap().to_owned();
    let import_time = timed(&shop.import(&dataset));
    let rekey_time = timed(&shop.of("rekey", &dataset));
    shop.change();
    let refresh_time = timed(&shop.of("refresh", &dataset));
    let mut before = shop.found(&dataset);
    assert_eq!(before, (3, shop.rows()));
    let (mut ended, mut old, mut new) = (0, 0, 0);
    for number in first..first + kills {
        let point = |whole: Duration| whole.mul_f64(random(number) * 1.1);
        if number % 4 == 0 {
            let fresh = shop
                .folder
                .join(format!("fresh-{number}"))
                .to_str()
                .unwrap()
                .to_owned();
            let done = killed_after(&shop.import(&fresh), point(import_time));
            if Path::new(&fresh).join("peristyle.dataset").exists() {
                assert_eq!(shop.found(&fresh), (1, shop.rows()), "kill {number}");
                new += 1;
            } else {
                assert!(!done, "kill {number}: what was reported as done is lost");
                let ran = run_all(&shop.of("verify", &fresh));
                assert_eq!(ran.code, 1, "kill {number}");
                // What is left does not stand in the way of the next attempt.
                timed(&shop.import(&fresh));
                assert_eq!(shop.found(&fresh), (1, shop.rows()), "kill {number}");
                old += 1;
            }
            ended += u64::from(done);
            fs::remove_dir_all(fresh).unwrap();
            continue;
        }
        let done = if number % 4 == 1 {
            killed_after(&shop.of("rekey", &dataset), point(rekey_time))
        } else {
            if before.1 == shop.rows() {
                shop.change();
            }
            killed_after(&shop.of("refresh", &dataset), point(refresh_time))
        };
        let after = shop.found(&dataset);
        let next = if number % 4 == 1 {
            before.1
        } else {
            shop.rows()
        };
        if after == before {
            assert!(!done, "kill {number}: what was reported as done is lost");
            old += 1;
        } else {
            assert_eq!(
                after,
                (before.0 + 1, next),
                "kill {number} after {before:?}"
            );
            new += 1;
        }
        ended += u64::from(done);
        before = after;
        if number % 20 == 19 {
            timed(&shop.of("vacuum", &dataset));
        }
    }
    timed(&shop.of("vacuum", &dataset));
    assert_eq!(shop.found(&dataset), before);
    assert!(kills < 40 || (old > 0 && new > 0), "{old} old, {new} new");
    println!(
        "{kills} kills from number {first} on: {old} left the generation before, {new} the new one, {ended} came too late"
    );
    fs::remove_dir_all(&shop.folder).unwrap();
}
