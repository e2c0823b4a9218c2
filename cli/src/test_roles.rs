//! `peristyle test-roles`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use peristyle::{Database, RoleTest};

use crate::access;
use crate::args::TestRolesArgs;
use crate::failure::Failure;

/// Reads all files before anything is imported, so that a slip of the pen is told at once.
pub fn run(args: &TestRolesArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    let mut broken = false;
    for file in &args.files {
        match read(file) {
            Ok(tests) => files.push((file, tests)),
            Err(message) => {
                eprint!("{message}");
                broken = true;
            }
        }
    }
    if broken {
        return Err(Failure::Reported);
    }
    let data = args.data.as_deref();
    let database = access::open_or_import(&args.model, data, &args.key, false)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut passed, mut failed) = (0, 0);
    for (file, tests) in &files {
        for test in tests {
            match told(&mut out, &database, file, test)? {
                true => passed += 1,
                false => failed += 1,
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    out.flush()?;
    if failed > 0 {
        Err(Failure::Reported)
    } else {
        Ok(())
    }
}

fn read(file: &Path) -> Result<Vec<RoleTest>, String> {
    let name = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| format!("error: the file {name} cannot be read: {error}\n"))?;
    RoleTest::parse(&text).map_err(|errors| {
        errors
            .iter()
            .map(|error| format!("error: {name}:{}: {}\n", error.line, error.message))
            .collect()
    })
}

/// Runs a test and tells how it went.
fn told(
    out: &mut impl Write,
    database: &Database,
    file: &Path,
    test: &RoleTest,
) -> io::Result<bool> {
    let place = format!("{}:{}", file.display(), test.line());
    match test.run(database) {
        Ok(()) => writeln!(out, "ok      {place}  {}", test.name()).map(|()| true),
        Err(failure) => {
            writeln!(out, "FAILED  {place}  {}\n{failure}", test.name()).map(|()| false)
        }
    }
}
