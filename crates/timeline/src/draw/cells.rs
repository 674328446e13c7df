//! A lane as a row of cells: the one rule by which both pictures are drawn.

use crate::model::Lane;

/// What a lane did for most of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Opened, and not polled yet.
    Unpolled,
    /// Suspended: its task waits for something.
    Waiting,
    /// On the CPU.
    Running,
}

/// The cells of one lane: it begins at `start`, and its mark is in the cell after the last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) start: usize,
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    pub(crate) fn end(&self) -> usize {
        self.start + self.cells.len()
    }
}

/// The cell border nearest to the time `at`, on an axis of `count` cells from zero to `total`.
pub(crate) fn border(at: u64, total: u64, count: usize) -> usize {
    let (at, total, count) = (u128::from(at), u128::from(total), count as u128);
    let border = (2 * at * count + total).checked_div(2 * total).unwrap_or(0);
    border.min(count) as usize
}

/// Draws a lane on an axis of `count` cells from zero to `total`.
///
/// A cell is [`Running`](Cell::Running) if the lane was on the CPU for at least half of its time in that
/// cell. A lane that took any time at all has at least one cell; one that took none has only its mark.
pub(crate) fn row(lane: &Lane, total: u64, count: usize) -> Row {
    let mut start = border(lane.opened, total, count);
    let mut end = border(lane.ended, total, count).max(start);
    if start == end {
        if lane.length() == 0 || count == 0 {
            return Row { start, cells: Vec::new() };
        }
        // Before the last border, for the lane ends after it began.
        start = (u128::from(lane.opened) * count as u128 / u128::from(total)) as usize;
        end = start + 1;
    }
    // Times are stretched by `count`, so that cells begin at whole numbers: cell i is from i * total on.
    let stretched = |at: u64| u128::from(at) * count as u128;
    let cell = |index: usize| (index as u128 * u128::from(total), (index as u128 + 1) * u128::from(total));
    let within = |from: u64, to: u64, index: usize| {
        let (left, right) = cell(index);
        stretched(to).min(right).saturating_sub(stretched(from).max(left))
    };
    let mut running = vec![0; end - start];
    for poll in &lane.polls {
        let Some(density) =
            (u128::from(poll.busy) * 1_000_000).checked_div(u128::from(poll.end - poll.begin))
        else {
            continue;
        };
        let first = (stretched(poll.begin) / u128::from(total)) as usize;
        for index in first.max(start)..end {
            let overlap = within(poll.begin, poll.end, index);
            if overlap == 0 {
                break;
            }
            running[index - start] += overlap * density / 1_000_000;
        }
    }
    let first_polled = lane.first_polled.unwrap_or(lane.ended);
    let state = |index: usize| {
        // More than nothing: a lane has no cell that it does not reach into.
        let part = within(lane.opened, lane.ended, index);
        let unpolled = within(lane.opened, first_polled, index);
        match running[index - start] {
            busy if busy * 2 >= part => Cell::Running,
            _ if unpolled * 2 >= part => Cell::Unpolled,
            _ => Cell::Waiting,
        }
    };
    Row { start, cells: (start..end).map(state).collect() }
}

#[cfg(test)]
mod tests {
    use super::Cell::{Running, Unpolled, Waiting};
    use super::*;
    use crate::model::{Outcome, Poll};

    fn lane(opened: u64, ended: u64, polls: &[(u64, u64)]) -> Lane {
        let polls: Vec<Poll> = polls.iter().map(|&(begin, end)| Poll::new(begin, end)).collect();
        Lane {
            name: "lane",
            label: "lane".to_owned(),
            depth: 0,
            parent: None,
            opened,
            first_polled: polls.first().map(|poll| poll.begin),
            ended,
            outcome: Outcome::Finished,
            poll_count: polls.len() as u64,
            busy: polls.iter().map(|poll| poll.busy).sum(),
            polls,
        }
    }

    #[test]
    fn a_cell_is_solid_from_half_of_it_on() {
        let row = row(&lane(0, 40, &[(0, 5), (10, 14), (25, 30), (30, 40)]), 40, 4);
        assert_eq!(row.cells, [Running, Waiting, Running, Running]);
    }

    #[test]
    fn short_polls_add_up_within_a_cell() {
        let row = row(&lane(0, 20, &[(0, 2), (4, 6), (8, 9), (11, 12), (14, 16)]), 20, 2);
        assert_eq!(row.cells, [Running, Waiting]);
    }

    #[test]
    fn the_time_before_the_first_poll_is_shown_where_it_is_long_enough() {
        let row = row(&lane(0, 40, &[(16, 16), (40, 40)]), 40, 4);
        assert_eq!(row.cells, [Unpolled, Unpolled, Waiting, Waiting]);
    }

    #[test]
    fn a_lane_that_was_never_polled_never_waited() {
        assert_eq!(row(&lane(0, 20, &[]), 20, 2).cells, [Unpolled, Unpolled]);
    }

    #[test]
    fn a_short_lane_has_a_cell_and_an_instant_has_none() {
        assert_eq!(row(&lane(999, 1_000, &[(999, 999)]), 1_000, 4), Row { start: 3, cells: vec![Waiting] });
        assert_eq!(row(&lane(260, 261, &[(260, 261)]), 1_000, 4), Row { start: 1, cells: vec![Running] });
        assert_eq!(row(&lane(1_000, 1_000, &[(1_000, 1_000)]), 1_000, 4), Row { start: 4, cells: vec![] });
        assert_eq!(row(&lane(0, 0, &[(0, 0)]), 0, 4), Row { start: 0, cells: vec![] });
        assert_eq!(row(&lane(0, 9, &[(0, 9)]), 9, 0), Row { start: 0, cells: vec![] });
    }

    #[test]
    fn a_merged_interval_counts_with_its_busy_time_alone() {
        let mut lane = lane(0, 40, &[(0, 40)]);
        lane.polls[0].busy = 10;
        assert_eq!(row(&lane, 40, 4).cells, [Waiting; 4]);
        lane.polls[0].busy = 20;
        assert_eq!(row(&lane, 40, 4).cells, [Running; 4]);
    }

    #[test]
    fn lanes_that_meet_in_time_meet_in_the_picture() {
        for at in 0..=97 {
            let (before, after) = (row(&lane(0, at, &[]), 97, 13), row(&lane(at, 97, &[]), 97, 13));
            let forced = at > 0 && before.end() == 1 || at < 97 && after.start == 12;
            assert!(before.end() == after.start || forced, "{at}: {before:?} {after:?}");
        }
    }

    /// Every lane on every small axis.
    #[test]
    fn a_lane_has_cells_where_it_took_time_and_a_busy_one_is_solid_in_all_of_them() {
        for (total, count) in (0..=12).flat_map(|total| (0..=7).map(move |count| (total, count))) {
            for (opened, ended) in
                (0..=total).flat_map(|opened| (opened..=total).map(move |ended| (opened, ended)))
            {
                let row = row(&lane(opened, ended, &[(opened, ended)]), total, count);
                assert_eq!(row.cells.is_empty(), opened == ended || count == 0);
                assert!(row.end() <= count && row.cells.iter().all(|&cell| cell == Running), "{row:?}");
                for cell in (row.start..row.end()).map(|cell| cell as u64) {
                    let (opened, ended) = (opened * count as u64, ended * count as u64);
                    assert!(opened < (cell + 1) * total && cell * total < ended, "{row:?}");
                }
            }
        }
    }

    #[test]
    fn the_longest_times_do_not_overflow() {
        let row = row(&lane(0, u64::MAX, &[(0, u64::MAX)]), u64::MAX, 1_000);
        assert!(row.cells.iter().all(|&cell| cell == Running));
        assert_eq!(row.end(), 1_000);
    }
}
