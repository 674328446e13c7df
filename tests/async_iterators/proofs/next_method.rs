//! Proofs of the pattern `next_method`.

use std::sync::Arc;

use async_iterators::next_method::Paragraphs;
use futures::FutureExt;

use crate::work::next_method::{lines, slowly};

/// `next_line` keeps half a line, and `self` keeps half a paragraph: a drop loses neither.
#[test]
fn a_cancelled_next_loses_no_line() {
    let swept = cancel_sweep::sweep_with(
        || {
            let paragraphs = Paragraphs::new(slowly(&["a\n", "b\n", "\nc\n"]));
            let paragraphs = Arc::new(tokio::sync::Mutex::new(paragraphs));
            let reader = paragraphs.clone();
            (paragraphs, async move { reader.lock().await.next().await.unwrap() })
        },
        |paragraphs, outcome| {
            let mut paragraphs = paragraphs.try_lock().expect("the cancelled reader has let go");
            let mut rest = std::iter::from_fn(|| {
                paragraphs.next().now_or_never().expect("the writer has written all").unwrap()
            });
            if let cancel_sweep::Outcome::Finished(first) = outcome {
                assert_eq!(first, Some(lines(&["a", "b"])));
            } else {
                assert_eq!(rest.next(), Some(lines(&["a", "b"])));
            }
            assert_eq!(rest.next(), Some(lines(&["c"])));
            assert_eq!(rest.next(), None);
        },
    );
    assert!(swept.points >= 3);
}
