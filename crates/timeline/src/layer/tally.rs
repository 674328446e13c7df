//! Counts that need no lanes: what a million spans come to, in the room of a few names.

use std::collections::BTreeMap;

use crate::layer::record::Settled;
use crate::model::{Outcome, Summary};

/// Every span so far, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    names: Vec<Name>,
    index: BTreeMap<&'static str, usize>,
    count: u64,
    open: u64,
    last_end: u64,
    work: u128,
    open_leaves: u64,
    /// The sum of the times at which the open leaves opened.
    open_leaves_since: u128,
}

#[derive(Clone, Debug)]
struct Name {
    name: &'static str,
    count: u64,
    open: u64,
    peak: u64,
    outcomes: [u64; 5],
    shortest: u64,
    longest: u64,
    sum: u128,
}

impl Tally {
    /// A span opens. `was_leaf` is the time at which its parent opened, if that counted as a leaf.
    pub(crate) fn open(&mut self, name: &'static str, opened: u64, was_leaf: Option<u64>) {
        if let Some(parent) = was_leaf {
            self.leave(parent);
        }
        self.count += 1;
        self.open += 1;
        self.open_leaves += 1;
        self.open_leaves_since += u128::from(opened);
        let name = self.name(name);
        name.count += 1;
        name.open += 1;
        name.peak = name.peak.max(name.open);
    }

    pub(crate) fn close(&mut self, span: Settled) {
        let length = span.ended.saturating_sub(span.opened);
        if span.leaf {
            self.leave(span.opened);
            self.work += u128::from(length);
        }
        self.open = self.open.saturating_sub(1);
        self.last_end = self.last_end.max(span.ended);
        let name = self.name(span.name);
        name.open = name.open.saturating_sub(1);
        name.outcomes[span.outcome as usize] += 1;
        name.shortest = name.shortest.min(length);
        name.longest = name.longest.max(length);
        name.sum += u128::from(length);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn total(&self, now: u64) -> u64 {
        if self.open > 0 { self.last_end.max(now) } else { self.last_end }
    }

    pub(crate) fn work(&self, now: u64) -> u128 {
        let so_far = u128::from(self.open_leaves) * u128::from(now);
        self.work + so_far.saturating_sub(self.open_leaves_since)
    }

    pub(crate) fn summaries(&self) -> Vec<Summary> {
        self.names.iter().map(Name::summary).collect()
    }

    fn leave(&mut self, opened: u64) {
        self.open_leaves = self.open_leaves.saturating_sub(1);
        self.open_leaves_since = self.open_leaves_since.saturating_sub(u128::from(opened));
    }

    fn name(&mut self, name: &'static str) -> &mut Name {
        let next = self.names.len();
        let index = *self.index.entry(name).or_insert(next);
        if index == next {
            self.names.push(Name {
                name,
                count: 0,
                open: 0,
                peak: 0,
                outcomes: [0; 5],
                shortest: u64::MAX,
                longest: 0,
                sum: 0,
            });
        }
        &mut self.names[index]
    }
}

impl Name {
    fn summary(&self) -> Summary {
        let mut outcomes = self.outcomes;
        outcomes[Outcome::Running as usize] = self.open;
        Summary {
            name: self.name,
            count: self.count,
            outcomes,
            shortest: self.shortest,
            longest: self.longest,
            sum: self.sum,
            peak: self.peak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each span is open for two nanoseconds, from its number on; every hundredth is a parent.
    #[test]
    fn a_million_spans_are_a_line_of_numbers_for_each_name() {
        let mut tally = Tally::default();
        let span = |number: u64| Settled {
            name: if number.is_multiple_of(100) { "parent" } else { "leaf" },
            opened: number,
            ended: number + 2,
            leaf: !number.is_multiple_of(100),
            outcome: Outcome::Finished,
        };
        for number in 0..1_000_000 {
            let parent = (number % 100 == 1).then(|| number - 1);
            tally.open(span(number).name, number, parent);
            if let Some(over) = number.checked_sub(2) {
                tally.close(span(over));
            }
        }
        assert_eq!((tally.names.len(), tally.index.len(), tally.count()), (2, 2, 1_000_000));
        assert_eq!((tally.open, tally.open_leaves), (2, 2));
        assert_eq!(tally.total(2_000_000), 2_000_000);
        assert_eq!(tally.work(1_000_000), 990_000 * 2 - 1, "the last leaf has one nanosecond to go");
        for number in [999_998, 999_999] {
            tally.close(span(number));
        }
        assert_eq!((tally.total(2_000_000), tally.work(2_000_000)), (1_000_001, 990_000 * 2));
        let leaves = &tally.summaries()[1];
        assert_eq!((leaves.count, leaves.peak, leaves.shortest, leaves.longest), (990_000, 3, 2, 2));
    }
}
