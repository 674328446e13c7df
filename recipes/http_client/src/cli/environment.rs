//! What the environment has a say in, for lines about what went wrong.

use std::net::IpAddr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The proxy between us and the host of a URL, without its password. As `client` takes it from the environment.
pub(crate) fn proxy_of(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let direct = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok());
    let is_direct = is_here || direct.is_some_and(|list| list.split(',').any(|entry| entry.trim() == "*"));
    let proxy = Matcher::from_env().intercept(&url.as_str().parse().ok()?).filter(|_| !is_direct)?;
    Some(proxy.uri().to_string())
}

/// Where the certificates come from, if not from the system.
pub(crate) fn certificates_of_the_environment() -> String {
    let set = |name: &str| std::env::var(name).ok().map(|value| format!(" ({name} is {value})"));
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(set).collect()
}
