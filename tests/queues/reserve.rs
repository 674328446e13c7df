//! Lessons of the pattern `reserve`.

use std::future::ready;

use futures::FutureExt;
use queues::reserve::{TargetClosed, Unsent, forward, send_unless};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::support::{ms, settle, soon};

/// An item that was not moved is still in the source: no item is lost.
#[tokio::test]
async fn a_forward_whose_target_is_gone_stops_before_it_takes_an_item() {
    let (sender, mut source) = mpsc::channel(4);
    let (target, received) = mpsc::channel(1);
    let mut moves = Box::pin(forward(&mut source, &target));
    assert!(moves.as_mut().now_or_never().is_none(), "it waits for an item");
    drop(received);
    sender.try_send("a").unwrap();
    assert_eq!(moves.as_mut().now_or_never(), Some(Err(TargetClosed)));
    drop(moves);
    assert_eq!(forward(&mut source, &target).await, Err(TargetClosed));
    assert_eq!(source.try_recv(), Ok("a"));
}

/// The price of a reserved slot: it is taken, used or not.
#[tokio::test]
async fn a_forward_that_waits_for_an_item_keeps_a_place_of_the_target() {
    let (_sender, mut source) = mpsc::channel(4);
    let (target, _received) = mpsc::channel(2);
    let mut moves = Box::pin(forward(&mut source, &target));
    assert!(moves.as_mut().now_or_never().is_none());
    assert_eq!(target.capacity(), 1);
    drop(moves);
    assert_eq!(target.capacity(), 2);
    target.try_send(1).unwrap();
}

/// A hundred thousand items are forwarded: each comes once, in order.
#[tokio::test]
async fn a_hundred_thousand_items_are_forwarded_in_order() {
    let (sender, mut source) = mpsc::channel(100);
    let (target, mut received) = mpsc::channel(100);
    let produce = async move {
        for item in 0..100_000 {
            sender.send(item).await.unwrap();
        }
    };
    let moves = async move { forward(&mut source, &target).await };
    let consume = async {
        let mut expected = 0;
        while let Some(item) = received.recv().await {
            assert_eq!(item, expected);
            expected += 1;
        }
        expected
    };
    assert_eq!(tokio::join!(produce, moves, consume), ((), Ok(()), 100_000));
}

/// asyncio: a cancelled `put` leaves the item with its caller. Tokio: a `send` in a `timeout` does not; `send_unless`
/// returns it.
#[tokio::test(start_paused = true)]
async fn an_item_that_is_not_sent_in_time_comes_back() {
    let (queue, mut received) = mpsc::channel(1);
    queue.try_send("a").unwrap();
    assert_eq!(send_unless(&queue, "b", sleep(ms(100))).await, Err(Unsent::Stopped("b")));
    let late = tokio::spawn(async move {
        sleep(ms(50)).await;
        let first = received.recv().await;
        (first, received.recv().await)
    });
    assert_eq!(send_unless(&queue, "b", sleep(ms(100))).await, Ok(()));
    assert_eq!(late.await.unwrap(), (Some("a"), Some("b")));
    assert_eq!(send_unless(&queue, "c", sleep(ms(100))).await, Err(Unsent::Closed("c")));
}

/// Room and the stop in one instant: the item is sent.
#[tokio::test(start_paused = true)]
async fn room_that_comes_in_the_instant_of_the_stop_is_used() {
    let (queue, mut received) = mpsc::channel(1);
    queue.try_send("a").unwrap();
    let mut sends = std::pin::pin!(send_unless(&queue, "b", sleep(ms(100))));
    assert!(sends.as_mut().now_or_never().is_none());
    tokio::time::advance(ms(100)).await;
    received.recv().await;
    assert_eq!(sends.await, Ok(()));
    assert_eq!(send_unless(&queue, "c", ready(())).await, Err(Unsent::Stopped("c")));
}

/// The hazard: a `forward` that waits for its source holds a slot of the target. With as many silent sources as slots, the
/// other sources pause. A task that receives first needs no slot while its source is silent.
#[tokio::test(start_paused = true)]
async fn but_a_silent_source_holds_a_slot_of_the_target() {
    for slots in [1, 2] {
        let (target, mut arrived) = mpsc::channel(slots);
        let (_silent, mut from_silent) = mpsc::channel::<u32>(1);
        let (busy, mut from_busy) = mpsc::channel(1);
        busy.send(7).await.unwrap();
        tokio::spawn({
            let target = target.clone();
            async move { forward(&mut from_silent, &target).await }
        });
        settle().await;
        tokio::spawn(async move { forward(&mut from_busy, &target).await });
        let item = timeout(ms(60_000), arrived.recv()).await.ok().flatten();
        assert_eq!(item, (slots == 2).then_some(7));
    }

    let (target, mut arrived) = mpsc::channel(1);
    let (_silent, from_silent) = mpsc::channel::<u32>(1);
    let (busy, from_busy) = mpsc::channel(1);
    busy.send(7).await.unwrap();
    for mut source in [from_silent, from_busy] {
        let target = target.clone();
        tokio::spawn(async move {
            while let Some(item) = source.recv().await {
                target.send(item).await.unwrap();
            }
        });
        settle().await;
    }
    assert_eq!(soon(arrived.recv()).await, Some(7));
}
