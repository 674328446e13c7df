//! Every public function that takes a number or a time, at the ends of its arguments.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{Count, ends, ms};
use crate::work::task_group::{Fault, task_group_under};

#[tokio::test(start_paused = true)]
async fn of_a_childs_grace() {
    for grace in [Duration::ZERO, ms(1), Duration::MAX] {
        let (token, cleaned_up) = (CancellationToken::new(), Count::default());
        let counts = cleaned_up.clone();
        let outcome = task_group_under(&token, async |group| {
            group.spawn_with_grace(grace, |stop| async move {
                stop.cancelled().await;
                sleep(ms(10)).await;
                counts.add();
                Ok::<(), Fault>(())
            });
            sleep(ms(1)).await;
            token.cancel();
            Ok(())
        });
        assert_eq!(ends(outcome).await, Ok(None));
        assert_eq!(cleaned_up.get(), usize::from(grace == Duration::MAX), "{grace:?}");
    }
}
