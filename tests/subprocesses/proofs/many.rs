use cancel_sweep::{Outcome, sweep_with};
use subprocesses::many::{collect_all, fail_fast};
use subprocesses::run::run;
use tokio::process::Command;
use tokio::time::sleep;

use crate::real_time::soon_on_real_time;
use crate::support::{Count, TWO, limit, ms};

/// Dropped anywhere, each run that has begun is dropped, and no other begins.
#[test]
fn dropped_anywhere_no_run_is_left() {
    for fails in [false, true] {
        let swept = sweep_with(
            || {
                let (begun, ended) = (Count::default(), Count::default());
                let counts = (begun.clone(), ended.clone());
                let run = move |time: u64| {
                    begun.add();
                    let left = ended.on_drop();
                    async move {
                        let _left = left;
                        sleep(ms(time)).await;
                        if fails && time == 20 { Err(time) } else { Ok(time) }
                    }
                };
                (counts, async move {
                    let times = [30, 10, 20, 40];
                    match fails {
                        true => fail_fast(times, TWO, run).await.map_err(|(at, _)| at),
                        false => Ok(collect_all(times, TWO, run).await.into_iter().flatten().collect()),
                    }
                })
            },
            |(begun, ended), outcome| {
                assert_eq!(begun.get(), ended.get());
                if let Outcome::Finished(results) = outcome {
                    assert_eq!(results, if fails { Err(2) } else { Ok(vec![30, 10, 20, 40]) });
                }
            },
        );
        assert!(swept.points > 2, "{swept:?}");
    }
}

/// Three hundred programs, thirty at a time: each result is there.
#[tokio::test]
async fn many_programs_have_their_results() {
    let run = |number: usize| async move {
        let mut command = Command::new("printf");
        command.arg(number.to_string());
        run(command, 100).await.unwrap().stdout
    };
    let outputs = soon_on_real_time(collect_all(0..300, limit(30), run)).await;
    assert!(outputs.iter().enumerate().all(|(number, output)| *output == number.to_string().into_bytes()));
}
