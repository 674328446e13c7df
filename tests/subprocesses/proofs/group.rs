use subprocesses::group::ProcessGroup;

use crate::real_time::soon_on_real_time;
use crate::support::ms;
use crate::tools::drop_at;
use crate::work::{Witness, sh};

/// A `wait`, an `end` or a `within` that is dropped anywhere can be called again, and has the same answer.
#[tokio::test]
async fn dropped_anywhere_it_can_be_called_again() {
    for suspensions in 0.. {
        assert!(suspensions < 1_000, "it has no end");
        let mut finished = 0;
        for call in ["wait", "end", "within"] {
            let mut witness = Witness::new().await;
            let script = "trap 'exit 7' TERM; echo ready >&9; while test ! -e \"$WITNESS.go\"; do sleep 0.002; done; exit 7";
            let mut group = ProcessGroup::spawn(witness.sh(script)).unwrap();
            assert_eq!(witness.line().await, "ready");
            if call == "wait" {
                std::fs::write(witness.path().with_extension("go"), "").unwrap();
            }
            let status = match call {
                "wait" => {
                    drop_at(async { group.wait().await }, suspensions).await.map(|status| status.unwrap())
                }
                "end" => drop_at(group.end(ms(10_000)), suspensions).await.map(|ended| ended.unwrap().status),
                _ => drop_at(group.within(ms(1), ms(10_000)), suspensions)
                    .await
                    .map(|ended| ended.unwrap().status),
            };
            finished += usize::from(status.is_some());
            if status.is_none() && call != "wait" {
                soon_on_real_time(group.end(ms(10_000))).await.unwrap();
            }
            let again = soon_on_real_time(group.wait()).await.unwrap();
            assert_eq!((again.code(), status.is_none_or(|status| status == again)), (Some(7), true));
            assert_eq!(witness.rest().await, "");
        }
        if finished == 3 {
            break;
        }
    }
}

/// A thousand programs leave no descriptor and no zombie.
#[tokio::test]
async fn a_thousand_leave_nothing() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut pids = Vec::new();
    soon_on_real_time(ProcessGroup::spawn(sh("exit 0")).unwrap().wait()).await.unwrap();
    let before = open();
    for _ in 0..1000 {
        let mut group = ProcessGroup::spawn(sh("exit 0")).unwrap();
        pids.extend(group.id());
        soon_on_real_time(group.wait()).await.unwrap();
    }
    // Other lessons have descriptors, too: a leak would be 1,000 of them.
    assert!(open() < before + 100, "{} and {before}", open());
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let left: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| !left.contains(pid)));
}
