//! Lessons of the pattern `context`.

use create_task::context::{inherit, inherit_blocking};
use tokio::task::spawn_blocking;

use crate::support::Entries;
use crate::work::context::{REQUEST, SHARED, request};

/// asyncio: `create_task` copies the context. Tokio: `spawn` and `spawn_blocking` start without one.
#[tokio::test]
async fn a_spawned_task_sees_none_of_its_parents_task_locals() {
    let seen = REQUEST.scope("request-1", async {
        (request(), tokio::spawn(async { request() }).await.unwrap(), spawn_blocking(request).await.unwrap())
    });
    assert_eq!(seen.await, (Some("request-1"), None, None));
}

/// asyncio: the child sees the values of its parent; with `to_thread` the thread does too.
#[tokio::test]
async fn a_child_that_inherits_sees_its_parents_value() {
    let seen = REQUEST.scope("request-1", async {
        let task = tokio::spawn(inherit(&REQUEST, async { request() }));
        let blocking = spawn_blocking(inherit_blocking(&REQUEST, request));
        (task.await.unwrap(), blocking.await.unwrap())
    });
    assert_eq!(seen.await, (Some("request-1"), Some("request-1")));
}

/// asyncio: a value that the child sets is seen by its own children, and not by its parent.
#[tokio::test]
async fn what_a_child_sets_its_children_see_and_its_parent_does_not() {
    let seen = REQUEST.scope("request-1", async {
        let child = tokio::spawn(inherit(&REQUEST, async {
            let before = request();
            let within = REQUEST.scope("request-1/child", async {
                let grandchild = tokio::spawn(inherit(&REQUEST, async { request() }));
                (request(), grandchild.await.unwrap())
            });
            (before, within.await, request())
        }));
        (child.await.unwrap(), request())
    });
    let inner = Some("request-1/child");
    let outer = Some("request-1");
    assert_eq!(seen.await, ((outer, (inner, inner), outer), outer));
}

/// asyncio: `create_task` makes the copy, so the child does not see values that the parent sets later.
#[tokio::test]
async fn the_snapshot_is_taken_when_the_child_is_made_not_when_it_starts() {
    let child = REQUEST.sync_scope("first", || inherit(&REQUEST, async { request() }));
    let seen = REQUEST.scope("second", async { tokio::spawn(child).await.unwrap() });
    assert_eq!(seen.await, Some("first"));
    let blocking = REQUEST.sync_scope("first", || inherit_blocking(&REQUEST, request));
    assert_eq!(REQUEST.scope("second", spawn_blocking(blocking)).await.unwrap(), Some("first"));
}

/// asyncio: the copy is shallow: a list in a `ContextVar` is the same list. Tokio: so is the value in an `Arc`.
#[tokio::test]
async fn what_is_shared_in_the_value_stays_shared() {
    let log = Entries::default();
    SHARED
        .scope(log.clone(), async {
            tokio::spawn(inherit(&SHARED, async { SHARED.with(|log| log.add("child")) })).await.unwrap();
        })
        .await;
    assert_eq!(log.take(), ["child"]);
}

/// asyncio: `get()` of a variable that was never set raises `LookupError`. Tokio: `get` panics, `try_get` does not. If
/// the parent has no value, the child has none, without an error.
#[tokio::test]
async fn without_a_value_there_is_nothing_to_inherit() {
    assert_eq!(tokio::spawn(inherit(&REQUEST, async { request() })).await.unwrap(), None);
    assert_eq!(spawn_blocking(inherit_blocking(&REQUEST, request)).await.unwrap(), None);
    let gets = tokio::spawn(async { REQUEST.get() });
    assert!(gets.await.unwrap_err().is_panic());
}

/// asyncio and Tokio: code that is awaited on the same task sees the value.
#[tokio::test]
async fn what_is_awaited_inside_the_scope_sees_the_value() {
    let both = REQUEST.scope("request-1", async { tokio::join!(async { request() }, async { request() }) });
    assert_eq!(both.await, (Some("request-1"), Some("request-1")));
}
