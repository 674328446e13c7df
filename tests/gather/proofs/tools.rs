//! What the proofs of this recipe share.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::work::try_load;

/// Cancels the loads of three pages at every suspension. Each time it checks that all permits are back, so no load is
/// left behind. Returns the number of suspensions.
pub fn sweep_three_loads(all: impl AsyncFn(Permits)) -> usize {
    let all = &all;
    let swept = cancel_sweep::sweep_with(
        || {
            let permits = Permits(Arc::new(Semaphore::new(3)));
            (permits.clone(), async move { all(permits).await })
        },
        |permits, _| assert_eq!(permits.0.available_permits(), 3),
    );
    swept.points
}

/// Each load holds one of these permits.
#[derive(Clone)]
pub struct Permits(pub Arc<Semaphore>);

impl Permits {
    /// Returns a function that loads a page and holds a permit meanwhile. It also works on a task of its own.
    pub fn loader(
        &self,
    ) -> impl Fn((&'static str, u64)) -> BoxFuture<'static, Result<&'static str, String>> + use<> {
        let permits = self.0.clone();
        move |input| {
            let permits = permits.clone();
            async move {
                let _permit = permits.acquire().await.unwrap();
                try_load(input).await
            }
            .boxed()
        }
    }
}
