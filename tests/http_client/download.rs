//! Lessons of the pattern `download`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::server::Server;
use futures::StreamExt;
use http_client::download::{DownloadError, download};

use crate::work::download::chunks;
use crate::work::{causes, client, files};

/// A complete body becomes a file of its name, and the folder holds nothing else.
#[tokio::test]
async fn a_whole_body_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    let written = download(chunks(vec![Ok("one, "), Ok("two")]), &file, 8).await.unwrap();
    assert_eq!((written, std::fs::read_to_string(&file).unwrap().as_str()), (8, "one, two"));
    assert_eq!(files(folder.path()), ["page"]);
    assert_eq!(download(chunks(vec![]), &folder.path().join("empty"), 0).await.unwrap(), 0);
    assert_eq!(files(folder.path()), ["empty", "page"]);
}

/// The naive port writes to the final name; when the connection breaks, a part stays there.
#[tokio::test]
async fn a_body_that_breaks_off_has_no_name() {
    let server = Server::start().await.unwrap();
    for path in ["/cut", "/cut/chunked"] {
        let folder = tempfile::tempdir().unwrap();
        let response = client().get(server.url(path)).send().await.unwrap();
        let error = download(response.bytes_stream(), &folder.path().join("page"), 1000).await.unwrap_err();
        assert!(matches!(error, DownloadError::Body(_)), "{error}");
        assert_eq!(files(folder.path()), [""; 0]);
    }
}

/// A body without an end stops at the limit. A body of exactly the limit is accepted.
#[tokio::test]
async fn a_body_beyond_the_limit_has_no_name() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let response = client().get(server.url("/endless")).send().await.unwrap();
    let error = download(response.bytes_stream(), &folder.path().join("page"), 100_000).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLong(100_000)));
    assert_eq!(files(folder.path()), [""; 0]);
    let response = client().get(server.url("/bytes/100000")).send().await.unwrap();
    let written = download(response.bytes_stream(), &folder.path().join("page"), 100_000).await.unwrap();
    assert_eq!(written, 100_000);
}

/// A newer version replaces the older one in one step, or not at all.
#[tokio::test]
async fn an_older_file_stays_until_the_new_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    std::fs::write(&file, "old").unwrap();
    download(chunks(vec![Ok("half"), Err("cut")]), &file, 100).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    download(chunks(vec![Ok("new")]), &file, 100).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
}

/// The folder is checked first: if it cannot be written, no byte is read from the stream.
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_before_the_first_byte() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let counted = chunks(vec![Ok("one")]).inspect(move |_| {
        counter.fetch_add(1, SeqCst);
    });
    let error = download(counted, Path::new("/dev/null/page"), 100).await.unwrap_err();
    assert!(matches!(error, DownloadError::Disk(_)));
    assert!(causes(&error).contains("Not a directory"), "{}", causes(&error));
    assert_eq!(taken.load(SeqCst), 0);
}

/// Only its owner may read a temporary file. A download has the mode that `File::create` gives.
#[cfg(unix)]
#[tokio::test]
async fn the_file_can_be_read_by_whom_any_new_file_can() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    std::fs::write(folder.path().join("plain"), "").unwrap();
    download(chunks(vec![]), &folder.path().join("page"), 0).await.unwrap();
    assert_eq!(mode("page"), mode("plain"));
}

/// Unchecked, a folder of that name or a name that is too long would fail only after the whole body.
#[tokio::test]
async fn a_name_that_cannot_be_taken_is_an_error_before_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("taken")).unwrap();
    let long = "x".repeat(300);
    for (name, reason) in [("taken", "directory"), (&long, "name too long"), ("..", "directory")] {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        let counted = chunks(vec![Ok("one")]).inspect(move |_| {
            counter.fetch_add(1, SeqCst);
        });
        let error = download(counted, &folder.path().join(name), 100).await.unwrap_err();
        assert!(matches!(error, DownloadError::Disk(_)));
        assert!(causes(&error).contains(reason), "{}", causes(&error));
        assert_eq!(taken.load(SeqCst), 0);
    }
    assert_eq!(files(folder.path()), ["taken"]);
}

/// Even when every chunk is ready, the timeout around the download fires.
#[tokio::test]
async fn chunks_without_an_end_can_be_timed_out() {
    let folder = tempfile::tempdir().unwrap();
    let empty = futures::stream::repeat_with(|| std::io::Result::Ok(bytes::Bytes::new()));
    let file = folder.path().join("page");
    let work = download(empty, &file, 100);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(5), work).await.is_err());
}
