//! Proofs of the pattern `reschedule`.

use std::time::Duration;

use timeouts::reschedule::{Expired, Over, Timeout};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, ms};
use crate::work::{A_YEAR, for_ever};

/// A handle outlives its timeout: after any end `reschedule` fails, and the work is gone.
#[test]
fn dropped_anywhere_it_drops_the_work_and_is_over() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (timeout, dropped) = (Timeout::after(ms(100)), Count::default());
            let (handle, guard) = (timeout.handle(), dropped.on_drop());
            let moves = handle.clone();
            let work = async move {
                let _guard = guard;
                sleep(ms(50)).await;
                moves.reschedule(Some(Instant::now() + ms(100))).unwrap();
                sleep(ms(90)).await;
            };
            ((handle, dropped), timeout.run(work))
        },
        |(handle, dropped), _| {
            assert_eq!((handle.reschedule(None), dropped.get()), (Err(Over::Finished), 1));
        },
    );
    // Twice asleep, and once woken by its own move.
    assert_eq!(swept.points, 3);
}

/// Many tasks move one deadline, to and fro, while it passes. What was accepted counts, and after the end nothing is.
#[test]
fn on_many_threads_an_accepted_move_counts_and_none_is_accepted_after_the_end() {
    on_many_threads(100, async |mut rng| {
        let timeout = Timeout::after(ms(1));
        let handle = timeout.handle();
        let mut movers = JoinSet::new();
        for _ in 0..8 {
            let (handle, mut rng) = (handle.clone(), rng.fork());
            movers.spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..rng.u8(0..20) {
                    let soon = Instant::now() + Duration::from_micros(rng.u64(0..1_000));
                    let when = [Some(soon), Some(soon - ms(1)), Some(soon + A_YEAR), None][rng.usize(0..4)];
                    answers.push(handle.reschedule(when));
                    some_turns(&mut rng, 4).await;
                }
                // The last move of the last of them ends it.
                answers.push(handle.reschedule(Some(Instant::now())));
                answers
            });
        }
        let (expires, mut turns) = (rng.bool(), rng.fork());
        let work = async move {
            if expires {
                for_ever::<()>().await;
            }
            some_turns(&mut turns, 4).await;
        };
        let (run, last) = tokio::spawn({
            let handle = handle.clone();
            async move { (timeout.run(work).await, handle.when()) }
        })
        .await
        .unwrap();
        assert!(!expires || run.is_err());
        assert_eq!(handle.expired(), run.is_err());
        assert!(run.is_ok() || last.unwrap() <= Instant::now(), "it expired at the last deadline");
        let over = if run.is_err() { Over::Expired } else { Over::Finished };
        for answers in movers.join_all().await {
            let accepted = answers.iter().take_while(|answer| answer.is_ok()).count();
            assert!(answers[accepted..].iter().all(|answer| *answer == Err(over)), "{answers:?}");
        }
        assert_eq!(handle.when(), last, "no move was accepted after the end");
    });
}

/// One thread moves the deadline into the past and away again, as fast as it can. It expires only at its present time: a
/// move away that was accepted counts, also one that comes between the timer and the end.
#[test]
fn on_many_threads_it_expires_at_a_deadline_that_stands() {
    on_many_threads(100, async |_rng| {
        let timeout = Timeout::at(None);
        let handle = timeout.handle();
        let running = tokio::spawn(timeout.run(for_ever::<()>()));
        let moving = tokio::task::spawn_blocking(move || {
            loop {
                let now = Instant::now();
                if handle.reschedule(Some(now)).is_err() {
                    break "away";
                }
                if handle.reschedule(Some(now + A_YEAR)).is_err() {
                    break "into the past";
                }
            }
        });
        assert_eq!(running.await.unwrap(), Err(Expired));
        assert_eq!(moving.await.unwrap(), "into the past", "the last move that was accepted");
    });
}
