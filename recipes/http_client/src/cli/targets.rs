//! Where the URLs come from, and where their bodies go.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use futures::stream::{BoxStream, Stream, StreamExt, iter, unfold};
use reqwest::Url;
use sha1::{Digest, Sha1};

use super::flags::http_url;

/// A line that is no URL to fetch: what it says, and why not.
#[derive(Debug)]
pub(crate) struct NotAUrl {
    pub(crate) line: String,
    pub(crate) why: String,
}

/// The URLs of the command line, then those of the file, which is read as they are needed.
pub(crate) fn targets(
    urls: Vec<Url>,
    from: Option<&Path>,
) -> anyhow::Result<impl Stream<Item = Result<Url, NotAUrl>> + Unpin> {
    let lines = match from {
        None => iter([]).boxed(),
        Some(path) if path == Path::new("-") => lines_of(|| io::stdin().lock()),
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            lines_of(|| BufReader::new(file))
        }
    };
    Ok(iter(urls.into_iter().map(Ok)).chain(lines))
}

/// Reads on a thread of its own, which may stay blocked: the runtime would wait for one of its own threads at the end
/// of the program, and on a terminal that is until somebody presses Enter.
fn lines_of<R: BufRead + 'static>(
    open: impl FnOnce() -> R + Send + 'static,
) -> BoxStream<'static, Result<Url, NotAUrl>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(100);
    std::thread::spawn(move || {
        for (index, line) in open().split(b'\n').enumerate() {
            let target = match line {
                Ok(line) => {
                    let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
                    if line.is_empty() {
                        continue;
                    }
                    http_url(&line).map_err(|why| NotAUrl { line, why })
                }
                Err(error) => {
                    let line = format!("line {}", index + 1);
                    // Whatever comes after it cannot be read either.
                    let _gone = sender.blocking_send(Err(NotAUrl { line, why: error.to_string() }));
                    return;
                }
            };
            if sender.blocking_send(target).is_err() {
                return;
            }
        }
    });
    unfold(receiver, |mut receiver| async move {
        let target = receiver.recv().await?;
        Some((target, receiver))
    })
    .boxed()
}

/// A file name that tells a reader what it is, is safe in any folder, and differs for different URLs.
pub(crate) fn file_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let mut name: String =
        format!("{host}{}", url.path())
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '.' {
                    letter.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .take(100)
            .collect();
    name.push('.');
    // Letters of both cases, the query and what is beyond a hundred letters are only told apart here.
    for byte in &Sha1::digest(url.as_str())[..10] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}
