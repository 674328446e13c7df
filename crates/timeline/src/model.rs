//! What a timeline holds at one moment, as plain data.

use std::fmt;
use std::time::Duration;

pub(crate) mod label;

/// How a span ended, or that it has not.
///
/// [`Timeline::returns_reported`](crate::Timeline::returns_reported) says when a span counts as cancelled;
/// the [crate docs](crate#how-a-span-ends) say where each outcome is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It returned a value.
    Finished,
    /// It returned an error, or panicked.
    Failed,
    /// It was dropped before it returned.
    Cancelled,
    /// It was still open when the recording was taken.
    Running,
    /// It closed and did not say how it ended.
    Ended,
}

impl Outcome {
    /// Every outcome, in the order in which summaries count them.
    pub const ALL: [Self; 5] = [Self::Finished, Self::Failed, Self::Cancelled, Self::Running, Self::Ended];

    /// The outcome in one word: `finished`, `failed`, `cancelled`, `running`, `ended`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// A stay on the CPU: from an enter of the span to the exit. Times count from the timeline's zero.
///
/// On a lane with very many polls, neighbours are merged into one `Poll`; then `busy` is shorter than the
/// time from `begin` to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) busy: u64,
}

impl Poll {
    pub(crate) fn new(begin: u64, end: u64) -> Self {
        Self { begin, end, busy: end.saturating_sub(begin) }
    }

    /// When it began.
    pub fn begin(&self) -> Duration {
        Duration::from_nanos(self.begin)
    }

    /// When it ended, or when the recording was taken.
    pub fn end(&self) -> Duration {
        Duration::from_nanos(self.end)
    }

    /// How much of that time the span was entered.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy)
    }
}

/// One span. Times count from the timeline's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) depth: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) opened: u64,
    pub(crate) first_polled: Option<u64>,
    pub(crate) ended: u64,
    pub(crate) outcome: Outcome,
    pub(crate) poll_count: u64,
    pub(crate) busy: u64,
    pub(crate) polls: Vec<Poll>,
}

impl Lane {
    /// The name of the span.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name and the values of the fields: `fetch a` for `fetch{name="a"}`.
    ///
    /// Control characters are replaced, and a very long value is cut.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many recorded spans this one is inside of.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The lane of the span that this one is inside of: an index into [`Recording::lanes`].
    pub fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// When the span was made.
    pub fn opened(&self) -> Duration {
        Duration::from_nanos(self.opened)
    }

    /// When the span was first entered; `None` if its future was never polled.
    pub fn first_polled(&self) -> Option<Duration> {
        self.first_polled.map(Duration::from_nanos)
    }

    /// When the span was over, or when the recording was taken if it was not.
    pub fn ended(&self) -> Duration {
        Duration::from_nanos(self.ended)
    }

    /// From opened to ended.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.length())
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The stays on the CPU, in order. At most [`MAX_POLLS`](crate::MAX_POLLS) are kept; where there were
    /// more, near ones are merged.
    pub fn polls(&self) -> &[Poll] {
        &self.polls
    }

    /// How often the span was polled. Exact, however many polls were merged.
    pub fn poll_count(&self) -> u64 {
        self.poll_count
    }

    /// How long the span was on the CPU in all. Exact, however many polls were merged.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy)
    }

    pub(crate) fn length(&self) -> u64 {
        self.ended.saturating_sub(self.opened)
    }
}

/// All spans of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) outcomes: [u64; 5],
    pub(crate) shortest: u64,
    pub(crate) longest: u64,
    pub(crate) sum: u128,
    pub(crate) peak: u64,
}

impl Summary {
    /// The name of the spans.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many were opened.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many have this outcome.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// The shortest duration of those that are over; `None` if none is.
    pub fn shortest(&self) -> Option<Duration> {
        (self.over() > 0).then(|| Duration::from_nanos(self.shortest))
    }

    /// The mean duration of those that are over; `None` if none is.
    pub fn mean(&self) -> Option<Duration> {
        self.mean_nanos().map(Duration::from_nanos)
    }

    /// The longest duration of those that are over; `None` if none is.
    pub fn longest(&self) -> Option<Duration> {
        (self.over() > 0).then(|| Duration::from_nanos(self.longest))
    }

    /// The most that were open at the same time.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    pub(crate) fn over(&self) -> u64 {
        self.count - self.outcome(Outcome::Running)
    }

    pub(crate) fn mean_nanos(&self) -> Option<u64> {
        let mean = self.sum.checked_div(u128::from(self.over()))?;
        Some(u64::try_from(mean).unwrap_or(u64::MAX))
    }
}

/// A snapshot of a [`Timeline`](crate::Timeline). It does not change when the program goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) count: u64,
    pub(crate) limit: usize,
    pub(crate) total: u64,
    pub(crate) work: u128,
}

impl Recording {
    /// The lanes in the order in which they are drawn: each parent before its children, and siblings in
    /// the order in which they opened.
    ///
    /// When [`is_summarised`](Self::is_summarised), these are the spans that opened first.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The spans by name, each name where its first span opened.
    pub fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    /// How many spans were opened.
    pub fn span_count(&self) -> u64 {
        self.count
    }

    /// Whether there are more spans than are drawn one by one.
    pub fn is_summarised(&self) -> bool {
        self.count > self.limit as u64
    }

    /// From the timeline's zero to the end of the last span, or to the moment of the recording if a span
    /// was still open.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.total)
    }

    /// The sum of the durations of the leaf spans: those in which no other span opened. A parent's time
    /// is its children's, so it is not counted again.
    ///
    /// An open leaf counts up to the moment of the recording.
    pub fn work(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.work).unwrap_or(u64::MAX))
    }
}
