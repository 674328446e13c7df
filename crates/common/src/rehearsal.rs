//! Runs a demo on virtual time: its log and its timeline are the same on every run.

use timeline::{Recording, Timeline};
use tokio::time::Instant;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use crate::log::{RuntimeClock, messages, spans_and_outcomes};
use crate::output::Buffer;

/// The results of a demo on virtual time.
#[derive(Debug)]
pub struct Rehearsal<T> {
    /// The value that the demo returned.
    pub output: T,
    /// The lines it logged, as [`run`](crate::run) prints them, without colour.
    pub transcript: String,
    /// The spans it opened.
    pub timeline: Recording,
}

/// Runs `demo` to its end on a current-thread runtime whose clock is paused, and returns its log and its timeline.
///
/// The clock jumps to the next timer whenever every task waits, so an hour of `sleep` takes no time and every time
/// in the transcript is exact. Work outside the runtime (sockets, threads) does not hold the clock back.
///
/// # Panics
///
/// If called inside a runtime: use a plain `#[test]`. If the runtime cannot be built. If `demo` panics.
pub fn rehearse<T>(demo: impl Future<Output = T>) -> Rehearsal<T> {
    #[expect(clippy::expect_used, reason = "a lesson without a runtime has failed")]
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");

    runtime.block_on(async {
        let page = Buffer::default();
        let timeline = Timeline::new().returns_reported();
        let log = fmt::layer()
            .event_format(RuntimeClock { start: Instant::now() })
            .with_ansi(false)
            .with_writer({
                let page = page.clone();
                move || page.clone()
            })
            .with_filter(messages());
        let subscriber =
            tracing_subscriber::registry().with(timeline.clone().with_filter(spans_and_outcomes())).with(log);

        let output = {
            let _this_thread = tracing::subscriber::set_default(subscriber);
            demo.await
        };
        Rehearsal {
            output,
            transcript: String::from_utf8_lossy(&page.bytes()).into_owned(),
            timeline: timeline.recording(),
        }
    })
}
