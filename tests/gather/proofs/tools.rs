//! What the proofs of this recipe share.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::work::try_load;

/// Cancels the loads of three pages at every suspension, and checks each time that none of them is left behind: it has
/// given its permit back. Gives the number of suspensions.
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

/// Loads hold one of these each.
#[derive(Clone)]
pub struct Permits(pub Arc<Semaphore>);

impl Permits {
    /// What loads a page and holds a permit meanwhile. It works on a task of its own too.
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
