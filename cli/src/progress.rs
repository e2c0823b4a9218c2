//! The progress bar of an import. It is drawn on standard error, and only when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use peristyle::Progress;

pub struct ImportBar {
    bar: ProgressBar,
}

impl ImportBar {
    pub fn new() -> ImportBar {
        if !std::io::stderr().is_terminal() {
            return ImportBar {
                bar: ProgressBar::hidden(),
            };
        }
        let template = "{spinner} {msg:30!} {wide_bar} {human_pos}/{human_len} rows";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        ImportBar { bar }
    }

    /// Takes the bar off the screen, so that the result stands alone.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ImportBar {
    fn table_started(&self, name: &str, total_rows: u64) {
        self.bar.set_position(0);
        self.bar.set_length(total_rows);
        self.bar.set_message(name.to_owned());
    }

    fn rows(&self, rows: u64) {
        self.bar.inc(rows);
    }

    fn table_done(&self) {
        self.bar.tick();
    }
}
