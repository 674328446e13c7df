//! What the lessons of this recipe share.

use tokio::time::sleep;

use crate::support::ms;

/// Takes `millis` and returns `name`.
pub async fn load((name, millis): (&'static str, u64)) -> &'static str {
    sleep(ms(millis)).await;
    name
}

/// Takes `millis`; fails if `name` says so.
pub async fn try_load((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        _ if name.starts_with("bad") => Err(format!("{name} after {millis}")),
        _ => Ok(name),
    }
}

pub const ABC: [(&str, u64); 3] = [("a", 300), ("b", 100), ("c", 200)];

/// What the lessons and the proofs of `wait` share.
pub mod wait {
    use gather::wait::{MaybeDone, NothingToWaitFor, WaitResult};

    use crate::work::try_load;

    pub fn spawn<const N: usize>(
        inputs: [(&'static str, u64); N],
    ) -> [MaybeDone<Result<&'static str, String>>; N] {
        inputs.map(|input| MaybeDone::from(tokio::spawn(try_load(input))))
    }

    pub fn waited(
        done: impl Into<Vec<usize>>,
        pending: impl Into<Vec<usize>>,
    ) -> Result<WaitResult, NothingToWaitFor> {
        Ok(WaitResult { done: done.into(), pending: pending.into() })
    }
}

/// What the lessons and the proofs of `first_completed` share.
pub mod first_completed {
    use tokio::time::sleep;

    use crate::support::{Count, ms};

    /// Takes `millis`, and counts its end.
    pub async fn page(millis: u64, loaded: &Count) -> &'static str {
        sleep(ms(millis)).await;
        loaded.add();
        "<home>"
    }
}
