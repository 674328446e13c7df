//! Settings that come from the environment, to name them in a line about a failure.

use std::env;
use std::sync::LazyLock;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// Returns the proxy that a request to this URL goes through, without its password.
pub(crate) fn proxy_of(url: &Url) -> Option<String> {
    static PROXIES: LazyLock<Matcher> = LazyLock::new(proxies);
    let target = format!("{}://{}", url.scheme(), url.host_str()?.trim_end_matches('.'));
    Some(PROXIES.intercept(&target.parse().ok()?)?.uri().to_string())
}

/// The same proxies that the pattern `client` takes from the environment.
fn proxies() -> Matcher {
    let set = |names: [&str; 2]| {
        let mut values = names.into_iter().filter_map(|name| env::var(name).ok());
        values.find(|value| !value.is_empty()).unwrap_or_default()
    };
    let listed = set(["NO_PROXY", "no_proxy"]);
    let mut direct: Vec<_> = listed.split(',').map(|host| host.trim().trim_end_matches('.')).collect();
    if direct.contains(&"*") {
        direct.extend(["0.0.0.0/0", "::/0"]);
    }
    direct.extend(["localhost", "127.0.0.0/8", "::1"]);
    let is_cgi = env::var_os("REQUEST_METHOD").is_some();
    Matcher::builder()
        .http(if is_cgi { String::new() } else { set(["http_proxy", "HTTP_PROXY"]) })
        .https(set(["https_proxy", "HTTPS_PROXY"]))
        .all(set(["all_proxy", "ALL_PROXY"]))
        .no(direct.join(","))
        .build()
}

/// Names the variables that replace the system's certificates, if one is set.
pub(crate) fn certificates_of_the_environment() -> String {
    let set = |name: &str| env::var(name).ok().map(|value| format!(" ({name} is {value})"));
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(set).collect()
}
