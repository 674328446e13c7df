//! What the forms of `recipes/async_iterators` cost an item that is ready at once, and what a million items keep in
//! memory.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use anyhow::ensure;
use async_iterators::closable::{Closable, closable};
use async_iterators::consume::{in_order, out_of_order};
use async_iterators::pages::{Page, items, pages};
use async_iterators::prefetch::prefetch;
use async_iterators::two_way::two_way;
use bench::{asyncio, measure, print_ratios};
use futures::{Stream, StreamExt, stream};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

const ITEMS: usize = 100_000;
const ROUNDS: usize = 21;
const MILLION: usize = 1_000_000;
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();

/// The numbers up to `ITEMS`, by hand.
struct Numbers(usize);

impl Stream for Numbers {
    type Item = usize;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.0 += 1;
        Poll::Ready((self.0 <= ITEMS).then_some(self.0 - 1))
    }
}

fn generator() -> impl Stream<Item = usize> {
    async_stream::stream! {
        for number in 0..ITEMS {
            yield number;
        }
    }
}

fn unfold() -> impl Stream<Item = usize> {
    stream::unfold(0, async |number| (number < ITEMS).then_some((number, number + 1)))
}

fn page_source() -> impl Stream<Item = Result<Vec<usize>, Infallible>> + Send {
    pages(0, async |page: usize| {
        let items = (100 * page..100 * (page + 1)).collect();
        Ok(Page { items, next: Some(page + 1).filter(|next| next * 100 < ITEMS) })
    })
}

fn closable_numbers() -> Closable<usize, Infallible> {
    closable(
        &TaskTracker::new(),
        (),
        |(), out| {
            Box::pin(async move {
                for number in 0..ITEMS {
                    out.give(number).await;
                }
                Ok(())
            })
        },
        async |()| Ok(()),
    )
}

async fn sum(numbers: impl Stream<Item = usize>) {
    let mut numbers = pin!(numbers);
    let mut sum = 0;
    while let Some(number) = numbers.next().await {
        sum += number;
    }
    assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
}

fn ok<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

async fn try_item<T>(item: T) -> Result<T, Infallible> {
    Ok(item)
}

fn main() -> anyhow::Result<()> {
    // One thread on each side: the comparison is of overhead, not of cores.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let run = |name: &str, work: &dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>| {
        measure(name, ITEMS, ROUNDS, || runtime.block_on(async { work().await }))
    };
    let mut rows = vec![
        run("a generator (stream!)", &|| Box::pin(sum(generator()))),
        run("by hand", &|| Box::pin(sum(Numbers(0)))),
        run("unfold", &|| Box::pin(sum(unfold()))),
        run("pages of 100", &|| Box::pin(sum(items(page_source()).map(ok)))),
        run("pages of 100, prefetch of one page", &|| {
            Box::pin(sum(items(prefetch(page_source(), NonZeroUsize::MIN)).map(ok)))
        }),
        run("prefetch, 100 ahead", &|| Box::pin(sum(prefetch(Numbers(0), HUNDRED)))),
        run("prefetch, 1 ahead", &|| Box::pin(sum(prefetch(Numbers(0), NonZeroUsize::MIN)))),
        run("closable", &|| Box::pin(sum(closable_numbers().map(ok)))),
        run("two_way", &|| {
            Box::pin(async {
                let mut echo = two_way(async |mut number: usize, mut caller| {
                    loop {
                        number = caller.give(number).await;
                    }
                });
                let mut sum = 0;
                for number in 0..ITEMS {
                    sum += echo.send(number).await.unwrap_or_default();
                }
                assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
            })
        }),
        run("out_of_order, limit 100", &|| {
            Box::pin(sum(out_of_order(Numbers(0), HUNDRED, try_item).map(ok)))
        }),
        run("in_order, limit 100", &|| Box::pin(sum(in_order(Numbers(0), HUNDRED, try_item).map(ok)))),
        run("buffered(100), on one task", &|| {
            Box::pin(sum(Numbers(0).map(try_item).buffered(HUNDRED.get()).map(ok)))
        }),
    ];
    rows.extend(asyncio("async_iterators.py", &[ITEMS, ROUNDS / 3])?);
    print_ratios("async_iterators", &rows);
    runtime.block_on(a_million())
}

/// How many items are alive, and were at most.
#[derive(Clone, Default)]
struct Alive(Arc<(AtomicUsize, AtomicUsize)>);

struct Item(Alive);

impl Alive {
    fn item(&self) -> Item {
        let now = self.0.0.fetch_add(1, Relaxed) + 1;
        self.0.1.fetch_max(now, Relaxed);
        Item(self.clone())
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Relaxed);
    }
}

/// Sends a million items through each form that holds some, and prints how many were in memory at most.
async fn a_million() -> anyhow::Result<()> {
    async fn through<S: Stream>(
        name: &str,
        limit: usize,
        form: impl FnOnce(Alive) -> S,
    ) -> anyhow::Result<()> {
        let alive = Alive::default();
        let mut items = pin!(form(alive.clone()));
        let mut count = 0;
        while let Some(_item) = items.next().await {
            count += 1;
            if count % 64 == 0 {
                yield_now().await;
            }
        }
        let most = alive.0.1.load(Relaxed);
        ensure!(count == MILLION && most <= limit, "{name}: {count} items, {most} in memory");
        println!("{most:8}  items in memory at most, of a million through {name}");
        Ok(())
    }
    let source = |alive: Alive| stream::iter(0..MILLION).map(move |_| alive.item());
    through("prefetch, 100 ahead", 101, |alive| prefetch(source(alive), HUNDRED)).await?;
    through("out_of_order, limit 100", 100, |alive| out_of_order(source(alive), HUNDRED, try_item)).await?;
    through("in_order, limit 100", 100, |alive| in_order(source(alive), HUNDRED, try_item)).await?;
    through("closable", 1, |alive| {
        closable(
            &TaskTracker::new(),
            (),
            move |(), out| {
                Box::pin(async move {
                    for _ in 0..MILLION {
                        out.give(alive.item()).await;
                    }
                    Ok::<_, Infallible>(())
                })
            },
            async |()| Ok(()),
        )
    })
    .await?;
    through("two_way", 1, |alive| {
        let echo = two_way(async |mut item: Item, mut caller| {
            loop {
                item = caller.give(item).await;
            }
        });
        stream::unfold((echo, 0), move |(mut echo, count)| {
            let item = (count < MILLION).then(|| alive.item());
            async move { Some((echo.send(item?).await?, (echo, count + 1))) }
        })
    })
    .await
}
