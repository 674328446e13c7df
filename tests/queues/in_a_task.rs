//! Each pattern inside a spawned task.

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::{Entries, ONE, ms};
use crate::work::FIVE;

/// A caller may itself be a task: each pattern's future is `Send` if the futures it runs are.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let log = Entries::new();
        let consumed = log.clone();
        let consume = move |item| {
            let consumed = consumed.clone();
            async move { consumed.add(item) }
        };
        let produce = |queue: async_channel::Sender<u32>| async move { queue.send(1).await };
        queues::producer_consumer::produce_and_consume(FIVE, produce, [consume]).await.unwrap();

        let queue = queues::joinable::PriorityQueue::bounded(ONE);
        queue.put((1, 2)).await.unwrap();
        drop(queue.get_guarded().await.unwrap());
        queue.reserve().await.unwrap().put((1, 3)).unwrap();
        assert_eq!(queue.get().await, Ok((1, 3)));
        queue.task_done().unwrap();
        queue.join().await;

        let (sender, mut source) = mpsc::channel(2);
        let (target, received) = mpsc::channel(2);
        queues::reserve::send_unless(&sender, 4, sleep(ms(1))).await.unwrap();
        drop(sender);
        queues::reserve::forward(&mut source, &target).await.unwrap();
        log.add(queues::many_consumers::SharedReceiver::from(received).recv().await.unwrap());

        let (sender, mut feed) = tokio::sync::broadcast::channel(2);
        sender.send(5).unwrap();
        drop(sender);
        let heard = log.clone();
        queues::broadcast::follow(&mut feed, |_| heard.added(5)).await;

        let (sender, mut newest) = tokio::sync::watch::channel(0);
        sender.send_replace(6);
        drop(sender);
        queues::watch::follow_newest(&mut newest, |value| heard.added(value)).await;

        let (sender, receiver) = mpsc::channel(2);
        let unfinished = queues::tracked::Unfinished::new();
        sender.send(unfinished.track(7)).await.unwrap();
        let mut batches = queues::batch::Batches::new(receiver, ONE, ms(1));
        log.add(*batches.next().await.unwrap()[0]);
        unfinished.join().await;
        log.take()
    });
    assert_eq!(all.await.unwrap(), [1, 4, 5, 6, 7]);
}
