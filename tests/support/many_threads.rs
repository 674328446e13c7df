//! For lessons that drive a pattern from many threads.

use fastrand::Rng;
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::support::ms;

/// Runs `round` for each seed on a runtime of four threads. A round that hangs fails.
pub fn on_many_threads(rounds: u64, round: impl AsyncFn(Rng)) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    for seed in 0..rounds {
        let ended = runtime.block_on(async { timeout(ms(20_000), round(Rng::with_seed(seed))).await });
        assert!(ended.is_ok(), "the round with seed {seed} hangs");
    }
}

/// Yields up to `most` times: which other tasks run meanwhile is a matter of chance.
pub async fn some_turns(rng: &mut Rng, most: u8) {
    for _ in 0..rng.u8(0..=most) {
        yield_now().await;
    }
}
