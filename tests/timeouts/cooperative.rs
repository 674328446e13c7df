//! Lessons of the pattern `cooperative`.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use futures::FutureExt;
use timeouts::cooperative::{Report, StoppedAfter, checksum, work_until_cancelled};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{Count, Log, ends, ms, panics};
use crate::work::cooperative::{jobs, step};
use crate::work::poll_once;

/// A clean-up of 30 ms.
async fn journal(log: &Log, done: usize) -> Result<(), String> {
    sleep(ms(30)).await;
    log.at(format_args!("journal of {done}"));
    Ok(())
}

async fn work(
    stop: &CancellationToken,
    jobs: &mut mpsc::Receiver<usize>,
    log: &Log,
) -> Result<Report, String> {
    work_until_cancelled(stop, jobs, |job| step(log, job), |done| journal(log, done)).await
}

async fn told_after(millis: u64, stop: &CancellationToken) {
    sleep(ms(millis)).await;
    stop.cancel();
}

/// asyncio: a loop that looks at an `Event`, or catches `CancelledError`, ends where it wants to.
#[tokio::test(start_paused = true)]
async fn the_step_under_way_is_finished_then_it_cleans_up_and_reports() {
    let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
    let working = work(&stop, &mut jobs, &log);
    let (report, ()) = tokio::join!(working, told_after(120, &stop));
    assert_eq!(report, Ok(Report { done: 2, was_cancelled: true }));
    log.at("reported");
    assert_eq!(
        log.take(),
        [
            " 50 half of 0",
            "100 all of 0",
            "150 half of 1",
            "200 all of 1",
            "230 journal of 2",
            "230 reported"
        ]
    );
    assert_eq!(jobs.try_recv(), Ok(2), "the others are still in the channel");
    assert_eq!(jobs.len(), 2);
}

/// The hazard: dropped, it leaves half a step behind, and no journal. So does a step that races with the token.
#[tokio::test(start_paused = true)]
async fn but_a_dropped_loop_leaves_half_a_step_and_no_journal() {
    let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
    let working = work(&stop, &mut jobs, &log);
    assert!(timeout(ms(70), working).await.is_err());
    sleep(ms(1_000)).await;
    assert_eq!(log.take(), [" 50 half of 0"]);

    let (raced, ()) = tokio::join!(stop.run_until_cancelled(step(&log, 1)), told_after(70, &stop));
    assert_eq!((raced, log.take().len()), (None, 1), "half of it");
}

/// asyncio: a task cancelled before its first step skips its `finally` too. Here: the clean-up runs.
#[tokio::test(start_paused = true)]
async fn told_before_it_begins_it_does_nothing_and_cleans_up() {
    let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(5));
    stop.cancel();
    let working = work(&stop, &mut jobs, &log);
    assert_eq!(working.await, Ok(Report { done: 0, was_cancelled: true }));
    assert_eq!((log.take(), jobs.len()), (vec![" 30 journal of 0".to_owned()], 5));
}

/// asyncio: a loop that only reads a flag sees it after the next job. Here: the token ends the wait too.
#[tokio::test(start_paused = true)]
async fn told_while_it_waits_for_a_job_it_ends_at_once() {
    let (log, stop, (_sender, mut jobs)) = (Log::default(), CancellationToken::new(), mpsc::channel(1));
    let working = work(&stop, &mut jobs, &log);
    let (report, ()) = ends(async { tokio::join!(working, told_after(70, &stop)) }).await;
    assert_eq!(report, Ok(Report { done: 0, was_cancelled: true }));
    assert_eq!(log.take(), ["100 journal of 0"]);
}

/// It waits for a job; a job and the request come in one instant.
#[tokio::test(start_paused = true)]
async fn a_job_that_comes_in_the_instant_of_the_request_stays_in_the_channel() {
    let (log, stop, (sender, mut jobs)) = (Log::default(), CancellationToken::new(), mpsc::channel(1));
    let both_at_once = async {
        sleep(ms(70)).await;
        sender.try_send(1).unwrap();
        stop.cancel();
    };
    let working = work(&stop, &mut jobs, &log);
    let (report, ()) = ends(async { tokio::join!(working, both_at_once) }).await;
    assert_eq!((report, jobs.len()), (Ok(Report { done: 0, was_cancelled: true }), 1));
}

/// The report tells two ends apart: out of jobs, or asked to stop.
#[tokio::test(start_paused = true)]
async fn without_more_jobs_it_ends_by_itself() {
    let (log, stop, mut two, mut none) = (Log::default(), CancellationToken::new(), jobs(2), jobs(0));
    let working = work(&stop, &mut two, &log);
    assert_eq!(working.await, Ok(Report { done: 2, was_cancelled: false }));
    let working = work(&stop, &mut none, &log);
    assert_eq!(working.await, Ok(Report { done: 0, was_cancelled: false }));
    assert_eq!(log.take().last().unwrap(), "260 journal of 0");
}

/// asyncio: a `finally` runs after an exception too.
#[tokio::test(start_paused = true)]
async fn after_an_error_it_cleans_up_and_the_first_error_is_returned() {
    let (log, stop) = (Log::default(), CancellationToken::new());
    let failing = async |_done| Err("disk full".to_owned());
    let (sender, mut jobs) = mpsc::channel(3);
    for job in [1, 13, 3] {
        sender.try_send(job).unwrap();
    }
    assert_eq!(work(&stop, &mut jobs, &log).await, Err("bad luck".to_owned()));
    assert_eq!((log.take().last().unwrap().as_str(), jobs.len()), ("230 journal of 1", 1));

    let clean_up_fails = work_until_cancelled(&stop, &mut jobs, |job| step(&log, job), failing);
    drop(sender);
    assert_eq!(clean_up_fails.await, Err("disk full".to_owned()));
    let mut jobs = super::cooperative::jobs(1);
    let both_fail = work_until_cancelled(&stop, &mut jobs, |_| step(&log, 13), failing);
    assert_eq!(both_fail.await, Err("bad luck".to_owned()));
}

/// A step that brings the request itself, say by its peer, is the last.
#[tokio::test]
async fn no_step_begins_after_the_request() {
    let (stop, begun) = (CancellationToken::new(), Count::default());
    let step = async |job| {
        begun.add();
        if job == 41 {
            stop.cancel();
        }
        Ok::<_, ()>(())
    };
    let report = work_until_cancelled(&stop, &mut jobs(100), step, |_| ready(Ok(()))).await;
    assert_eq!((report, begun.get()), (Ok(Report { done: 42, was_cancelled: true }), 42));
}

/// Jobs that are always there and steps that never wait: the loop yields all the same, so the request arrives.
#[tokio::test]
async fn a_busy_loop_makes_way_for_the_one_who_tells_it() {
    let (stop, mut many) = (CancellationToken::new(), jobs(100_000));
    let telling = tokio::spawn({
        let stop = stop.clone();
        async move { stop.cancel() }
    });
    let report = work_until_cancelled(&stop, &mut many, |_| ready(Ok::<_, ()>(())), |_| ready(Ok(())));
    let report = report.await.unwrap();
    assert!(report.was_cancelled && report.done < 1_000, "{report:?}");
    assert_eq!(report.done + many.len(), 100_000);
    telling.await.unwrap();
}

/// The loop yields now and then so that others run: each job is still done once.
#[tokio::test]
async fn a_hundred_thousand_jobs_are_done() {
    let (stop, mut many) = (CancellationToken::new(), jobs(100_000));
    let report = work_until_cancelled(&stop, &mut many, |_| ready(Ok::<_, ()>(())), |_| ready(Ok(())));
    assert_eq!(report.await, Ok(Report { done: 100_000, was_cancelled: false }));
}

/// A panic in a step is no answer: the clean-up is skipped. Where it must run, see the recipe `context_managers`.
#[tokio::test]
async fn but_a_panic_in_a_step_skips_the_clean_up() {
    let (stop, mut jobs, cleaned_up) = (CancellationToken::new(), jobs(1), Count::default());
    let clean_up = async |_done| {
        cleaned_up.add();
        Ok::<_, ()>(())
    };
    let work = work_until_cancelled(&stop, &mut jobs, |_| ready(panics("a panic")), clean_up);
    assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    assert_eq!(cleaned_up.get(), 0);
}

/// The request falls into every phase of a job in turn: done and left are three together.
#[test]
fn told_anywhere_every_job_is_done_or_left_and_the_journal_is_written_once() {
    let steps = |turns: u64| async move {
        let (log, stop, mut jobs) = (Log::default(), CancellationToken::new(), jobs(3));
        let working = work(&stop, &mut jobs, &log);
        let (report, ()) = tokio::join!(working, told_after(turns * 25, &stop));
        (report.unwrap(), jobs.len(), log.take())
    };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    for turns in 0..20 {
        let (report, left, log) = runtime.block_on(steps(turns));
        assert_eq!(report.done + left, 3);
        assert_eq!(log.iter().filter(|line| line.contains("half")).count(), report.done);
        assert_eq!(log.iter().filter(|line| line.contains("journal")).count(), 1);
    }
}

/// The hazard: a guard without a name is dropped at once, and cancels at once.
#[test]
fn but_a_drop_guard_that_nobody_holds_tells_at_once() {
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    assert!(!stop.is_cancelled());
    #[expect(let_underscore_drop, reason = "the lesson")]
    let _ = guard.disarm().drop_guard();
    assert!(stop.is_cancelled());
}

/// The blocks are where the loop can stop: how the text is cut must not change its checksum.
#[tokio::test]
async fn a_checksum_is_that_of_all_blocks() {
    let stop = CancellationToken::new();
    let whole = checksum(&stop, ["one two three"].into_iter()).await;
    assert_eq!(checksum(&stop, ["one ", "", "two", " three"].into_iter()).await, whole);
    assert_ne!(checksum(&stop, ["one ", "two"].into_iter()).await, whole);
    assert_eq!(checksum(&stop, std::iter::empty::<&str>()).await, Ok(0));
    assert_eq!(checksum(&stop, ["ab"].into_iter()).await, Ok((97 << 5) ^ 98));
}

/// asyncio: a thread reads a `threading.Event` between two blocks. Here: `is_cancelled()`, at every block.
#[tokio::test]
async fn a_loop_that_computes_looks_at_the_token_between_two_blocks() {
    let stop = CancellationToken::new();
    let telling = stop.clone();
    let blocks = (0_u32..1_000)
        .inspect(move |&block| {
            if block == 7 {
                telling.cancel()
            }
        })
        .map(u32::to_be_bytes);
    assert_eq!(checksum(&stop, blocks).await, Err(StoppedAfter { blocks: 7 }));
    assert_eq!(checksum(&stop, [""].into_iter()).await, Err(StoppedAfter { blocks: 0 }), "told before");
}

/// asyncio: a thread of `to_thread` cannot be cancelled. Tokio: nor can one of `spawn_blocking`, but it can be asked.
#[tokio::test]
async fn a_dropped_checksum_ends_its_loop_and_tells_nobody_else() {
    let (stop, give_up) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
    let (block, mut blocks) = mpsc::channel(1);
    let gives_up = give_up.clone();
    let endless = std::iter::repeat_with(move || {
        let _full = block.try_send(());
        "block"
    });
    let mut sum = Box::pin(checksum(&stop, endless.take_while(move |_| !gives_up.load(SeqCst))));
    assert_eq!(poll_once(&mut sum).await, None);
    blocks.recv().await.expect("it has begun");
    drop(sum);
    // The loop has ended when the iterator is gone, and the sender with it.
    let ended = timeout(ms(5_000), async { while blocks.recv().await.is_some() {} }).await;
    give_up.store(true, SeqCst);
    ended.expect("it ends");
    assert!(!stop.is_cancelled());
}

/// asyncio: `await to_thread` raises the call's exception. Here: the thread's panic resumes in the caller.
#[tokio::test]
async fn a_panic_in_a_block_goes_on_in_the_caller() {
    let blocks = std::iter::once_with(|| panics::<&str>("a panic"));
    let sum = AssertUnwindSafe(checksum(&CancellationToken::new(), blocks)).catch_unwind().await;
    assert_eq!(sum.unwrap_err().downcast_ref(), Some(&"a panic"));
}
