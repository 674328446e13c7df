//! Proofs of the pattern `drop_guard`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use context_managers::drop_guard::{Seats, book, unless_busy};
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::many_threads::on_many_threads;
use crate::support::ms;
use crate::work::random_turns;

/// Cancelled at any point, a seat is free or sold, and not lost.
#[test]
fn a_cancelled_booking_loses_no_seat() {
    let swept = cancel_sweep::sweep_with(
        || {
            let seats = Arc::new(Seats::new([7]));
            let booking = seats.clone();
            (seats, async move { book(&booking, sleep(ms(100)).map(Ok::<_, ()>)).await })
        },
        |seats, outcome| {
            let sold = usize::from(matches!(outcome, cancel_sweep::Outcome::Finished(_)));
            assert_eq!(seats.free() + sold, 1);
        },
    );
    assert_eq!(swept.points, 1);
}

/// Cancelled at any point, `busy` is false again.
#[test]
fn cancelled_work_leaves_nobody_busy() {
    let swept = cancel_sweep::sweep_with(
        || {
            let busy = Arc::new(AtomicBool::new(false));
            let at_work = busy.clone();
            (busy, async move { unless_busy(&at_work, sleep(ms(100))).await })
        },
        |busy, _| assert!(!busy.load(SeqCst)),
    );
    assert_eq!(swept.points, 1);
}

/// 100 rounds of 32 bookings of 8 seats on four threads; a third pays, a third fails, a third is aborted.
#[test]
fn on_many_threads_no_seat_is_lost_or_sold_twice() {
    on_many_threads(100, async |mut rng| {
        let seats = Arc::new(Seats::new(0..8));
        let mut bookings = JoinSet::new();
        for _ in 0..32 {
            let (seats, rng, fate) = (seats.clone(), rng.fork(), rng.u8(0..3));
            let booking = bookings.spawn(async move {
                let pay = random_turns(rng).map(|()| if fate == 0 { Ok(()) } else { Err(()) });
                book(&seats, pay).await.ok().flatten()
            });
            if fate == 2 {
                booking.abort();
            }
        }
        let mut sold = Vec::new();
        while let Some(booking) = bookings.join_next().await {
            sold.extend(booking.ok().flatten());
        }
        let count = sold.len();
        sold.sort_unstable();
        sold.dedup();
        assert_eq!((sold.len(), seats.free()), (count, 8 - count));
    });
}
