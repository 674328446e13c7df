use std::num::NonZeroUsize;

use subprocesses::many::{collect_all, fail_fast};
use subprocesses::run::run;
use tokio::time::sleep;

use crate::real_time::soon_on_real_time;
use crate::support::{Count, Gauge, Log, ONE, THREE, TWO, busy, ends, leaves_others_their_turn, ms, panics};
use crate::work::{Witness, sh, text};

/// asyncio: a `Semaphore` around each call in a `gather`. Here at most three run, and the results are in order.
#[tokio::test(start_paused = true)]
async fn results_are_in_the_order_of_the_commands() {
    let (gauge, log) = (Gauge::default(), Log::default());
    let run = |time| {
        gauge.clone().around(async move {
            sleep(ms(time)).await;
            time
        })
    };
    assert_eq!(ends(collect_all([30, 10, 20, 10], THREE, run)).await, [30, 10, 20, 10]);
    assert_eq!((gauge.peak(), log.elapsed()), (3, ms(30)));
}

/// A slow first command holds up no other: its slot is one of three.
#[tokio::test(start_paused = true)]
async fn a_slow_command_keeps_one_slot() {
    let log = Log::default();
    let run = |time| async move { sleep(ms(time)).await };
    ends(collect_all([100, 10, 10, 10, 10, 10], TWO, run)).await;
    assert_eq!(log.elapsed(), ms(100));
}

/// asyncio: `gather(return_exceptions=True)`. Here each result says whether it failed.
#[tokio::test]
async fn all_results_are_collected_failures_too() {
    let run = |code: i32| async move { run(sh(&format!("exit {code}")), 100).await.unwrap().status.code() };
    assert_eq!(soon_on_real_time(collect_all([0, 3, 0], TWO, run)).await, [Some(0), Some(3), Some(0)]);
}

/// A command that cannot start is one failed result; the others have their own.
#[tokio::test]
async fn a_command_that_does_not_start_is_one_failure() {
    let commands = ["true", "no-such-program", "true"];
    let run = |program| run(tokio::process::Command::new(program), 100);
    let results = soon_on_real_time(collect_all(commands, TWO, run)).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

/// asyncio: `gather` raises the first failure, and the others run on. Here their processes are killed.
#[tokio::test]
async fn the_first_failure_kills_the_others() {
    let mut witness = Witness::new().await;
    let slow = || witness.sh("echo ready >&9; sleep 600 & sleep 600");
    let failing = witness.sh("while test ! -e \"$WITNESS.go\"; do sleep 0.01; done; exit 3");
    let go = witness.path().with_extension("go");
    let commands = [slow(), failing, slow()];
    let running = tokio::spawn(fail_fast(commands, THREE, |command| async move {
        let output = run(command, 100).await.unwrap();
        if output.status.success() { Ok(()) } else { Err(output.status.code()) }
    }));
    assert_eq!((witness.line().await, witness.line().await), ("ready".into(), "ready".into()));
    std::fs::write(go, "").unwrap();
    assert_eq!(soon_on_real_time(running).await.unwrap(), Err((1, Some(3))));
    assert_eq!(witness.rest().await, "");
}

/// After a failure nothing more begins.
#[tokio::test(start_paused = true)]
async fn after_a_failure_no_other_begins() {
    let begun = Count::default();
    let run = |number: usize| {
        begun.add();
        async move { if number == 2 { Err("failed") } else { Ok(number) } }
    };
    assert_eq!(ends(fail_fast(0..100, ONE, run)).await, Err((2, "failed")));
    assert_eq!(begun.get(), 3);
    assert_eq!(
        ends(fail_fast(10..12, ONE, async |number: usize| Ok::<_, ()>(number))).await,
        Ok(vec![10, 11])
    );
}

/// The commands are taken when there is room, so their list may be long.
#[tokio::test(start_paused = true)]
async fn commands_are_taken_as_there_is_room() {
    let taken = Count::default();
    let commands = (0..10).inspect(|_| taken.add());
    let run = |_| async {
        sleep(ms(10)).await;
        taken.get()
    };
    assert_eq!(ends(collect_all(commands, TWO, run)).await[..4], [2, 3, 4, 5]);
}

/// Even if commands are done at once, other tasks run.
#[tokio::test]
async fn commands_without_a_wait_leave_others_their_turn() {
    leaves_others_their_turn(collect_all(std::iter::repeat(()), ONE, async |()| {})).await;
}

/// asyncio: an exception that is no `Exception` ends the loop. Here a panic goes on in the caller, and drops the others.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller() {
    let dropped = Count::default();
    let left = dropped.clone();
    let task = tokio::spawn(collect_all([1, 2], TWO, move |number| {
        let left = left.on_drop();
        async move {
            let _left = left;
            sleep(ms(number)).await;
            panics::<()>("in a run")
        }
    }));
    assert!(ends(task).await.unwrap_err().is_panic());
    assert_eq!(dropped.get(), 2);
}

/// Without a command there is no result.
#[tokio::test]
async fn no_command_is_no_result() {
    let none: [(); 0] = [];
    assert_eq!(collect_all(none, NonZeroUsize::MAX, async |()| {}).await, []);
}

/// Output of commands that run at once stays with its command.
#[tokio::test]
async fn each_output_stays_with_its_command() {
    let run = async |number: usize| {
        let output = run(sh(&format!("echo {number}; echo {number}")), 100).await.unwrap();
        text(output.stdout)
    };
    let outputs = soon_on_real_time(collect_all(0..20, THREE, run)).await;
    let expected: Vec<_> = (0..20).map(|number| format!("{number}\n{number}\n")).collect();
    assert_eq!(outputs, expected);
}

/// All runs are one task, and a run that uses up its turns leaves the others theirs. asyncio: each is a task of its own.
#[tokio::test]
async fn a_busy_run_does_not_hold_up_the_others() {
    let run = async |number: u64| {
        if number == 0 {
            return busy().await;
        }
        sleep(ms(number)).await;
        Err("failed")
    };
    let both = fail_fast::<_, _, _, (), _>([0, 1], TWO, run);
    assert_eq!(soon_on_real_time(both).await, Err((1, "failed")));
}
