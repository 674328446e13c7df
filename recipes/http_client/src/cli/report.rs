//! Prints one line per URL on stdout, and on a terminal a progress bar below them.

use std::cell::Cell;
use std::time::Duration;

use common::one_line;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Prints outcomes, and remembers whether one was a failure.
#[derive(Debug)]
pub(crate) struct Report {
    bar: ProgressBar,
    failed: Cell<bool>,
}

impl Report {
    pub(crate) fn new() -> Self {
        // The bar draws on stderr, and only if stderr is a terminal.
        let bar = ProgressBar::new(0).with_finish(ProgressFinish::AndClear);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        // Its clock advances even while no URL finishes.
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, failed: Cell::new(false) }
    }

    /// Adds one URL to the total of the bar.
    pub(crate) fn expect(&self) {
        self.bar.inc_length(1);
    }

    /// Prints the one line of a URL.
    pub(crate) fn tell(&self, target: &str, outcome: &Result<String, String>) {
        let target = one_line(target);
        // The bar disappears while the line is printed, and returns below it.
        self.bar.suspend(|| match outcome {
            Ok(what) => tracing::info!("{target}: {what}"),
            Err(why) => tracing::error!("{target}: failed: {why}"),
        });
        self.failed.set(self.failed.get() || outcome.is_err());
        self.bar.inc(1);
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }
}
