//! Each pattern inside a spawned task.

use crate::real_time::soon_on_real_time;
use crate::support::ONE;

/// A caller may itself be a task of a runtime with many threads: each pattern's future is `Send`.
#[tokio::test]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let calls = executors::blocking::Blocking::at_most(ONE);
        assert_eq!(calls.run(|| 1).await.unwrap(), 1);

        let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
        assert_eq!(pool.submit(|| 2).unwrap().await, Ok(2));
        pool.shutdown(executors::thread_pool::Queued::Finish).await.unwrap();

        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(executors::cpu::compute(&pool, |_| 3).await, Ok(3));

        #[cfg(unix)]
        {
            use executors::process_pool::{Options, ProcessPool, Queued};
            let command = tokio::process::Command::new("true");
            let pool = ProcessPool::<u8, u8>::new(command, Options::default()).unwrap();
            assert!(pool.run(4).await.is_err());
            pool.shutdown(Queued::Cancel).await;
        }
    });
    soon_on_real_time(all).await.unwrap();
}
