//! What the lessons of this recipe share.

use std::time::Duration;

use tokio::runtime::Builder;

pub const HOUR: Duration = Duration::from_secs(60 * 60);

pub const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Returns the builder of a runtime of one thread, on virtual time.
pub fn paused() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    builder
}

pub fn many_threads() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4).enable_all();
    builder
}

/// Returns the text of a panic.
pub fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned()
}

/// What the lessons and the proofs of `callbacks` share.
pub mod callbacks {

    use crate::support::Entries;

    pub fn adds<T: Send + 'static>(log: &Entries<T>, entry: T) -> impl FnOnce() + Send + use<T> {
        let log = log.clone();
        move || log.add(entry)
    }
}

/// What the lessons and the proofs of `not_send` share.
pub mod not_send {
    use std::collections::BTreeMap;
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn load((text, millis): (&'static str, u64)) -> String {
        sleep(ms(millis)).await;
        match text {
            "panics" => panic!("{text} after {millis}"),
            _ => text.to_owned(),
        }
    }

    pub fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
        expected.map(|(word, count)| (word.to_owned(), count)).into()
    }
}
