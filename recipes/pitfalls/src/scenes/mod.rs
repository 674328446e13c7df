//! A small scene per pitfall: the broken function fails, then the fixed one does the same job.

/// The pitfall whose file and whose scene have this name.
macro_rules! pitfall {
    ($name:ident, $summary:literal, $caught_by:expr) => {
        Pitfall {
            name: stringify!($name),
            summary: $summary,
            caught_by: $caught_by,
            scene: |stage| $name(stage).boxed_local(),
        }
    };
}

mod classics;
mod dropped;
mod tasks;
mod threads;
mod time;
mod together;

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use tokio::time::{sleep, timeout};
use tracing::{info, instrument};

/// A mistake, with its summary and what catches it.
#[derive(Debug, Clone, Copy)]
pub struct Pitfall {
    /// The name of its file.
    pub name: &'static str,
    /// What goes wrong.
    pub summary: &'static str,
    /// What catches it while the program is built.
    pub caught_by: Caught,
    scene: Scene,
}

type Scene = fn(Stage) -> LocalBoxFuture<'static, anyhow::Result<()>>;

/// What catches a broken function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// These lints, as rustc and Clippy are installed.
    ByDefault(&'static [&'static str]),
    /// These lints, once they are switched on or configured.
    Configured(&'static [&'static str]),
    /// Neither the compiler nor a lint.
    ByNothing,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByDefault(lints) => write!(f, "{}, on by default", lints.join(", ")),
            Self::Configured(lints) => write!(f, "{}, if it is on", lints.join(", ")),
            Self::ByNothing => f.write_str("nothing"),
        }
    }
}

/// Pitfalls that have something in common.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// What they have in common.
    pub title: &'static str,
    /// In reading order.
    pub pitfalls: &'static [Pitfall],
}

/// Every pitfall.
pub const GROUPS: [Group; 6] =
    [classics::GROUP, together::GROUP, threads::GROUP, dropped::GROUP, tasks::GROUP, time::GROUP];

/// Returns the pitfall of that name.
pub fn find(name: &str) -> Option<Pitfall> {
    GROUPS.iter().flat_map(|group| group.pitfalls).find(|pitfall| pitfall.name == name).copied()
}

impl Pitfall {
    /// Runs the broken function, and then the fixed one. Each prints its outcome in one line.
    ///
    /// # Errors
    ///
    /// If something fails that should not.
    pub async fn show(self) -> anyhow::Result<()> {
        info!("{}: {}", self.name, self.summary);
        (self.scene)(Stage { pitfall: self.name }).await
    }
}

/// Runs the functions of one pitfall, and prints the line that each future returns.
#[derive(Debug, Clone, Copy)]
struct Stage {
    pitfall: &'static str,
}

impl Stage {
    async fn broken(self, outcome: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
        #[instrument(name = "broken", skip(outcome), ret, err)]
        async fn as_lane(
            pitfall: &'static str,
            outcome: impl Future<Output = anyhow::Result<String>>,
        ) -> anyhow::Result<String> {
            outcome.await
        }
        info!("  broken: {}", as_lane(self.pitfall, outcome).await?);
        Ok(())
    }

    async fn fixed(self, outcome: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
        #[instrument(name = "fixed", skip(outcome), ret, err)]
        async fn as_lane(
            pitfall: &'static str,
            outcome: impl Future<Output = anyhow::Result<String>>,
        ) -> anyhow::Result<String> {
            outcome.await
        }
        info!("  fixed: {}", as_lane(self.pitfall, outcome).await?);
        Ok(())
    }
}

/// Work that waits, as a stand-in for I/O.
#[instrument(skip(millis), ret)]
async fn work<T: Debug>(what: T, millis: u64) -> T {
    sleep(ms(millis)).await;
    what
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns `done` if the future ends within a second, and `hangs` otherwise.
async fn within_a_second<T>(future: impl Future<Output = T>, done: &str, hangs: &str) -> String {
    match timeout(Duration::from_secs(1), future).await {
        Ok(_) => done.to_owned(),
        Err(_elapsed) => hangs.to_owned(),
    }
}

/// Counts how many tasks are inside now, and the most at any time.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn enter(&self) {
        let (now, most) = &*self.0;
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    fn leave(&self) {
        self.0.0.fetch_sub(1, SeqCst);
    }

    fn now(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    fn most(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}
