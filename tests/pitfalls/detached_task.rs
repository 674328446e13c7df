//! Lessons of the pattern `detached_task`.

use futures::future::pending;
use pitfalls::detached_task::{broken, fixed};
use tokio::time::sleep;

use crate::support::{alive_tasks, ms};
use crate::work::Visits;

async fn heart(beats: Visits) {
    loop {
        sleep(ms(30)).await;
        beats.enter();
    }
}

/// asyncio: a task without a reference may be collected. Tokio: it runs on.
#[tokio::test(start_paused = true)]
async fn but_the_heart_beats_on_when_the_session_is_over() {
    let beats = Visits::default();
    let session = broken(heart(beats.clone()));
    sleep(ms(100)).await;
    drop(session);
    assert_eq!(beats.came(), 3);
    sleep(ms(100)).await;
    assert_eq!((beats.came(), alive_tasks()), (6, 1));
}

/// asyncio: `close()` has to cancel the task. Tokio: an `AbortOnDropHandle` as a field aborts it on drop.
#[tokio::test(start_paused = true)]
async fn the_heart_stops_with_its_session() {
    let beats = Visits::default();
    let session = fixed(heart(beats.clone()));
    sleep(ms(100)).await;
    drop(session);
    sleep(ms(100)).await;
    assert_eq!((beats.came(), alive_tasks()), (3, 0));
}

/// The same holds however the session ends: here the task that holds it is aborted.
#[tokio::test(start_paused = true)]
async fn the_heart_stops_when_the_holder_of_the_session_is_aborted() {
    let beats = Visits::default();
    let beating = beats.clone();
    let holder = tokio::spawn(async move {
        let _session = fixed(heart(beating));
        pending::<()>().await;
    });
    sleep(ms(100)).await;
    holder.abort();
    sleep(ms(100)).await;
    assert_eq!((beats.came(), alive_tasks()), (3, 0));
}

/// One handle per session is enough: no task outlives its session, and there is no registry.
#[tokio::test(start_paused = true)]
async fn ten_thousand_sessions_leave_nothing_behind() {
    let sessions: Vec<_> = (0..10_000).map(|_| fixed(heart(Visits::default()))).collect();
    sleep(ms(10)).await;
    assert_eq!(alive_tasks(), 10_000);
    drop(sessions);
    sleep(ms(10)).await;
    assert_eq!(alive_tasks(), 0);
}
