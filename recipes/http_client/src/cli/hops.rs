//! Where a redirect leads. The client does not follow redirects by itself, because the host of each hop has its own limit.

use reqwest::Response;
use reqwest::Url;
use reqwest::header::LOCATION;

use super::flags::only_http;

/// The most redirects of one URL.
pub(crate) const MOST_HOPS: usize = 10;

/// Returns the next URL of a redirect, or why it leads nowhere; `None` if the response is no redirect.
pub(crate) fn hop(response: &Response) -> Option<Result<Url, String>> {
    if ![301, 302, 303, 307, 308].contains(&response.status().as_u16()) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let Ok(location) = std::str::from_utf8(location.as_bytes()) else {
        return Some(Err("that is not UTF-8".to_owned()));
    };
    Some(response.url().join(location).map_err(|error| error.to_string()).and_then(only_http))
}
