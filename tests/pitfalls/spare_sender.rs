//! Lessons of the pattern `spare_sender`.

use pitfalls::spare_sender::{broken, fixed};
use tokio::time::{Instant, sleep, timeout};

use crate::support::ms;
use crate::work::spare_sender::{ITEMS, make};
use crate::work::{FOR_EVER, Visits};

/// asyncio: without a sentinel, `get` waits forever. Tokio: a channel closes by itself when the last sender is dropped.
#[tokio::test(start_paused = true)]
async fn but_with_a_spare_sender_the_reader_waits_for_ever() {
    assert!(timeout(FOR_EVER, broken(ITEMS.map(make))).await.is_err());
}

/// asyncio: a sentinel signals the end. Tokio: drop your own sender; the last producer closes the channel.
#[tokio::test(start_paused = true)]
async fn when_the_producers_alone_have_senders_it_ends_with_them() {
    let start = Instant::now();
    assert_eq!(fixed(ITEMS.map(make)).await, ["b", "a"]);
    assert_eq!(start.elapsed(), ms(200));
}

/// Without producers the channel closes at once; ten thousand of them share sixteen slots.
#[tokio::test(start_paused = true)]
async fn of_nobody_there_is_nothing_and_ten_thousand_are_all_heard() {
    assert_eq!(fixed([(); 0].map(|()| make(ITEMS[0]))).await, [""; 0]);
    assert_eq!(fixed((0..10_000).map(|_| make(ITEMS[0]))).await.len(), 10_000);
}

/// A producer that panics drops only its own sender: the others still send, then the panic resumes.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_when_all_others_have_ended() {
    let (done, start) = (Visits::default(), Instant::now());
    let produce = [100, 200].map(|millis| {
        let done = done.clone();
        async move {
            sleep(ms(millis)).await;
            assert_ne!(millis, 100, "the quicker one");
            done.enter();
        }
    });
    assert!(tokio::spawn(fixed(produce)).await.unwrap_err().is_panic());
    assert_eq!((done.came(), start.elapsed()), (1, ms(200)));
}
