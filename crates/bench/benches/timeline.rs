//! What a span costs: opened, polled, and closed, without a subscriber, with `tracing_subscriber`'s
//! registry alone, and with the timeline on that registry.

use std::hint::black_box;

use bench::{Row, measure, print_ratios};
use timeline::Timeline;
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

const ROUNDS: usize = 51;
const SPANS: usize = 5_000;

/// One span as `#[tracing::instrument(ret)]` makes it, polled this many times, and once more to be dropped.
fn span(number: usize, polls: usize) {
    let span = tracing::info_span!("work", number);
    for poll in 1..=polls {
        span.in_scope(|| {
            if poll == polls {
                tracing::info!("return" = black_box(number));
            }
        });
    }
    span.in_scope(|| black_box(number));
}

fn spans(polls: usize) {
    for number in 0..SPANS {
        span(black_box(number), polls);
    }
}

fn with(name: &str, polls: usize, subscriber: impl Fn() -> Dispatch) -> Row {
    measure(name, SPANS, ROUNDS, || with_default(&subscriber(), || spans(polls)))
}

fn main() {
    const POLLS: [usize; 2] = [1, 10];
    // Before there is any subscriber: once one has been set, tracing looks for it at every span.
    let without = POLLS.map(|polls| measure("no subscriber", SPANS, ROUNDS, || spans(polls)));
    for (polls, without) in POLLS.into_iter().zip(without) {
        let rows = [
            with("the registry alone", polls, || Dispatch::new(registry())),
            // Nearly every span is beyond the limit: it is counted, and its lane is not kept.
            with("the registry and the timeline", polls, || {
                Dispatch::new(registry().with(Timeline::new().returns_reported()))
            }),
            with("the registry and the timeline, every lane kept", polls, || {
                Dispatch::new(registry().with(Timeline::new().returns_reported().draw_at_most(SPANS)))
            }),
            without,
        ];
        print_ratios(&format!("a span with {polls} polls"), &rows);
    }
}
