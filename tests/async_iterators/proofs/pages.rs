//! Proofs of the pattern `pages`.

use async_iterators::pages::{items, pages};
use async_iterators::prefetch::prefetch;

use crate::support::{Log, limit};
use crate::tools::sweep_loop;
use crate::work::pages::fetch;

/// The fetch in flight belongs to the stream: a dropped `next` neither loses nor repeats a page.
#[test]
fn a_cancelled_next_loses_no_item() {
    let all = [10, 11, 20, 21, 30, 31].map(Ok);
    sweep_loop(|| items(pages(1, |page| fetch(page, 0, Log::default()))), &all);
    sweep_loop(|| items(prefetch(pages(1, |page| fetch(page, 0, Log::default())), limit(1))), &all);
}
