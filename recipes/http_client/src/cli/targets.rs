//! Where the URLs come from, and where their bodies go.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::Context;
use futures::stream::{BoxStream, Stream, StreamExt, iter, unfold};
use reqwest::Url;
use sha1::{Digest, Sha1};

use super::flags::http_url;

/// A line that is not a URL, and the reason.
#[derive(Debug)]
pub(crate) struct NotAUrl {
    pub(crate) line: String,
    pub(crate) why: String,
}

/// Yields the URLs of the command line, then those of the file. The file is read as URLs are needed.
pub(crate) fn targets(
    urls: Vec<Url>,
    from: Option<&Path>,
) -> anyhow::Result<impl Stream<Item = Result<Url, NotAUrl>> + Unpin> {
    let lines = match from {
        None => iter([]).boxed(),
        Some(path) if path == Path::new("-") => lines_of(|| io::stdin().lock()),
        Some(path) => {
            let file = open(path).with_context(|| format!("cannot read {}", path.display()))?;
            lines_of(|| BufReader::new(file))
        }
    };
    Ok(iter(urls.into_iter().map(Ok)).chain(lines))
}

/// Opens a file for reading. A folder can be opened but not read, so it is refused here.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

/// Reads on a thread of its own, which may stay blocked. At the end of the program the runtime waits for its own blocking
/// threads: on a terminal, until the user presses Enter.
fn lines_of<R: BufRead + 'static>(
    open: impl FnOnce() -> R + Send + 'static,
) -> BoxStream<'static, Result<Url, NotAUrl>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(100);
    std::thread::spawn(move || {
        let list = match utf_8(open()) {
            Ok(list) => list,
            Err(error) => {
                let line = "line 1".to_owned();
                let _gone = sender.blocking_send(Err(NotAUrl { line, why: error.to_string() }));
                return;
            }
        };
        for (index, line) in list.split(b'\n').enumerate() {
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
                    // The lines after it cannot be read either.
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

/// Strips a byte-order mark and decodes UTF-16. Some editors write the mark, and Windows' shell writes UTF-16.
fn utf_8<R: BufRead + 'static>(mut list: R) -> io::Result<Box<dyn BufRead>> {
    let mut begin = Vec::new();
    list.by_ref().take(3).read_to_end(&mut begin)?;
    let of_bytes = match begin.as_slice() {
        [0xef, 0xbb, 0xbf] => return Ok(Box::new(list)),
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        _ => return Ok(Box::new(Cursor::new(begin).chain(list))),
    };
    list.read_to_end(&mut begin)?;
    let units: Vec<u16> = begin[2..].chunks_exact(2).map(|unit| of_bytes([unit[0], unit[1]])).collect();
    Ok(Box::new(Cursor::new(String::from_utf16_lossy(&units).into_bytes())))
}

/// Different URLs have different digests.
pub(crate) fn digest(url: &Url) -> [u8; 10] {
    let mut digest = [0; 10];
    digest.copy_from_slice(&Sha1::digest(url.as_str())[..10]);
    digest
}

/// Returns a readable file name that is safe in any folder and differs for different URLs.
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
    // A name that begins with `-` looks like a flag; a name that begins with a dot is hidden.
    name = name.trim_start_matches(['-', '.']).to_owned();
    if name.is_empty() {
        name.push_str("page");
    }
    name.push('.');
    // URLs that differ only in case, in the query or after a hundred letters differ only in the digest.
    for byte in digest(url) {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}
