//! The layer: hears from tracing, reads the clock, and keeps locks short and apart.
//!
//! No two of the timeline's locks are held at once, and none while a program's own code runs, such as the
//! `Debug` of a field. So no circle of waits can form.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::panicking;

use tokio::time::Instant;
use tracing_core::span::{Attributes, Id, Record as Recorded};
use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::layer::record::{Notes, Record, Settled};
use crate::layer::tally::Tally;
use crate::layer::values::Values;
use crate::model::{Outcome, Recording};

pub(crate) mod record;
mod recording;
mod tally;
mod values;

/// More spans than this are summarised, not drawn, unless [`Timeline::draw_at_most`] says otherwise.
pub const MAX_LANES: usize = 40;

/// Records spans, as a [`Layer`]; gives out a [`Recording`] of them at any time.
///
/// Cheap to clone, and every clone is the same timeline: one goes into the subscriber, another stays with
/// who draws the picture.
#[derive(Clone, Debug)]
pub struct Timeline(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Tells the spans' notes of this timeline from those of another on the same subscriber.
    key: u64,
    zero: Instant,
    returns_reported: AtomicBool,
    limit: AtomicUsize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    tally: Tally,
    lanes: Vec<Arc<Mutex<Record>>>,
}

/// What a span carries in its extensions: its record in each timeline that hears of it.
struct Carried {
    key: u64,
    record: Arc<Mutex<Record>>,
    other: Option<Box<Carried>>,
}

impl Timeline {
    /// A timeline whose time zero is now, on the clock of the Tokio runtime it is made in.
    ///
    /// Make it inside the runtime that it records. Where the runtime's time is paused, the lanes are then
    /// exact. Outside of a runtime, [`tokio::time::Instant::now`] is the system's clock, which also runs on
    /// while a runtime's time is paused.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Shared {
            key: NEXT.fetch_add(1, Ordering::Relaxed),
            zero: Instant::now(),
            returns_reported: AtomicBool::new(false),
            limit: AtomicUsize::new(MAX_LANES),
            book: Mutex::default(),
        }))
    }

    /// Declares that every recorded span is made by `#[tracing::instrument(ret)]` or `(ret, err)`. A span that
    /// closes without a result then counts as [cancelled](Outcome::Cancelled). It holds for every clone.
    ///
    /// Without it such a span has only [ended](Outcome::Ended), because a span made in another way reports no
    /// result when it returns.
    pub fn returns_reported(self) -> Self {
        self.0.returns_reported.store(true, Ordering::Relaxed);
        self
    }

    /// Draws up to `lanes` spans one by one, instead of [`MAX_LANES`]. It holds for every clone.
    ///
    /// Say it before the first span opens: lanes are kept up to this number, and later spans are only
    /// counted. Each lane takes a few kilobytes at most.
    pub fn draw_at_most(self, lanes: usize) -> Self {
        self.0.limit.store(lanes, Ordering::Relaxed);
        self
    }

    /// What has happened so far.
    ///
    /// Take it inside the runtime if spans may still be open: they are drawn up to now, by the clock that
    /// is in reach.
    pub fn recording(&self) -> Recording {
        let now = self.now();
        let (tally, lanes) = {
            let book = lock(&self.0.book);
            (book.tally.clone(), book.lanes.clone())
        };
        let lanes = lanes.iter().filter_map(|record| lock(record).snapshot(now)).collect();
        Recording::new(lanes, &tally, self.limit(), now)
    }

    fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Nanoseconds since zero on the runtime's clock.
    ///
    /// A span that is dropped with its thread's locals may find Tokio's gone. Asking for the time then
    /// panics in a program that has ever paused it. Zero means "not known": a record never takes a
    /// time earlier than the last one it heard.
    fn now(&self) -> u64 {
        let now = catch_unwind(Instant::now).unwrap_or(self.0.zero);
        u64::try_from(now.saturating_duration_since(self.0.zero).as_nanos()).unwrap_or(u64::MAX)
    }

    fn settle(&self, span: Option<Settled>) {
        if let Some(span) = span {
            lock(&self.0.book).tally.close(span);
        }
    }

    /// Runs `act` on this timeline's record of the span, if it has one.
    fn with<S, T>(&self, span: &SpanRef<'_, S>, act: impl FnOnce(&mut Record) -> T) -> Option<T>
    where
        S: for<'a> LookupSpan<'a>,
    {
        let extensions = span.extensions();
        let mut carried = extensions.get::<Carried>();
        while let Some(at) = carried {
            if at.key == self.0.key {
                return Some(act(&mut lock(&at.record)));
            }
            carried = at.other.as_deref();
        }
        None
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for Timeline
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // A timeline that was added to the subscriber twice hears of each span twice.
        if self.with(&span, |_| ()).is_some() {
            return;
        }
        let (now, name) = (self.now(), span.name());
        // The nearest span around it that is recorded: a filter may have left out some in between, and the
        // span itself, where the search begins, has no record yet.
        let parent = span
            .scope()
            .find_map(|ancestor| self.with(&ancestor, |record| (record.number(), record.becomes_parent())));
        let (parent, was_leaf) = parent.unwrap_or_default();
        let (record, kept) = {
            let mut book = lock(&self.0.book);
            book.tally.open(name, now, was_leaf);
            let number = book.lanes.len();
            let kept = number < self.limit();
            let notes = kept.then(|| Notes { number, parent, ..Notes::default() });
            let record = Arc::new(Mutex::new(Record::new(name, now, notes)));
            if kept {
                book.lanes.push(Arc::clone(&record));
            }
            (record, kept)
        };
        let mut extensions = span.extensions_mut();
        let other = extensions.remove::<Carried>().map(Box::new);
        extensions.insert(Carried { key: self.0.key, record: Arc::clone(&record), other });
        drop(extensions);
        if kept {
            let values = Values::of(|visitor| attributes.record(visitor));
            lock(&record).add_values(values);
        }
    }

    fn on_record(&self, id: &Id, recorded: &Recorded<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if self.with(&span, |record| record.is_kept()) == Some(true) {
            let values = Values::of(|visitor| recorded.record(visitor));
            self.with(&span, |record| record.add_values(values));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(told) = tells(event.metadata()) else { return };
        let Some(span) = context.event_span(event) else { return };
        if told == Outcome::Finished || same_place(event.metadata(), span.metadata()) {
            self.with(&span, |record| record.tell(told));
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let (now, panicking) = (self.now(), panicking());
        self.with(&span, |record| record.enter(now, panicking));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let (now, panicking) = (self.now(), panicking());
        let Some(span) = context.span(id) else { return };
        let settled = self.with(&span, |record| record.exit(now, panicking));
        self.settle(settled.flatten());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let (now, reported) = (self.now(), self.0.returns_reported.load(Ordering::Relaxed));
        let settled = self.with(&span, |record| record.close(now, reported));
        self.settle(settled.flatten());
    }
}

/// What an event with this one field says of its span: `#[instrument(ret)]` makes an event with the field
/// `return`, `#[instrument(err)]` one with the field `error`, and neither has another field.
fn tells(event: &Metadata<'_>) -> Option<Outcome> {
    let mut fields = event.fields().iter();
    match (fields.next()?.name(), fields.next()) {
        ("return", None) => Some(Outcome::Finished),
        ("error", None) => Some(Outcome::Failed),
        _ => None,
    }
}

/// Whether the attribute that made the span made the event too: then both are placed at the attribute. A
/// program's own `error!(%error)` is on another line, and says nothing about how its span ends.
fn same_place(event: &Metadata<'_>, span: &Metadata<'_>) -> bool {
    (event.file(), event.line()) == (span.file(), span.line())
}

/// A panic elsewhere leaves nothing half done behind these locks: no foreign code runs under them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::model::Summary;

    /// Spans of three names, a few thousand of them open at a time.
    #[test]
    fn a_hundred_thousand_spans_leave_forty_lanes_and_three_names() {
        let timeline = Timeline::new();
        let subscriber = tracing_subscriber::registry().with(timeline.clone());
        tracing::subscriber::with_default(subscriber, || {
            let mut open = std::collections::VecDeque::new();
            for number in 0..100_000 {
                open.push_back(match number % 3 {
                    0 => tracing::info_span!("one", number),
                    1 => tracing::info_span!("two", number),
                    _ => tracing::info_span!("three", number),
                });
                if open.len() > 3_000 {
                    open.pop_front();
                }
            }
            let book = lock(&timeline.0.book);
            assert_eq!((book.lanes.len(), book.tally.count()), (MAX_LANES, 100_000));
            let summaries = book.tally.summaries();
            assert_eq!(summaries.iter().map(Summary::peak).collect::<Vec<_>>(), [1_001; 3]);
            drop(book);
        });
        let shared = Arc::strong_count(&timeline.0);
        assert_eq!(shared, 1, "the spans keep nothing of the timeline");
        assert!(lock(&timeline.0.book).lanes.iter().all(|record| Arc::strong_count(record) == 1));
    }
}
