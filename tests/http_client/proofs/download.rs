//! Proofs of the pattern `download`.

use cancel_sweep::Outcome;
use futures::StreamExt;
use http_client::download::download;
use tokio::time::sleep;

use crate::work::download::chunks;
use crate::work::{files, seconds};

/// asyncio: cancelling a loop over `iter_chunked` leaves half a file. Here, cancelled at any point, the folder holds the
/// whole file or nothing.
#[test]
fn cancelled_anywhere_it_leaves_the_whole_file_or_nothing() {
    cancel_sweep::sweep_with(
        || {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("page");
            let slow = chunks(vec![Ok("one, "), Ok("two")]).then(|chunk| async {
                sleep(seconds(1)).await;
                chunk
            });
            (folder, async move { download(slow, &file, 100).await.unwrap() })
        },
        |folder, outcome| {
            let found = files(folder.path());
            match outcome {
                Outcome::Finished(written) => assert_eq!((written, found), (8, vec!["page".to_owned()])),
                // The last step, the rename, completes even after the drop.
                Outcome::Cancelled(_) if found == ["page"] => {
                    assert_eq!(std::fs::read_to_string(folder.path().join("page")).unwrap(), "one, two");
                }
                Outcome::Cancelled(_) => assert_eq!(found, [""; 0]),
            }
        },
    );
}
