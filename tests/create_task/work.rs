//! What the lessons of this recipe share.

use tokio::time::sleep;

use crate::support::ms;

/// Takes `millis`, and then ends as `name` says.
pub async fn load((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        "bad" => Err(format!("{name} after {millis}")),
        _ => Ok(name),
    }
}

/// What the lessons and the proofs of `owner` share.
pub mod owner {
    use tokio::time::sleep;

    use crate::support::{Entries, ms};

    /// Works for 100 ms, and logs how far it came.
    pub async fn work(log: Entries<&'static str>) {
        let _guard = log.on_drop("dropped");
        sleep(ms(100)).await;
        log.add("finished");
    }
}

/// What the lessons and the proofs of `context` share.
pub mod context {

    use crate::support::Entries;

    tokio::task_local! {
        pub static REQUEST: &'static str;
        pub static SHARED: Entries<&'static str>;
    }

    pub fn request() -> Option<&'static str> {
        REQUEST.try_get().ok()
    }
}

/// What the lessons and the proofs of `done_callback` share.
pub mod done_callback {
    use tokio::task::JoinError;

    use crate::support::Entries;

    pub type Outcome = Result<Result<&'static str, String>, JoinError>;

    pub fn describe(outcome: &Outcome) -> &'static str {
        match outcome {
            Ok(Ok(_)) => "value",
            Ok(Err(_)) => "error",
            Err(error) if error.is_panic() => "panic",
            Err(_) => "cancelled",
        }
    }

    /// A callback that logs how the task ended.
    pub fn tells(log: &Entries<&'static str>) -> impl FnOnce(&Outcome) + Send + 'static {
        let log = log.clone();
        move |outcome| log.add(describe(outcome))
    }
}
