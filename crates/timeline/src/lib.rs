//! A picture of what a Tokio program did: a lane for each [`tracing`](https://docs.rs/tracing) span, as text
//! in the terminal or as an SVG document.
//!
//! ```
//! use std::time::Duration;
//! use timeline::{TextStyle, Timeline};
//! use tokio::time::{sleep, timeout};
//! use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
//!
//! #[tracing::instrument(skip(seconds), ret)]
//! async fn fetch(page: &str, seconds: u64) {
//!     sleep(Duration::from_secs(seconds)).await;
//! }
//!
//! #[tracing::instrument(ret, err)]
//! async fn save() -> Result<(), String> {
//!     sleep(Duration::from_secs(1)).await;
//!     Err("disk full".to_owned())
//! }
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let timeline = Timeline::new().returns_reported();
//!     tracing_subscriber::registry().with(timeline.clone()).init();
//!
//!     tokio::join!(fetch("a", 4), fetch("b", 2));
//!     let _ = save().await;
//!     let _ = timeout(Duration::from_secs(3), fetch("c", 9)).await;
//!
//!     let picture = timeline.recording().text(TextStyle::unicode(67));
//!     assert_eq!(picture, "\
//! 10.00s of work in 8.00s (1.3x)                            ░ waiting
//!          0s   1s   2s   3s   4s   5s   6s   7s   8s
//!          ├────┼────┼────┼────┼────┼────┼────┼────┤
//! fetch a  ░░░░░░░░░░░░░░░░░░░░✓                     4.000s
//! fetch b  ░░░░░░░░░░✓                               2.000s
//! save                         ░░░░░✗                1.000s failed
//! fetch c                           ░░░░░░░░░░░░░░░⊘ 3.000s cancelled
//! ");
//! }
//! ```
//!
//! `cargo run -p timeline --example prices` shows a program on real time, with nested spans and one that
//! keeps the CPU busy.
//!
//! # Using it
//!
//! [`Timeline`] is a [`Layer`](tracing_subscriber::Layer): add a clone of it to the subscriber, and ask the
//! one you keep for a [`Recording`] whenever you want one. A recording is plain data. It draws itself as
//! [text](Recording::text) or as [SVG](Recording::svg), and tests can ask it for its
//! [lanes](Recording::lanes), [sums](Recording::summaries) and [times](Recording::total).
//!
//! The timeline records every span that reaches it. Libraries have spans too; a filter on this layer alone
//! keeps them out:
//!
//! ```
//! use timeline::Timeline;
//! use tracing_subscriber::filter::{LevelFilter, Targets};
//! use tracing_subscriber::{Layer, layer::SubscriberExt};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let timeline = Timeline::new();
//! let ours = Targets::new().with_target("my_program", LevelFilter::INFO);
//! let subscriber = tracing_subscriber::registry().with(timeline.clone().with_filter(ours));
//! # tracing::subscriber::with_default(subscriber, || {
//! #     tracing::info_span!(target: "my_program::pages", "ours");
//! #     tracing::info_span!(target: "some_library", "theirs");
//! # });
//! # assert_eq!(timeline.recording().span_count(), 1);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The filter has to let through the events that report the results of spans (below). The event of
//! `#[instrument(ret)]` has the level of its span, that of `err` has the level `ERROR`. To keep them out of
//! a log, put a filter on the log's layer.
//!
//! A span is inside of the one that was entered where it was made. A task starts with none: spawn it with
//! [`in_current_span`] to see it under the one that spawned it.
//!
//! [`in_current_span`]: https://docs.rs/tracing/0.1/tracing/trait.Instrument.html#method.in_current_span
//!
//! # Reading the picture
//!
//! | text | ASCII | a cell of the lane |
//! |---|---|---|
//! | `█` | `#` | running: the task was on the CPU for at least half of this time |
//! | `░` | `-` | waiting: the task was suspended |
//! | `·` | `.` | not polled yet: the future existed, and was not awaited |
//!
//! | text | ASCII | the end of the lane |
//! |---|---|---|
//! | `✓` | `*` | [finished](Outcome::Finished) |
//! | `✗` | `X` | [failed](Outcome::Failed) |
//! | `⊘` | `/` | [cancelled](Outcome::Cancelled) |
//! | `▸` | `>` | [running](Outcome::Running) when the recording was taken |
//! | `┤` | `\|` | [ended](Outcome::Ended), and did not say how |
//!
//! The headline compares the sum of the parts with the whole. *work* is the sum of the durations of the
//! leaf spans, in which no other span opened. The time is that from the timeline's zero to the end of the
//! last span. Sequential work has a ratio of about 1, concurrent work has more. Waiting counts as work
//! here: concurrency overlaps it.
//!
//! Where the CPU is shown, a parent is running while its child is: it is entered around the child.
//!
//! # How a span ends
//!
//! Tracing says that a span closed, not why. The timeline reads it from these signs:
//!
//! - **finished**: an event with the one field `return`, which `#[instrument(ret)]` makes when the function
//!   returns. A span made by hand can say the same: `tracing::info!("return" = 5)`.
//! - **failed**: the event of `#[instrument(err)]`, with the one field `error`, or a panic that leaves the
//!   span. An error that the program logs itself, as in `tracing::error!(%error, "retrying")`, is no sign.
//!   The event must have no other field (a message is a field), and the file and line of the attribute,
//!   where the macro puts its own. A function that returns a `Result` needs `ret, err`: with `ret` alone,
//!   an `Err` is a value that it returned.
//! - **cancelled**: closed without any of these, when the timeline was notified by
//!   [`returns_reported`](Timeline::returns_reported) that every span would have given one.
//! - **ended**: closed without any of these otherwise.
//! - **running**: not closed yet.
//!
//! A span that has recorded its result is over when it is left after that. Any other is over when it was left
//! for the last time; one that was never entered, when it closes. The closing itself comes too late to be
//! the end: a clone of the span keeps it open, and so does each of its children.
//!
//! Tracing enters the span of a future once more to drop it. That last stay is not a poll, and is not
//! recorded as one. After a result, no stay is recorded. Of a span that closes without a result, the last of
//! several stays is left out. The only stay is left out, too, if the span counts as cancelled: it was dropped
//! before its first poll. So a span that was entered several times by hand, and closes without a result,
//! shows one stay too few.
//!
//! # Clock
//!
//! Times are read from [`tokio::time::Instant`], the clock of the runtime. On a paused runtime a recording
//! is exact and repeatable: the same program gives the same picture, to the byte. Computing then takes no
//! time, so lanes are light throughout.
//!
//! Outside a runtime that clock is the system's. Make the timeline and take the recording inside, above all
//! when time is paused: the two clocks show different times.
//!
//! # Very many spans
//!
//! More than [`MAX_LANES`] spans ([`draw_at_most`](Timeline::draw_at_most) sets another number) are
//! summarised by name. A summary has their number, how they ended, the shortest, mean and longest duration,
//! and the most that were open at once.
//!
//! Memory stays flat. The timeline keeps a lane for each span up to that number, a few sums for each name,
//! and a small record for each open span. A lane keeps at most [`MAX_POLLS`] polls. Beyond that, near polls
//! are merged; their count and their time on the CPU stay exact. A field's value is cut at 120 columns, and
//! not formatted at all for a span that is only counted.
//!
//! # Threads
//!
//! Any thread may enter, leave and close a span, and several may be inside at a time. It is on the CPU while
//! any thread is inside. Each enter and exit takes a lock of that span alone. Opening and closing take one of
//! the whole timeline for a few additions. No two of them are held at once, and none while a program's own
//! code runs.
//!
//! # Cost
//!
//! Measured on one thread, as multiples of the same spans with `tracing_subscriber`'s registry and no layer
//! (0.16 µs and 0.18 µs). The ranges are of several runs of `cargo bench -p bench --bench timeline`, on a
//! machine that had other work.
//!
//! | | 1 poll a span | 10 polls a span |
//! |---|---|---|
//! | no subscriber | 0.01 | 0.05 |
//! | the registry alone | 1 | 1 |
//! | the registry and the timeline | 5 | 12 to 17 |
//! | the registry and the timeline, every lane kept | 7 to 12 | 15 to 25 |
//!
//! The registry alone only gives out numbers, so it is quick. A span takes about 0.6 µs, and each poll about
//! 0.2 µs more. A third or more of that is two looks at the clock. That is nothing beside a request, and much
//! beside a function that adds two numbers.

mod draw;
mod layer;
mod model;

pub use draw::text::{Charset, TextStyle};
pub use layer::record::MAX_POLLS;
pub use layer::{MAX_LANES, Timeline};
pub use model::{Lane, Outcome, Poll, Recording, Summary};
