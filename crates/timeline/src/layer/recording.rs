//! A recording, put together from the lanes and the counts of one moment.

use crate::layer::tally::Tally;
use crate::model::{Lane, Recording};

impl Recording {
    /// `lanes` in the order of their numbers, so that a number is an index.
    pub(crate) fn new(lanes: Vec<Lane>, tally: &Tally, limit: usize, now: u64) -> Self {
        let lanes = nested(lanes);
        // Of a span that goes on, nothing later than `now` is known; of one that is over, the end is.
        let heard = lanes.iter().map(|lane| lane.ended).max().unwrap_or(0);
        let total = heard.max(tally.total(now));
        let (summaries, work) = (tally.summaries(), tally.work(now));
        Self { lanes, summaries, count: tally.count(), limit, total, work }
    }
}

/// Puts the lanes under their parents, in order of opening. Spans that open on several threads at once are
/// numbered in the order in which they reached the book, which need not be that of their times.
fn nested(lanes: Vec<Lane>) -> Vec<Lane> {
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    order.sort_by_key(|&number| lanes[number].opened);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); lanes.len()];
    let mut roots = Vec::new();
    for number in order {
        // There is no circle: a parent has a lower number. It opened first, but perhaps by another clock.
        match lanes[number].parent {
            Some(parent) => children[parent].push(number),
            None => roots.push(number),
        }
    }
    // A stack and not recursion: spans may nest as deep as the limit on lanes allows.
    let mut stack: Vec<(usize, Option<usize>)> = roots.into_iter().rev().map(|root| (root, None)).collect();
    let mut lanes: Vec<Option<Lane>> = lanes.into_iter().map(Some).collect();
    let mut drawn: Vec<Lane> = Vec::with_capacity(lanes.len());
    while let Some((number, parent)) = stack.pop() {
        let Some(lane) = lanes[number].take() else { continue };
        let depth = parent.map_or(0, |parent: usize| drawn[parent].depth + 1);
        stack.extend(children[number].iter().rev().map(|&child| (child, Some(drawn.len()))));
        drawn.push(Lane { depth, parent, ..lane });
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::record::{Notes, Record};

    /// The parent is outside of the runtime whose time is paused, the child inside.
    #[test]
    fn a_lane_is_under_its_parent_even_where_their_clocks_differ() {
        let lane = |name, opened, number, parent| {
            Record::new(name, opened, Some(Notes { number, parent, ..Notes::default() })).snapshot(9)
        };
        let lanes = [lane("other", 6, 0, None), lane("parent", 7, 1, None), lane("child", 5, 2, Some(1))];
        let lanes = nested(lanes.into_iter().flatten().collect());
        let lanes: Vec<_> = lanes.iter().map(|lane| (lane.depth, lane.name, lane.parent)).collect();
        assert_eq!(lanes, [(0, "other", None), (0, "parent", None), (1, "child", Some(1))]);
    }
}
