//! Lessons of the pattern `context`.

use std::num::ParseIntError;

use error_handling::context::{lines, or_backup, settings};

use crate::work::{Broken, Missing};

async fn text(text: &str) -> anyhow::Result<String> {
    Ok(text.to_owned())
}

/// Python: `raise ... from error` at each level. Here each level adds what it was doing.
#[tokio::test]
async fn an_error_says_what_was_being_done_and_why_it_failed() {
    assert_eq!(settings("limits", text("7"), str::parse::<u32>).await.unwrap(), 7);
    let error = settings("limits", text("x"), str::parse::<u32>).await.unwrap_err();
    assert_eq!(lines(&error), ["parsing limits", "invalid digit found in string"]);
    let error =
        settings("limits", async { Err(Missing("file").into()) }, str::parse::<u32>).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "reading limits: file is missing");
}

/// Python: the `__cause__` keeps its class. Here the type is found under every context.
#[tokio::test]
async fn the_type_of_the_cause_is_kept() {
    let error = settings("limits", text("x"), str::parse::<u32>).await.unwrap_err();
    assert!(error.is::<ParseIntError>());
    assert_eq!(error.root_cause().to_string(), "invalid digit found in string");
}

/// Python: a note comes after the message. Here the last context comes first, and `to_string` gives only that.
#[tokio::test]
async fn the_last_context_stands_first_and_alone() {
    let error = anyhow::Error::from(Missing("file")).context("inner").context("outer");
    assert_eq!((error.to_string().as_str(), lines(&error).len()), ("outer", 3));
}

/// Python: an exception raised in an `except` has the handled one as its `__context__`. Rust: the first error is lost
/// ...
#[tokio::test]
async fn an_error_while_another_is_handled_makes_one_forget_the_first() {
    let first = async { Err::<(), _>(Missing("page")) };
    let backup = async { Err::<(), _>(Broken("backup")) };
    let result: anyhow::Result<()> = match first.await {
        Ok(()) => Ok(()),
        Err(_missing) => backup.await.map_err(Into::into),
    };
    assert_eq!(lines(&result.unwrap_err()), ["backup is broken"]);
}

/// ... unless the program keeps it.
#[tokio::test]
async fn but_both_are_kept_when_the_backup_fails_too() {
    let error =
        or_backup(async { Err::<(), _>(anyhow::Error::from(Missing("page")).context("loading")) }, async {
            Err(anyhow::Error::from(Broken("backup")).context("falling back"))
        })
        .await
        .unwrap_err();
    let expected = ["falling back: backup is broken, while handling", "loading", "page is missing"];
    assert_eq!(lines(&error), expected);
    assert!(error.is::<Missing>());
}

/// asyncio: a coroutine that is passed and not awaited warns. Rust: a future that is not polled is dropped.
#[tokio::test]
async fn the_backup_is_not_begun_when_the_first_succeeds() {
    let backup = async { unreachable!("the first was fine") };
    assert_eq!(or_backup(async { Ok(1) }, backup).await.unwrap(), 1);
    assert_eq!(or_backup(async { Err(Missing("page").into()) }, async { Ok(2) }).await.unwrap(), 2);
}
