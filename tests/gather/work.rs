//! What the lessons of this recipe share.

use tokio::time::sleep;

use crate::support::ms;

/// Takes `millis` and gives back `name`.
pub async fn load((name, millis): (&'static str, u64)) -> &'static str {
    sleep(ms(millis)).await;
    name
}

/// Takes `millis`; fails if the name says so.
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
    use gather::wait::{NothingToWaitFor, Task, Waited};

    use crate::work::try_load;

    pub fn spawn<const N: usize>(
        inputs: [(&'static str, u64); N],
    ) -> [Task<Result<&'static str, String>>; N] {
        inputs.map(|input| Task::from(tokio::spawn(try_load(input))))
    }

    pub fn waited(
        done: impl Into<Vec<usize>>,
        pending: impl Into<Vec<usize>>,
    ) -> Result<Waited, NothingToWaitFor> {
        Ok(Waited { done: done.into(), pending: pending.into() })
    }
}
