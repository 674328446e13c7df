//! Why a fetch failed, in one line.

use std::error::Error;
use std::io;

use http_client::download::DownloadError;
use http_client::resume::ResumeError;
use http_client::retry::Verdict;
use http_client::retry_after::judge_error;
use reqwest::Method;

use super::environment::certificates_of_the_environment;

/// Why a fetch failed, and whether another attempt may succeed.
pub(crate) struct Failure {
    pub(crate) verdict: Verdict,
    pub(crate) why: String,
    /// This process has too many files open. The URL is not at fault.
    pub(crate) lacks_files: bool,
}

/// Why a body was not read to its end, or not written.
pub(crate) enum Broken {
    Body(reqwest::Error),
    Disk(io::Error),
    Again(String),
    Own(String),
}

impl From<DownloadError<reqwest::Error>> for Broken {
    fn from(error: DownloadError<reqwest::Error>) -> Self {
        let why = chain(&error);
        match error {
            DownloadError::Body(error) => Self::Body(error),
            DownloadError::Disk(error) => Self::Disk(error),
            DownloadError::TooLong(_) => Self::Own(why),
        }
    }
}

impl From<ResumeError> for Broken {
    fn from(error: ResumeError) -> Self {
        let why = chain(&error);
        match error {
            ResumeError::Body(error) => Self::Body(error),
            ResumeError::Disk(error) => Self::Disk(error),
            ResumeError::Misfit | ResumeError::Short(..) => Self::Again(why),
            ResumeError::TooLong(_) | ResumeError::Status(_) => Self::Own(why),
        }
    }
}

impl Failure {
    pub(crate) fn of_request(error: reqwest::Error, proxy: Option<String>, what: &str) -> Self {
        let verdict = judge_error(&Method::GET, &error).into();
        let mut why = format!("{what}{}{}", chain(&error.without_url()), through(proxy));
        if why.contains("certificate") {
            why.push_str(&certificates_of_the_environment());
        }
        Self { verdict, lacks_files: lacks_files(&why), why }
    }

    pub(crate) fn of_disk(error: io::Error) -> Self {
        let why = format!("the file could not be written: {}", chain(&error));
        Self { verdict: Verdict::Final, lacks_files: lacks_files(&why), why }
    }
}

pub(crate) fn through(proxy: Option<String>) -> String {
    proxy.map(|proxy| format!(" (through the proxy {proxy})")).unwrap_or_default()
}

/// Recognises EMFILE and ENFILE: this process, or the whole system, has too many files open. It reads the text, because
/// tempfile's errors show their cause nowhere else.
fn lacks_files(why: &str) -> bool {
    cfg!(unix) && ["(os error 24)", "(os error 23)"].iter().any(|error| why.contains(error))
}

/// An error and its causes in one line. Libraries repeat their causes; here each is named once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !line.ends_with(&cause_text) {
            line.push_str(": ");
            line.push_str(&cause_text);
        }
        source = cause.source();
    }
    line
}
