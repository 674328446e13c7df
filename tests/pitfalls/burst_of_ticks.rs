//! Lessons of the pattern `burst_of_ticks`.

use std::cell::RefCell;
use std::num::NonZeroU16;
use std::time::Duration;

use pitfalls::burst_of_ticks::{broken, fixed};
use tokio::time::{Instant, sleep};

use crate::support::ms;
use crate::work::Visits;
use crate::work::burst_of_ticks::TEN;

/// The first turn takes `first` milliseconds, the others no time. Records when each began.
async fn turn(number: usize, first: u64, start: Instant, began: &RefCell<Vec<Duration>>) {
    began.borrow_mut().push(start.elapsed());
    if number == 0 {
        sleep(ms(first)).await;
    }
}

/// asyncio: a loop with `sleep` is late and stays late. Tokio: an `interval` fires the missed ticks at once.
#[tokio::test(start_paused = true)]
async fn but_after_a_pause_of_ten_ticks_ten_come_at_once() {
    let (start, began) = (Instant::now(), RefCell::default());
    broken(TEN, 13, |number| turn(number, 1_000, start, &began)).await;
    let began = began.into_inner();
    assert_eq!(began.iter().filter(|at| **at == ms(1_000)).count(), 10);
    assert_eq!(began[11..], [ms(1_100), ms(1_200)]);
}

/// `MissedTickBehavior::Delay` sets the next tick a whole period after the late one, so no burst follows.
#[tokio::test(start_paused = true)]
async fn with_delay_the_next_ones_keep_their_distance() {
    let (start, began) = (Instant::now(), RefCell::default());
    fixed(TEN, 4, |number| turn(number, 1_050, start, &began)).await;
    assert_eq!(began.into_inner(), [ms(0), ms(1_050), ms(1_150), ms(1_250)]);
}

/// While each turn is shorter than the period, the mistake does not show: both forms tick on time.
#[tokio::test(start_paused = true)]
async fn without_a_pause_both_keep_time() {
    for is_fixed in [false, true] {
        let (start, began) = (Instant::now(), RefCell::default());
        match is_fixed {
            false => broken(TEN, 3, |number| turn(number, 50, start, &began)).await,
            true => fixed(TEN, 3, |number| turn(number, 50, start, &began)).await,
        }
        assert_eq!(began.into_inner(), [ms(0), ms(100), ms(200)]);
    }
}

/// `interval` panics at a period of zero: the highest rate still has a period above it.
#[tokio::test(start_paused = true)]
async fn the_quickest_and_the_slowest_rate_are_no_panic() {
    let turns = Visits::default();
    fixed(NonZeroU16::MAX, 1_000, async |_| turns.enter()).await;
    fixed(NonZeroU16::MIN, 2, async |_| turns.enter()).await;
    fixed(TEN, 0, async |_| panic!("there is none")).await;
    assert_eq!(turns.came(), 1_002);
}
