use subprocesses::pipeline::Pipeline;
use tokio::process::Command;

use crate::real_time::soon_on_real_time;
use crate::tools::drop_at;
use crate::work::{Witness, sh};

/// A `wait` that is dropped anywhere can be called again, and has all statuses.
#[tokio::test]
async fn dropped_anywhere_the_statuses_are_there() {
    for suspensions in 0.. {
        assert!(suspensions < 1_000, "it has no end");
        let witness = Witness::new().await;
        let commands = [witness.sh("sleep 600 & exit 3"), sh("exit 4"), Command::new("true")];
        let mut pipeline = Pipeline::spawn(commands).unwrap();
        let statuses = drop_at(pipeline.wait(), suspensions).await;
        let again = soon_on_real_time(pipeline.wait()).await.unwrap();
        assert_eq!(again.iter().map(|status| status.code()).collect::<Vec<_>>(), [Some(3), Some(4), Some(0)]);
        assert_eq!(witness.rest().await, "");
        if statuses.is_some() {
            break;
        }
    }
}
