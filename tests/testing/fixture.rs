//! Lessons of the pattern `fixture`.

use testing::fixture::with_fixture;
use tokio::time::{sleep, timeout};

use crate::support::{Log, PanicsWhenDropped, ms, panics};
use crate::work::panic_of;

/// asyncio: `asyncSetUp`, the test, `asyncTearDown`. Tokio: the same order, and each may wait.
#[tokio::test(start_paused = true)]
async fn set_up_test_and_tear_down_run_in_order() {
    let log = Log::default();
    let set_up = async {
        sleep(ms(10)).await;
        log.at("set up");
        7
    };
    let test = async |number: &mut i32| {
        sleep(ms(10)).await;
        log.at(&number);
        *number + 1
    };
    let tear_down = async |number: i32| {
        sleep(ms(10)).await;
        log.at(format_args!("torn down {number}"));
    };
    assert_eq!(with_fixture(set_up, test, tear_down).await, 8);
    assert_eq!(log.take(), [" 10 set up", " 20 7", " 30 torn down 7"]);
}

/// asyncio: `asyncTearDown` runs after a failure too. Tokio: it does here, and the test fails all the same.
#[tokio::test(start_paused = true)]
async fn after_a_panic_the_tear_down_runs_and_awaits() {
    let log = Log::default();
    let tear_down = async |()| {
        sleep(ms(10)).await;
        log.at("torn down");
    };
    let test = with_fixture(async {}, async |()| panics::<()>("3 rows"), tear_down);
    assert_eq!(panic_of(test).await.unwrap(), "3 rows");
    assert_eq!(log.take(), [" 10 torn down"]);
}

/// A line after the test's last assertion is no tear-down: a panic or an early return skips it.
#[tokio::test]
async fn but_a_last_line_is_skipped_by_a_failure() {
    let log = Log::default();
    let broken = async {
        let rows = async { Err::<u32, _>("no table") }.await?;
        log.add("torn down");
        Ok(rows)
    };
    assert_eq!((broken.await, log.take()), (Err("no table"), vec![]));

    let tear_down = async |()| log.add("torn down");
    let fixed = with_fixture(async {}, async |()| Err::<u32, _>("no table"), tear_down);
    assert_eq!((fixed.await, log.take()), (Err("no table"), vec!["torn down".to_owned()]));
}

/// unittest counts a failure and an error. Tokio: the test's panic is the result, and the other one is printed alone.
#[tokio::test]
async fn the_panic_of_the_test_comes_before_that_of_the_tear_down() {
    let both =
        with_fixture(async {}, async |()| panics::<()>("the test"), async |()| panics("the tear-down"));
    assert_eq!(panic_of(both).await.unwrap(), "the test");
    let one = with_fixture(async {}, async |()| (), async |()| panics("the tear-down"));
    assert_eq!(panic_of(one).await.unwrap(), "the tear-down");
}

/// The tear-down's panic may hold a value that panics when it is dropped. That would end the process: the value is kept.
#[tokio::test]
async fn a_payload_that_panics_when_dropped_costs_no_panic() {
    let tear_down = async |()| std::panic::panic_any(PanicsWhenDropped);
    let both = with_fixture(async {}, async |()| panics::<()>("the test"), tear_down);
    assert_eq!(panic_of(both).await.unwrap(), "the test");
}

/// asyncio: after a failed `asyncSetUp` neither the test nor `asyncTearDown` runs. Tokio: the same.
#[tokio::test]
async fn after_a_failed_set_up_nothing_else_runs() {
    let log = Log::default();
    let set_up = async { panics::<()>("no database") };
    let test = with_fixture(set_up, async |()| log.add("test"), async |()| log.add("torn down"));
    assert_eq!(panic_of(test).await.unwrap(), "no database");
    assert_eq!(log.take(), [""; 0]);
}

/// asyncio: a timeout is an exception, so `finally` runs. Tokio: it is a drop. Inside the test it leaves the tear-down alone.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_around_it_skips_the_tear_down() {
    let log = Log::default();
    let tear_down = async |()| log.add("torn down");
    let broken = with_fixture(async {}, async |()| sleep(ms(60_000)).await, tear_down);
    assert!(timeout(ms(10), broken).await.is_err());
    assert_eq!(log.take(), [""; 0]);

    let tear_down = async |()| log.add("torn down");
    let test = async |()| timeout(ms(10), sleep(ms(60_000))).await;
    assert!(with_fixture(async {}, async |()| test(()).await, tear_down).await.is_err());
    assert_eq!(log.take(), ["torn down"]);
}

/// pytest: a fixture is asked for by name. Tokio: it is a value; one with a `Drop` cleans up after a panic by itself.
#[tokio::test]
async fn a_value_with_a_drop_is_a_fixture() {
    let log = Log::default();
    let test = async {
        let _folder = log.on_drop("removed");
        panics::<()>("failed");
    };
    assert_eq!(panic_of(test).await.unwrap(), "failed");
    assert_eq!(log.take(), ["removed"]);
}

/// pytest: fixtures are torn down in reverse order. Tokio: nested calls, or two variables, are.
#[tokio::test]
async fn the_inner_fixture_is_torn_down_first() {
    let log = Log::default();
    let outer = with_fixture(
        async {},
        async |()| {
            with_fixture(async {}, async |()| log.add("test"), async |()| log.add("inner")).await;
        },
        async |()| log.add("outer"),
    );
    outer.await;
    assert_eq!(log.take(), ["test", "inner", "outer"]);
}
