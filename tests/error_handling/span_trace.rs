//! Lessons of the pattern `span_trace`.

use std::backtrace::Backtrace;

use error_handling::span_trace::NotFound;
use tokio::task::yield_now;
use tracing::Instrument;
use tracing_error::ErrorLayer;
use tracing_subscriber::layer::SubscriberExt;

#[tracing::instrument]
async fn request(id: u32, in_span: bool) -> NotFound {
    let fetch = fetch("home");
    let task = if in_span { tokio::spawn(fetch.in_current_span()) } else { tokio::spawn(fetch) };
    task.await.unwrap()
}

#[tracing::instrument]
async fn fetch(page: &'static str) -> NotFound {
    yield_now().await;
    NotFound::new(page)
}

fn with_error_layer() -> tracing::subscriber::DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry().with(ErrorLayer::default()))
}

/// asyncio: an exception of a task has that task's traceback, wherever it is read. Tokio: any task sees its spans, and
/// those of the task that spawned it.
#[tokio::test]
async fn an_error_knows_its_spans_in_another_task_too() {
    let _this_thread = with_error_layer();
    let error = request(7, true).await;
    assert_eq!(error.to_string(), "home not found");
    assert_eq!(error.spans(), ["fetch{page=\"home\"}", "request{id=7 in_span=true}"]);
}

/// asyncio: a traceback does not lead to the creator of its task. Tokio: nor does a span trace after `spawn`.
#[tokio::test]
async fn a_task_that_was_spawned_bare_knows_only_its_own() {
    let _this_thread = with_error_layer();
    assert_eq!(request(7, false).await.spans(), ["fetch{page=\"home\"}"]);
}

/// A program may forget `ErrorLayer`: its errors then have no spans, and nothing panics.
#[tokio::test]
async fn without_the_layer_the_trace_is_empty() {
    let _this_thread = tracing::subscriber::set_default(tracing_subscriber::registry());
    assert!(request(7, true).await.spans().is_empty());
}

/// The trace is optional: an error can also be made outside of any span.
#[tokio::test]
async fn outside_of_every_span_the_trace_is_empty() {
    let _this_thread = with_error_layer();
    assert!(NotFound::new("home").spans().is_empty());
}

/// A backtrace of a task shows what polls it, and not the function that spawned it.
#[tokio::test]
async fn but_a_backtrace_shows_who_polls_and_not_who_spawned() {
    #[inline(never)]
    async fn the_inner_one() -> String {
        yield_now().await;
        Backtrace::force_capture().to_string()
    }
    #[inline(never)]
    async fn the_spawning_one() -> String {
        tokio::spawn(the_inner_one()).await.unwrap()
    }
    let spawner = tokio::spawn(the_spawning_one());
    let trace = spawner.await.unwrap();
    assert!(trace.contains("the_inner_one") && !trace.contains("the_spawning_one"), "{trace}");
}
