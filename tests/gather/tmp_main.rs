#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a lesson that cannot go on has failed"
)]
mod first_completed;
mod pairs;
pub mod support {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;
    pub const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
    #[derive(Clone, Default)]
    pub struct Count(Arc<AtomicUsize>);

    impl Count {
        pub fn add(&self) {
            self.0.fetch_add(1, SeqCst);
        }

        pub fn get(&self) -> usize {
            self.0.load(SeqCst)
        }

        /// Counts when the returned value is dropped.
        pub fn on_drop(&self) -> impl Drop + Send + use<> {
            struct OnDrop(Count);
            impl Drop for OnDrop {
                fn drop(&mut self) {
                    self.0.add();
                }
            }
            OnDrop(self.clone())
        }
    }
}
