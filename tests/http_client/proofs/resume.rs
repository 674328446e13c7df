//! Proofs of the pattern `resume`.

use cancel_sweep::Outcome;
use http_client::resume::Part;

use crate::work::{files, slow_response};

/// Cancelled anywhere, the name holds the old file or the whole new one, and a part is the beginning of the new one.
#[test]
fn cancelled_anywhere_the_name_holds_a_whole_file() {
    cancel_sweep::sweep_with(
        || {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("page");
            std::fs::write(&file, "old").unwrap();
            let work = async move {
                let (_held, response) = slow_response(200, "text/plain", ["one, ", "two"]);
                Part::of(&file).await.unwrap().complete(response, 100).await.unwrap()
            };
            (folder, work)
        },
        |folder, outcome| {
            let content = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
            match outcome {
                Outcome::Finished(written) => {
                    assert_eq!((written, files(folder.path())), (8, vec!["page".to_owned()]));
                    assert_eq!(content("page"), "one, two");
                }
                Outcome::Cancelled(_) => {
                    assert!(["old", "one, two"].contains(&content("page").as_str()));
                    for name in files(folder.path()).iter().filter(|name| *name != "page") {
                        assert!("one, two".starts_with(&content(name)), "{name}");
                    }
                }
            }
        },
    );
}
