//! One span as it happens: a small state machine with no clock, no lock and no tracing of its own.

use crate::layer::values::Values;
use crate::model::{Lane, Outcome, Poll};

/// The most stays on the CPU that are kept of one lane; see [`Lane::polls`](crate::Lane::polls).
pub const MAX_POLLS: usize = 512;

/// Beyond these, near intervals are merged. One more may be at hand: the last stay, or the one that goes on.
const INTERVALS: usize = MAX_POLLS - 1;

/// What is known of a span. Times are nanoseconds since the timeline's zero.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: &'static str,
    pub(crate) opened: u64,
    /// No span has opened inside this one.
    pub(crate) leaf: bool,
    /// How many times the span is entered now. More than one: by several threads, or inside itself.
    depth: u32,
    /// When `depth` last became one.
    entered: u64,
    /// How many of those enters were made while the thread was already panicking: for something else.
    unwinding: u32,
    enters: u64,
    /// The last moment that anything was heard.
    latest: u64,
    /// The last stay in the span, held back until it is known whether it was a poll: tracing enters a
    /// span once more to drop its future.
    last: Option<Poll>,
    first_polled: Option<u64>,
    polls: u64,
    busy: u64,
    /// How the work said that it ended. It has ended when the span is left after that.
    told: Option<Outcome>,
    /// The value of `enters` when a panic last went through the span.
    panicked: Option<u64>,
    settled: Option<Settled>,
    /// What only a lane that may be drawn keeps.
    notes: Option<Box<Notes>>,
}

/// What a lane has and a counted span has not.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) number: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) values: Values,
    pub(crate) intervals: Vec<Poll>,
}

/// A span that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) name: &'static str,
    pub(crate) opened: u64,
    pub(crate) ended: u64,
    pub(crate) leaf: bool,
    pub(crate) outcome: Outcome,
}

impl Record {
    pub(crate) fn new(name: &'static str, opened: u64, notes: Option<Notes>) -> Self {
        Self {
            name,
            opened,
            leaf: true,
            depth: 0,
            entered: 0,
            unwinding: 0,
            enters: 0,
            latest: opened,
            last: None,
            first_polled: None,
            polls: 0,
            busy: 0,
            told: None,
            panicked: None,
            settled: None,
            notes: notes.map(Box::new),
        }
    }

    pub(crate) fn number(&self) -> Option<usize> {
        self.notes.as_ref().map(|notes| notes.number)
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.notes.is_some()
    }

    pub(crate) fn add_values(&mut self, later: Values) {
        if let Some(notes) = &mut self.notes {
            notes.values.merge(later);
        }
    }

    /// A span opened inside this one. Gives the time this one opened if it counted as a leaf until now.
    pub(crate) fn becomes_parent(&mut self) -> Option<u64> {
        let counted = self.leaf && self.settled.is_none();
        self.leaf &= !counted;
        counted.then_some(self.opened)
    }

    pub(crate) fn enter(&mut self, now: u64, panicking: bool) {
        if self.settled.is_some() {
            return;
        }
        let now = self.hear(now);
        if self.depth == 0 {
            self.entered = now;
            self.enters += 1;
            if let Some(last) = self.last.take() {
                self.keep(last);
            }
        }
        self.depth += 1;
        self.unwinding += u32::from(panicking);
    }

    /// Gives the span back if it is over now.
    pub(crate) fn exit(&mut self, now: u64, panicking: bool) -> Option<Settled> {
        if self.settled.is_some() || self.depth == 0 {
            return None;
        }
        let now = self.hear(now);
        if panicking {
            match self.unwinding.checked_sub(1) {
                Some(rest) => self.unwinding = rest,
                None => self.panicked = Some(self.enters),
            }
        }
        self.depth -= 1;
        if self.depth > 0 {
            return None;
        }
        self.unwinding = 0;
        self.last = Some(Poll::new(self.entered, now));
        let outcome = self.told?;
        // The work spoke in this very stay, so it was a poll.
        if let Some(last) = self.last.take() {
            self.keep(last);
        }
        Some(self.settle(now, outcome))
    }

    /// The work says how it ended.
    pub(crate) fn tell(&mut self, outcome: Outcome) {
        self.told = Some(outcome);
    }

    /// Gives the span back if it is over only now.
    pub(crate) fn close(&mut self, now: u64, returns_reported: bool) -> Option<Settled> {
        if self.settled.is_some() {
            return None;
        }
        let now = self.hear(now);
        if self.depth > 0 {
            self.last = Some(Poll::new(self.entered, now));
            self.depth = 0;
        }
        // A span that was entered ends where it was last left: a clone of it, or a child, may keep it
        // open for longer.
        let ended = self.last.map_or(now, |last| last.end);
        // What has panicked is not polled again, only dropped. A span that is polled on was passed by the
        // panic of another task that was spawned inside of it.
        let panicked = self.panicked.is_some_and(|enters| self.enters <= enters + 1);
        let outcome = match self.told {
            Some(outcome) => outcome,
            None if panicked => Outcome::Failed,
            None if returns_reported => Outcome::Cancelled,
            None => Outcome::Ended,
        };
        let dropped = self.enters > 1 || outcome == Outcome::Cancelled;
        match self.last.take() {
            Some(last) if !dropped => self.keep(last),
            _ => {}
        }
        Some(self.settle(ended, outcome))
    }

    /// The lane as it is at `now`; `None` for a span that is only counted. Its parent is a number, and it
    /// has no depth yet.
    pub(crate) fn snapshot(&self, now: u64) -> Option<Lane> {
        let notes = self.notes.as_ref()?;
        let mut snapshot = Lane {
            name: self.name,
            label: notes.values.label(self.name),
            depth: 0,
            parent: notes.parent,
            opened: self.opened,
            first_polled: self.first_polled,
            ended: self.settled.map_or(now.max(self.latest), |settled| settled.ended),
            outcome: self.settled.map_or(Outcome::Running, |settled| settled.outcome),
            poll_count: self.polls,
            busy: self.busy,
            polls: notes.intervals.clone(),
        };
        // Of an open span, the last stay counts as a poll, and so does the one that goes on.
        let current = (self.depth > 0).then(|| Poll::new(self.entered, snapshot.ended));
        for poll in self.last.into_iter().chain(current) {
            snapshot.first_polled.get_or_insert(poll.begin);
            snapshot.poll_count += 1;
            snapshot.busy += poll.busy;
            snapshot.polls.push(poll);
        }
        Some(snapshot)
    }

    /// The clock cannot go back on a lane, even where the program was not in reach of its runtime's.
    fn hear(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn keep(&mut self, poll: Poll) {
        self.first_polled.get_or_insert(poll.begin);
        self.polls += 1;
        self.busy += poll.busy;
        if let Some(notes) = &mut self.notes {
            if notes.intervals.len() == INTERVALS {
                merge_near(&mut notes.intervals);
            }
            notes.intervals.push(poll);
        }
    }

    fn settle(&mut self, ended: u64, outcome: Outcome) -> Settled {
        let settled = Settled { name: self.name, opened: self.opened, ended, leaf: self.leaf, outcome };
        self.settled = Some(settled);
        settled
    }
}

/// Merges neighbours in pairs where the gap between them is one of the smaller half. The busy time stays
/// exact; where in the merged interval it was is lost. At least a quarter of the intervals go, so that
/// the cost of a merge is spread over many polls.
fn merge_near(intervals: &mut Vec<Poll>) {
    let gap = |pair: &[Poll]| pair[1].begin.saturating_sub(pair[0].end);
    let mut gaps: Vec<u64> = intervals.windows(2).map(gap).collect();
    if gaps.is_empty() {
        return;
    }
    let middle = gaps.len() / 2;
    let small = *gaps.select_nth_unstable(middle).1;
    let mut merged = Vec::with_capacity(INTERVALS);
    let mut rest = intervals.as_slice();
    loop {
        rest = match rest {
            [first, second, rest @ ..] if gap(&[*first, *second]) <= small => {
                merged.push(Poll { begin: first.begin, end: second.end, busy: first.busy + second.busy });
                rest
            }
            [first, rest @ ..] => {
                merged.push(*first);
                rest
            }
            [] => break,
        };
    }
    *intervals = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Record {
        Record::new("work", 0, Some(Notes::default()))
    }

    #[test]
    fn a_million_polls_are_kept_in_a_few_intervals() {
        let mut record = lane();
        for poll in 0..1_000_000 {
            record.enter(poll * 10, false);
            record.exit(poll * 10 + 3, false);
        }
        let snapshot = record.snapshot(10_000_000);
        let snapshot = snapshot.as_ref().map(|lane| (lane.poll_count, lane.busy, lane.polls.len()));
        let Some((count, busy, stored)) = snapshot else { panic!("the lane is kept") };
        assert_eq!((count, busy), (1_000_000, 3_000_000));
        assert!(stored <= MAX_POLLS, "{stored} intervals are stored");
    }

    /// The last stay, or the one that goes on, is among them.
    #[test]
    fn the_limit_is_reached_and_not_passed() {
        let mut record = lane();
        let mut most = 0;
        for poll in 0..10 * MAX_POLLS as u64 {
            record.enter(poll * 10, false);
            most = most.max(record.snapshot(poll * 10).map_or(0, |lane| lane.polls.len()));
            record.exit(poll * 10 + 3, false);
        }
        assert_eq!(most, MAX_POLLS);
    }

    #[test]
    fn merged_intervals_keep_their_order_and_their_busy_time() {
        let mut intervals: Vec<Poll> =
            (0..INTERVALS as u64).map(|n| Poll::new(n * n * 10, n * n * 10 + n % 7)).collect();
        let busy = |intervals: &[Poll]| intervals.iter().map(|poll| poll.busy).sum::<u64>();
        let before = busy(&intervals);
        merge_near(&mut intervals);
        assert!(intervals.len() <= INTERVALS * 3 / 4);
        assert_eq!(busy(&intervals), before);
        assert!(intervals.iter().all(|poll| poll.begin <= poll.end && poll.busy <= poll.end - poll.begin));
        assert!(intervals.windows(2).all(|pair| pair[0].end <= pair[1].begin));
    }

    #[test]
    fn a_large_gap_outlives_the_merging() {
        let mut record = lane();
        for half in [0, 1_000_000_000] {
            for poll in 0..10_000 {
                record.enter(half + poll * 10, false);
                record.exit(half + poll * 10 + 5, false);
            }
        }
        let Some(lane) = record.snapshot(2_000_000_000) else { panic!("the lane is kept") };
        let across = lane.polls.iter().filter(|poll| poll.begin < 100_000 && poll.end >= 1_000_000_000);
        assert_eq!(across.count(), 0, "nothing was on the CPU between the halves");
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut record = Record::new("work", 100, Some(Notes::default()));
        record.enter(50, false);
        record.exit(20, false);
        let closed = record.close(0, false);
        assert_eq!(closed.map(|span| (span.opened, span.ended)), Some((100, 100)));
    }

    #[test]
    fn a_span_ceases_to_be_a_leaf_once_and_not_after_its_end() {
        let mut record = Record::new("work", 7, None);
        assert_eq!(record.becomes_parent(), Some(7));
        assert_eq!(record.becomes_parent(), None);
        let mut over = Record::new("work", 7, None);
        assert_eq!(over.close(9, false).map(|span| span.leaf), Some(true));
        assert_eq!(over.becomes_parent(), None);
    }

    #[test]
    fn an_exit_without_an_enter_is_no_poll() {
        let mut record = lane();
        assert_eq!(record.exit(5, false), None);
        assert_eq!(record.snapshot(9).map(|lane| lane.poll_count), Some(0));
    }

    #[test]
    fn a_span_that_is_entered_twice_is_busy_once() {
        let mut record = lane();
        record.enter(0, false);
        record.enter(2, false);
        record.exit(5, false);
        record.exit(9, false);
        let lane = record.snapshot(10);
        assert_eq!(lane.map(|lane| (lane.poll_count, lane.busy)), Some((1, 9)));
    }

    #[test]
    fn a_span_that_is_entered_twice_is_over_when_it_is_left_twice() {
        let mut record = lane();
        record.enter(0, false);
        record.enter(2, false);
        record.tell(Outcome::Finished);
        assert_eq!(record.exit(5, false), None);
        assert_eq!(record.exit(9, false).map(|span| span.ended), Some(9));
    }

    /// Not every registry keeps a span open while it is entered.
    #[test]
    fn a_span_that_closes_while_it_is_entered_is_left_then() {
        let mut polled = lane();
        polled.enter(2, false);
        assert_eq!(polled.close(9, false).map(|span| (span.ended, span.outcome)), Some((9, Outcome::Ended)));
        assert_eq!(polled.exit(12, false), None);
        assert_eq!(polled.snapshot(12).map(|lane| (lane.poll_count, lane.busy)), Some((1, 7)));
        // Here the last stay was there to drop the future.
        let mut dropped = lane();
        dropped.enter(2, false);
        dropped.exit(3, false);
        dropped.enter(5, false);
        assert_eq!(
            dropped.close(9, true).map(|span| (span.ended, span.outcome)),
            Some((9, Outcome::Cancelled))
        );
        assert_eq!(dropped.snapshot(12).map(|lane| (lane.poll_count, lane.busy)), Some((1, 1)));
    }
}
