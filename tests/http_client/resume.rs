//! Lessons of the pattern `resume`.

use std::path::Path;

use common::server::Server;
use http_client::resume::{Part, ResumeError, resume};

use crate::work::{client, files, url};

/// The bytes of the server's file: ten of each letter. Another version begins with another letter.
fn bytes(size: usize, version: usize) -> String {
    (0..size).map(|index| char::from(b'a' + ((index / 10 + version) % 26) as u8)).collect()
}

fn content(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// aiohttp: set `Range` and check the status by hand. Here the second call gets only the missing bytes.
#[tokio::test]
async fn a_part_is_gone_on_with() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (address, file) = (url(server.url("/file/steady/100/1/a")), folder.path().join("page"));
    let error = resume(&client(), address.clone(), &file, 100).await.unwrap_err();
    assert!(matches!(error, ResumeError::Body(_)), "{error}");
    assert_eq!(files(folder.path()), ["page.part", "page.part-of"]);
    assert_eq!(content(&folder.path().join("page.part")), bytes(100, 0)[..50]);

    let part = Part::of(&file).await.unwrap();
    assert_eq!(
        (&part.wanted()["range"], &part.wanted()["if-range"]),
        (&"bytes=50-".parse().unwrap(), &"\"0\"".parse().unwrap())
    );
    assert_eq!(resume(&client(), address, &file, 100).await.unwrap(), 100);
    assert_eq!((content(&file), files(folder.path())), (bytes(100, 0), vec!["page".to_owned()]));
}

/// A download that breaks off several times adds up: each call continues after the bytes that came.
#[tokio::test]
async fn a_file_that_breaks_off_again_and_again_is_whole_in_the_end() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (address, file) = (url(server.url("/file/steady/1000/4/a")), folder.path().join("page"));
    for _ in 0..4 {
        resume(&client(), address.clone(), &file, 1000).await.unwrap_err();
    }
    assert_eq!(resume(&client(), address, &file, 1000).await.unwrap(), 1000);
    assert_eq!(content(&file), bytes(1000, 0));
    assert_eq!(server.counts().requests, 5);
}

/// `If-Range`: if the file has changed, the server sends all of it. Halves of two versions are never joined.
#[tokio::test]
async fn a_changed_file_comes_from_the_beginning() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (address, file) = (url(server.url("/file/changing/100/1/a")), folder.path().join("page"));
    resume(&client(), address.clone(), &file, 100).await.unwrap_err();
    assert_eq!(resume(&client(), address, &file, 100).await.unwrap(), 100);
    assert_eq!((content(&file), files(folder.path())), (bytes(100, 1), vec!["page".to_owned()]));
}

/// A server may ignore the range: then the whole file comes.
#[tokio::test]
async fn a_server_that_ignores_ranges_sends_the_whole_file() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for kind in ["deaf", "untagged"] {
        let (address, file) = (url(server.url(&format!("/file/{kind}/100/1"))), folder.path().join(kind));
        resume(&client(), address.clone(), &file, 100).await.unwrap_err();
        assert_eq!(resume(&client(), address, &file, 100).await.unwrap(), 100);
        assert_eq!(content(&file), bytes(100, 0));
    }
    assert_eq!(files(folder.path()), ["deaf", "untagged"]);
}

/// If the server names no version, no part is kept, because the rest could not be asked for.
#[tokio::test]
async fn without_a_version_nothing_is_left() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = url(server.url("/file/untagged/100/1"));
    resume(&client(), address, &folder.path().join("page"), 100).await.unwrap_err();
    assert_eq!(files(folder.path()), [""; 0]);
}

/// 416: the part is as long as the file, or longer. The file is fetched again from the beginning.
#[tokio::test]
async fn a_part_beyond_the_end_is_fetched_again() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    for part in ["x".repeat(100), "x".repeat(200)] {
        std::fs::write(folder.path().join("page.part"), part).unwrap();
        std::fs::write(folder.path().join("page.part-of"), "\"0\"").unwrap();
        let address = url(server.url("/file/steady/100/0"));
        assert_eq!(resume(&client(), address, &file, 1000).await.unwrap(), 100);
        assert_eq!((content(&file), files(folder.path())), (bytes(100, 0), vec!["page".to_owned()]));
    }
}

/// A rest that begins elsewhere would leave a hole, or bytes twice.
#[tokio::test]
async fn a_rest_that_does_not_fit_is_fetched_again() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (address, file) = (url(server.url("/file/shifted/100/1")), folder.path().join("page"));
    resume(&client(), address.clone(), &file, 100).await.unwrap_err();
    assert_eq!(resume(&client(), address, &file, 100).await.unwrap(), 100);
    assert_eq!((content(&file), server.counts().requests), (bytes(100, 0), 3));
}

/// A server that answers a request for the whole file with a rest is asked twice, and then it is an error.
#[tokio::test]
async fn a_rest_that_no_one_asked_for_is_an_error() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let unasked =
        "HTTP/1.1%20206%20Partial%0D%0Acontent-range:bytes%200-4/5%0D%0Acontent-length:5%0D%0A%0D%0Ahello";
    for path in [format!("/raw/unasked?{unasked}"), "/status/416".to_owned()] {
        let address = url(server.url(&path));
        let error = resume(&client(), address.clone(), &folder.path().join("page"), 100).await.unwrap_err();
        assert!(matches!(error, ResumeError::Misfit), "{error}");
        assert_eq!((server.requests_to(address.path()), files(folder.path())), (2, vec![]));
    }
}

/// If the part is empty, there is nothing to resume.
#[tokio::test]
async fn an_empty_part_asks_for_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.part"), "").unwrap();
    std::fs::write(folder.path().join("page.part-of"), "\"0\"").unwrap();
    assert!(Part::of(&folder.path().join("page")).await.unwrap().wanted().is_empty());
}

/// A part without its version, or with half of a version, is not resumed.
#[tokio::test]
async fn a_part_of_an_unknown_file_is_not_trusted() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    for version in [None, Some("\"other"), Some("line\nbreak"), Some("")] {
        std::fs::write(folder.path().join("page.part"), "x".repeat(50)).unwrap();
        if let Some(version) = version {
            std::fs::write(folder.path().join("page.part-of"), version).unwrap();
        }
        let address = url(server.url("/file/steady/100/0"));
        assert_eq!(resume(&client(), address, &file, 100).await.unwrap(), 100);
        assert_eq!((content(&file), files(folder.path())), (bytes(100, 0), vec!["page".to_owned()]));
    }
}

/// An error page never becomes the file or a part of it, nor does a body beyond the limit.
#[tokio::test]
async fn an_error_page_is_no_rest_of_a_file() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    std::fs::write(&file, "old").unwrap();
    resume(&client(), url(server.url("/file/steady/100/1/a")), &file, 100).await.unwrap_err();
    let error = resume(&client(), url(server.url("/status/503")), &file, 100).await.unwrap_err();
    assert_eq!(error.to_string(), "503 Service Unavailable");
    assert_eq!(content(&folder.path().join("page.part")).len(), 50, "the part is still there");
    let error = resume(&client(), url(server.url("/file/steady/100/0")), &file, 99).await.unwrap_err();
    assert!(matches!(error, ResumeError::TooLong(99)), "{error}");
    assert_eq!((content(&file), files(folder.path())), ("old".to_owned(), vec!["page".to_owned()]));
}

/// A folder of that name is an error before the request.
#[tokio::test]
async fn a_folder_of_that_name_is_an_error_before_the_request() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = resume(&client(), url(server.url("/page/one")), folder.path(), 100).await.unwrap_err();
    assert!(matches!(error, ResumeError::Disk(_)), "{error}");
    assert_eq!(server.counts().requests, 0);
}
