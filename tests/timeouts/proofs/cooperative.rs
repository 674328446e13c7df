//! Proofs of the pattern `cooperative`.

use std::future::ready;
use std::sync::{Arc, Mutex};

use timeouts::cooperative::work_until_cancelled;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, ms};
use crate::work::cooperative::jobs;

/// Dropped anywhere, at most the job of the step under way is lost.
#[test]
fn a_drop_loses_the_job_under_way_and_no_other() {
    let swept = cancel_sweep::sweep_with(
        || {
            let jobs = Arc::new(tokio::sync::Mutex::new(jobs(3)));
            let (done, worker) = (Count::default(), jobs.clone());
            let finished = done.clone();
            ((jobs, done), async move {
                let step = async |_job| {
                    sleep(ms(10)).await;
                    finished.add();
                    Ok::<_, ()>(())
                };
                let stop = CancellationToken::new();
                work_until_cancelled(&stop, &mut *worker.lock().await, step, |_| ready(Ok(()))).await
            })
        },
        |(jobs, done), outcome| {
            let left = jobs.try_lock().unwrap().len();
            let under_way = match outcome {
                cancel_sweep::Outcome::Cancelled(at) => usize::from(at.suspension > 0),
                cancel_sweep::Outcome::Finished(_) => 0,
            };
            assert_eq!(done.get() + under_way + left, 3);
        },
    );
    assert_eq!(swept.points, 3);
}

/// Four producers and a request at any moment: each job is done once or still in the channel.
#[test]
fn on_many_threads_no_job_is_lost_or_done_twice() {
    on_many_threads(200, async |mut rng| {
        let (sender, mut jobs) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let mut producers = JoinSet::new();
        for producer in 0..4 {
            let (sender, mut rng) = (sender.clone(), rng.fork());
            producers.spawn(async move {
                for number in 0..8 {
                    sender.send(producer * 8 + number).await.unwrap();
                    some_turns(&mut rng, 4).await;
                }
            });
        }
        drop(sender);
        let (telling, mut turns) = (stop.clone(), rng.fork());
        let telling = tokio::spawn(async move {
            for _ in 0..turns.u8(0..20) {
                yield_now().await;
            }
            telling.cancel();
        });
        let worker = tokio::spawn(async move {
            let done = Mutex::new(Vec::new());
            let journals = Count::default();
            let seeds = Mutex::new(rng);
            let step = async |job: usize| {
                let mut rng = seeds.lock().unwrap().fork();
                some_turns(&mut rng, 4).await;
                done.lock().unwrap().push(job);
                Ok::<_, ()>(())
            };
            let clean_up = async |_done| {
                journals.add();
                Ok(())
            };
            let report = work_until_cancelled(&stop, &mut jobs, step, clean_up).await.unwrap();
            (report, jobs, done.into_inner().unwrap(), journals.get())
        });
        let (report, mut jobs, mut seen, journals) = worker.await.unwrap();
        assert_eq!((report.done, journals), (seen.len(), 1));
        while let Some(job) = jobs.recv().await {
            seen.push(job);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..32).collect::<Vec<_>>());
        telling.await.unwrap();
        while let Some(joined) = producers.join_next().await {
            joined.unwrap();
        }
    });
}
