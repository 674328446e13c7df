//! Every public function that takes a number or a time, at the ends of its arguments.

use std::num::NonZeroUsize;
use std::time::Duration;

use executors::blocking::Blocking;
use executors::thread_pool::{Queued, ThreadPool};
use executors::threads::Threads;

use crate::real_time::soon_on_real_time;
use crate::support::{ONE, TIMES};

/// The least and the greatest number that is not zero.
const ENDS: [NonZeroUsize; 2] = [ONE, NonZeroUsize::MAX];

/// Two calls run one after the other, or at the same time.
#[tokio::test]
async fn of_a_limit_of_blocking_calls() {
    for limit in ENDS {
        let calls = Blocking::at_most(limit);
        let two = soon_on_real_time(async { tokio::join!(calls.run(|| 1), calls.run(|| 2)) }).await;
        assert_eq!((two.0.unwrap(), two.1.unwrap()), (1, 2), "{limit}");
    }
}

/// Threads are started as they are needed, so the greatest limit works.
#[tokio::test]
async fn of_a_number_of_threads() {
    for threads in ENDS {
        for pool in [
            ThreadPool::new(threads, "ends"),
            ThreadPool::with_initializer(threads, "ends", || Ok::<_, String>(())),
        ] {
            let two = [1, 2].map(|number| pool.submit(move || number).unwrap());
            assert_eq!(soon_on_real_time(futures::future::try_join_all(two)).await.unwrap(), [1, 2]);
            soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        }
    }
}

/// The blocking threads of a second runtime are started as they are needed, too.
#[tokio::test]
async fn of_a_number_of_threads_of_a_second_runtime() {
    for limit in ENDS {
        let threads = Threads::new(limit, "ends").unwrap();
        let two = [1, 2].map(|number| threads.submit(move || number));
        assert_eq!(soon_on_real_time(futures::future::try_join_all(two)).await.unwrap(), [1, 2]);
        soon_on_real_time(threads.finish()).await;
    }
}

/// Each setting is tried alone, with the others at their defaults. A worker that has no time to start is too late.
#[cfg(unix)]
#[tokio::test]
async fn of_the_settings_of_a_process_pool() {
    use executors::process_pool::{OnCrash, Options};

    use crate::work::process_pool::{Job, Pool, exists, worker};

    let of_times = TIMES.into_iter().flat_map(|time| {
        [
            (time == Duration::MAX, Options { time_limit: Some(time), ..Options::default() }),
            (time == Duration::MAX, Options { start_limit: time, ..Options::default() }),
            (true, Options { end_limit: time, ..Options::default() }),
        ]
    });
    let of_numbers = ENDS.into_iter().flat_map(|limit| {
        [
            (true, Options { max_workers: limit, ..Options::default() }),
            (true, Options { max_jobs_per_worker: Some(limit), ..Options::default() }),
            (true, Options { on_crash: OnCrash::FailJob { limit }, ..Options::default() }),
        ]
    });
    for (must_work, options) in of_times.chain(of_numbers) {
        let pool = Pool::new(worker("a worker"), options.clone()).unwrap();
        for _ in 0..2 {
            match soon_on_real_time(pool.run(Job::Add(40, 2))).await {
                Ok(result) => assert_eq!(result[0], 42, "{options:?}"),
                Err(error) => assert!(!must_work, "{options:?}: {error}"),
            }
        }
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await;
        soon_on_real_time(pool.shutdown(executors::process_pool::Queued::Finish)).await;
        assert!(process.is_err() || !exists(&process.unwrap()), "{options:?}");
    }
}
