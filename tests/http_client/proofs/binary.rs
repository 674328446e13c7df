//! Proofs: `binary`.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use common::server::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::task::yield_now;

use crate::work::{files, url};

/// The binary of the recipe, as a shell would start it.
fn http_client(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_http_client"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

async fn run(arguments: &[&str]) -> Output {
    http_client(arguments).output().await.unwrap()
}

/// The lines on stdout, without the times and the timeline.
fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().filter_map(|line| line.split_once("s  ")).map(|(_, line)| line.to_owned()).collect()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Wrong use is a usage error: exit code 2, the reason on stderr, nothing fetched.
#[tokio::test]
async fn wrong_use_is_told_and_ends_with_2() {
    let server = Server::start().await.unwrap();
    let page = &server.url("/page/one");
    for (arguments, reason) in [
        (&["--limit", "0", page][..], "not a number of 1 or more"),
        (&["--per-host", "0", page], "not a number of 1 or more"),
        (&["--timeout", "0", page], "above 0"),
        (&["--timeout", "nan", page], "above 0"),
        (&["--timeout", "-1", page], "unexpected argument"),
        (&["--timeout", "1e300", page], "above 0"),
        (&["--timeout", "soon", page], "not a number of seconds"),
        (&["--retries", "-1", page], "unexpected argument"),
        (&["--no-such-flag", page], "unexpected argument"),
        (&["no-url"], "a URL begins with http://"),
        (&["http://"], "empty host"),
        (&["ftp://localhost/"], "ftp is not supported"),
        (&["--limit", "3"], "required"),
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(errors(&output).contains(reason), "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(server.counts().connections, 0);
}

/// Every URL has one line: its result, or why it failed, with the cause. One failure makes the exit code 1.
#[tokio::test]
async fn every_url_is_one_line_with_its_verdict() {
    let gone = Server::start().await.unwrap();
    let refused = gone.url("/");
    gone.stop().await;
    let server = Server::start().await.unwrap();
    let fates = [
        (server.url("/page/one"), "200 OK, 9 bytes"),
        (server.url("/redirect/3"), "200 OK, 9 bytes"),
        (server.url("/busy/1/seconds/0/a"), "200 OK, 8 bytes"),
        (server.url("/fail/1/503/b"), "200 OK, 8 bytes"),
        (server.url("/status/404"), "failed: 404 Not Found"),
        (server.url("/redirect/loop"), "too many redirects"),
        (server.url("/cut"), "failed: the body broke off"),
        (server.url("/close"), "connection closed before message completed"),
        (server.url("/garbage"), "invalid HTTP"),
        (server.url("/hang"), "failed: timed out after 2s"),
        (server.url("/hang/body"), "failed: timed out after 2s"),
        (server.url("/endless"), "failed: the body is longer than 100000 bytes"),
        (refused, "Connection refused"),
    ];
    let mut arguments = vec!["--timeout", "2", "--retries", "1", "--max-size", "100000", "--no-timeline"];
    arguments.extend(fates.iter().map(|(address, _)| address.as_str()));
    let output = run(&arguments).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(errors(&output), "");
    let lines = lines(&output);
    assert_eq!(lines.len(), fates.len(), "{lines:#?}");
    for (address, fate) in fates {
        let its: Vec<_> = lines.iter().filter(|line| line.starts_with(&format!("{address}: "))).collect();
        assert!(its.len() == 1 && its[0].contains(fate), "{address} should be {fate}: {its:?}");
    }
}

/// URLs come from a file too; a line that is no URL has its own line, and the others are fetched.
#[tokio::test]
async fn urls_come_from_stdin_and_a_bad_line_is_one_failure() {
    let server = Server::start().await.unwrap();
    let mut child = http_client(&["--from", "-", "--no-timeline"]).stdin(Stdio::piped()).spawn().unwrap();
    let input = format!("{}\n\n  nonsense  \r\n{}", server.url("/page/one"), server.url("/page/two"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let mut lines = lines(&output);
    lines.sort();
    let expected = [
        format!("{}: 200 OK, 9 bytes", server.url("/page/one")),
        format!("{}: 200 OK, 9 bytes", server.url("/page/two")),
        "nonsense: failed: relative URL without a base (a URL begins with http:// or https://)".to_owned(),
    ];
    assert_eq!(lines, expected);
    let missing = run(&["--from", "/no/such/file"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(errors(&missing).contains("cannot read /no/such/file"), "{}", errors(&missing));
    let folder = run(&["--from", "/"]).await;
    assert_eq!(
        (folder.status.code(), errors(&folder).as_str()),
        (Some(1), "error: cannot read /: is a directory\n")
    );
}

/// aiohttp: only with `trust_env=True`. reqwest: unless the client is built with `no_proxy()`.
#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = Server::start().await.unwrap();
    let mut command = http_client(&["http://no-such-host.invalid/page/one"]);
    let output = command.env("http_proxy", proxy.url("/")).output().await.unwrap();
    assert_eq!(lines(&output)[0], "http://no-such-host.invalid/page/one: 200 OK, 9 bytes");
    assert_eq!(proxy.counts().requests, 1);
}

/// A folder that cannot be written is one line, before the first request.
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_one_line() {
    let server = Server::start().await.unwrap();
    let output = run(&["--output", "/dev/null/folder", &server.url("/page/one")]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(errors(&output), "error: cannot write in /dev/null/folder: Not a directory (os error 20)\n");
    assert!(output.stdout.is_empty(), "no picture of nothing");
    assert_eq!(server.counts().connections, 0);
}

/// Different URLs are different files, and no URL writes outside the folder.
#[tokio::test]
async fn each_url_has_a_file_of_its_own() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("new").join("pages");
    let long = format!("/page/{}", "x".repeat(1000));
    let paths = ["/page/a?1", "/page/a?2", "/page/A", "/page/a", "/page/..%2f..%2fup", "/page/a%00b", &long];
    let addresses: Vec<String> = paths.iter().map(|path| server.url(path)).collect();
    let mut arguments = vec!["--no-timeline", "--output", output.to_str().unwrap()];
    arguments.extend(addresses.iter().map(String::as_str));
    assert_eq!(run(&arguments).await.status.code(), Some(0));
    assert_eq!(files(&output).len(), paths.len());
    assert_eq!(files(folder.path()), ["new"]);
    assert!(files(&output).iter().all(|name| !name.starts_with('.') && name.len() < 200));
    // The name also shows where the file is from.
    assert_eq!(files(&output).iter().filter(|name| name.starts_with("127.0.0.1-page-a.")).count(), 4);
}

/// A body of exactly the size limit is accepted, whether it is saved or only counted.
#[tokio::test]
async fn a_body_as_long_as_the_limit_is_taken_and_one_byte_more_is_not() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = server.url("/bytes/1000");
    for output in [&[][..], &["--output", folder.path().to_str().unwrap()]] {
        let arguments = |limit| [&["--no-timeline", "--max-size", limit, &address], output].concat();
        let taken = run(&arguments("1000")).await;
        assert_eq!(taken.status.code(), Some(0), "{:?}", lines(&taken));
        let refused = run(&arguments("999")).await;
        assert_eq!(lines(&refused), [format!("{address}: failed: the body is longer than 999 bytes")]);
    }
    assert_eq!(files(folder.path()).len(), 1);
}

/// On a terminal, a bar below the lines shows how many of all URLs are done. It disappears when all are.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_terminal_a_bar_counts() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let server = Server::start().await.unwrap();
    let (one, two) = (server.url("/page/one"), server.url("/page/two"));
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = std::fs::File::options().read(true).write(true).open(name).unwrap();
    let mut command = http_client(&["--no-timeline", &one, &two]);
    let child = command.env("TERM", "xterm").stderr(screen).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), lines(&output).len()), (Some(0), 2));
    drop(command);
    // On Linux, reading a terminal whose other side is closed ends with an error.
    let mut shown = Vec::new();
    let _nobody_holds_it = io::Read::read_to_end(&mut std::fs::File::from(terminal), &mut shown);
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains(" 1/2 "), "{shown:?}");
    assert!(shown.ends_with("\u{1b}[2K"), "{shown:?}");
}

/// The clock of the bar advances even while no URL finishes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_clock_of_the_bar_goes_on() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let server = Server::start().await.unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let screen = std::fs::File::options().read(true).write(true).open(name).unwrap();
    let mut command = http_client(&["--no-timeline", "--timeout", "3600", &server.url("/hang")]);
    let mut child = command.env("TERM", "xterm").stderr(screen).spawn().unwrap();
    drop(command);
    // It shows nothing but the clock, until the clock shows two seconds.
    let reading = tokio::task::spawn_blocking(move || {
        let (mut terminal, mut shown) = (std::fs::File::from(terminal), String::new());
        let mut bytes = [0; 1000];
        while !shown.contains(" 0/1 2s") {
            let read = io::Read::read(&mut terminal, &mut bytes).expect("the terminal is open");
            shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        shown
    });
    let shown = tokio::time::timeout(Duration::from_secs(60), reading).await.expect("it goes on").unwrap();
    assert!(shown.contains(" 0/1 1s"), "{shown:?}");
    child.kill().await.unwrap();
}

/// A full disk: the shell's limit on file sizes makes a write fail in the middle.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_one_line_and_no_file() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_http_client"), "--no-timeline", "--output"]);
    shell.arg(folder.path()).args([server.url("/bytes/1000000"), server.url("/page/small")]);
    let output = shell.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines.len(), 2);
    let failed: Vec<_> = lines.iter().filter(|line| line.contains("failed")).collect();
    assert!(failed[0].contains("the file could not be written: File too large"), "{lines:?}");
    assert_eq!(files(folder.path()).len(), 1, "the small page");
}

/// Ctrl-C in the middle of a download: exit code 130, and neither a part nor a temporary file.
#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_leaves_no_file_behind() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--output", folder.path().to_str().unwrap(), &server.url("/hang/body")];
    let child = http_client(&arguments).spawn().unwrap();
    server.until(|counts| counts.in_flight == 1).await;
    while files(folder.path()).is_empty() {
        yield_now().await; // until the temporary file is there
    }
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", errors(&output));
    assert!(!errors(&output).contains("panic"), "{}", errors(&output));
    assert_eq!(files(folder.path()), [""; 0]);
}

/// `| head -1`: the reader is gone after the first line, and the program ends without an error message, even if more
/// lines would follow.
#[tokio::test]
async fn a_closed_pipe_ends_it_quietly() {
    let server = Server::start().await.unwrap();
    let (page, hangs) = (server.url("/page/one"), server.url("/hang"));
    let mut child = http_client(&["--from", "-", "--timeout", "3600"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut urls = child.stdin.take().unwrap();
    urls.write_all(format!("{hangs}\n{page}\n").as_bytes()).await.unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    assert!(line.contains("/page/one: 200 OK"), "{line}");
    drop(stdout);
    // One more page may not be enough: a process that another lesson is just starting may hold the pipe open for a
    // moment.
    let mut more = 0..100_000;
    while urls.write_all(format!("{page}\n").as_bytes()).await.is_ok() {
        more.next().expect("it ends when nobody reads what it prints");
    }
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), errors(&output)), (Some(0), String::new()));
}

/// The path of a URL that makes the server send this text instead of an answer.
fn raw(answer: &str) -> String {
    let encoded: String = answer.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("/raw/a?{encoded}")
}

/// aiohttp raises `InvalidUrlRedirectClientError`; curl reports 0 and "unsupported protocol". No file of that name appears.
#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_a_failure_and_no_file() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (location, why) in [
        ("file:///etc/passwd", "a redirect to file:///etc/passwd: file is not supported, http and https are"),
        ("http://[::1/", "a redirect to http://[::1/: invalid IPv6 address"),
        ("http://127.0.0.1:99999/", "a redirect to http://127.0.0.1:99999/: invalid port number"),
        ("http://", "a redirect to http://: empty host"),
        ("http://%00/", "a redirect to http://%00/: invalid international domain name"),
        ("javascript:alert(1)", "a redirect to javascript:alert(1): javascript is not supported"),
        ("http://a@b:c@[/", "a redirect to http://***@[/: invalid IPv6 address"),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\npage");
        let address = server.url(&raw(&answer));
        let output = run(&["--no-timeline", "--output", folder.path().to_str().unwrap(), &address]).await;
        assert_eq!(output.status.code(), Some(1), "{location}");
        assert!(lines(&output)[0].contains(&format!(": failed: 302 Found, {why}")), "{:?}", lines(&output));
    }
    let no_text =
        server.url(&format!("/raw/b?{}%ff%fe%0d%0a%0d%0a", "HTTP/1.1%20302%20Found%0d%0alocation:%20"));
    assert!(lines(&run(&[&no_text]).await)[0].ends_with(": that is not UTF-8"));
    assert_eq!(files(folder.path()), [""; 0]);
}

/// Success is 200 to 299. For a status without a standard name, the line has the server's words.
#[tokio::test]
async fn a_status_says_what_it_was() {
    let server = Server::start().await.unwrap();
    for (status, verdict, code) in [
        ("299 All is fine", "299 All is fine, 0 bytes", 0),
        ("204 No Content", "204 No Content, 0 bytes", 0),
        ("101 Switching Protocols", "failed: 101 Switching Protocols", 1),
        ("300 Multiple Choices", "failed: 300 Multiple Choices", 1),
        ("304 Not Modified", "failed: 304 Not Modified", 1),
        ("302 Found", "failed: 302 Found", 1),
        ("600 Beyond", "failed: 600 Beyond", 1),
        ("999 Request denied", "failed: 999 Request denied", 1),
        ("499", "failed: 499", 1),
    ] {
        let address = server.url(&raw(&format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")));
        let output = run(&["--retries", "0", &address]).await;
        assert_eq!(
            (lines(&output)[0].as_str(), output.status.code()),
            (format!("{address}: {verdict}").as_str(), Some(code))
        );
    }
}

/// This machine is always asked directly. `NO_PROXY` may name all hosts or a range of addresses.
#[tokio::test]
async fn this_machine_is_asked_without_a_proxy() {
    let (server, proxy) = (Server::start().await.unwrap(), Server::start().await.unwrap());
    for nonsense in [
        &proxy.url("/"),
        "http://127.0.0.1:1",
        "nonsense",
        "http://[",
        "socks5://127.0.0.1:1",
        "gopher://x",
        "  ",
    ] {
        let mut command = http_client(&["--no-timeline", "--retries", "0", &server.url("/page/one")]);
        for name in ["http_proxy", "https_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env(name, nonsense);
        }
        let output = command.output().await.unwrap();
        assert_eq!(lines(&output), [format!("{}: 200 OK, 9 bytes", server.url("/page/one"))], "{nonsense}");
    }
    // 192.0.2.0/24 is reserved for documentation: no host has such an address.
    for (direct, is_asked) in [
        ("*", false),
        ("10.0.0.0/8, 192.0.2.0/24", false),
        ("192.0.2.7", false),
        ("10.0.0.0/8", true),
        ("", true),
    ] {
        let mut command = http_client(&["--timeout", "0.3", "http://192.0.2.7/page/one"]);
        command.env("http_proxy", proxy.url("/")).env("NO_PROXY", direct).output().await.unwrap();
        assert_eq!(proxy.requests_to("/page/one") > 0, is_asked, "{direct}");
        if is_asked {
            break;
        }
    }
}

/// `localhost.` is this machine too, and so is `a.localhost`; `NO_PROXY` is compared without such dots, as in curl.
#[tokio::test]
async fn a_dot_after_a_host_changes_nothing() {
    let (server, proxy) = (Server::start().await.unwrap(), Server::start().await.unwrap());
    let port = server.address().port();
    for (host, direct) in [
        ("localhost.", ""),
        ("LocalHost.", ""),
        ("a.localhost", ""),
        ("a.localhost.", ""),
        ("no-such-host.invalid.", "example.org, no-such-host.invalid"),
        ("no-such-host.invalid", "no-such-host.invalid.,,"),
        ("a.no-such-host.invalid.", ".no-such-host.invalid"),
    ] {
        let mut command = http_client(&["--retries", "0", &format!("http://{host}:{port}/page/one")]);
        let output =
            command.env("http_proxy", proxy.url("/")).env("NO_PROXY", direct).output().await.unwrap();
        // If the resolver does not know the host, the line says so and names no proxy.
        assert_eq!(proxy.counts().requests, 0, "{host}");
        assert!(!lines(&output)[0].contains("proxy"), "{:?}", lines(&output));
    }
    for (host, direct) in [("no-such-host.invalid.", ",."), ("notlocalhost", "")] {
        let mut command = http_client(&[&format!("http://{host}/page/one")]);
        let output =
            command.env("http_proxy", proxy.url("/")).env("NO_PROXY", direct).output().await.unwrap();
        assert_eq!(lines(&output)[0], format!("http://{host}/page/one: 200 OK, 9 bytes"));
    }
}

/// curl names the proxy that it cannot reach. Its password is not shown.
#[tokio::test]
async fn an_error_through_a_proxy_names_it() {
    let proxy = Server::start().await.unwrap();
    let address = proxy.address();
    for (path, why) in
        [("/status/502", "failed: 502 Bad Gateway (through"), ("/close", "message completed (through")]
    {
        let mut command = http_client(&["--retries", "0", &format!("http://no-such-host.invalid{path}")]);
        let output =
            command.env("http_proxy", format!("http://user:hidden@{address}")).output().await.unwrap();
        let line = &lines(&output)[0];
        assert!(
            line.contains(why) && line.ends_with(&format!("(through the proxy http://{address}/)")),
            "{line}"
        );
        assert!(!String::from_utf8(output.stdout).unwrap().contains("hidden"));
    }
    proxy.stop().await;
    let mut command = http_client(&["--retries", "0", "https://no-such-host.invalid/"]);
    let output = command.env("all_proxy", format!("http://{address}")).output().await.unwrap();
    let line = &lines(&output)[0];
    assert!(
        line.contains("refused") && line.ends_with(&format!("(through the proxy http://{address}/)")),
        "{line}"
    );
}

/// Both spellings of a variable may be set. The line names the proxy that was asked, or no proxy if none was.
#[tokio::test]
async fn a_failure_names_the_proxy_that_was_asked() {
    let proxy = Server::start().await.unwrap();
    let asked = || http_client(&["--retries", "0", "http://no-such-host.invalid/status/502"]);
    let output = asked()
        .env("http_proxy", proxy.url("/"))
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("all_proxy", "http://127.0.0.1:2")
        .output()
        .await
        .unwrap();
    let line = &lines(&output)[0];
    assert!(line.ends_with(&format!("502 Bad Gateway (through the proxy {})", proxy.url("/"))), "{line}");
    for (name, value) in [("no_proxy", "*"), ("REQUEST_METHOD", "GET")] {
        let mut command = asked();
        command.env("http_proxy", proxy.url("/")).env("NO_PROXY", "").env(name, value);
        let line = &lines(&command.output().await.unwrap())[0];
        assert!(!line.contains("proxy"), "{name}: {line}");
    }
}

/// aiohttp's error names the host that was asked last. So does the line here, without the password.
#[tokio::test]
async fn a_failure_after_a_redirect_names_where_it_led() {
    let server = Server::start().await.unwrap();
    let answer = "HTTP/1.1%20302%20Found%0D%0ALocation:%20http://user:hidden@127.0.0.1:1/x%0D%0AContent-Length:%200%0D%0A%0D%0A";
    let output = run(&["--retries", "0", "--no-timeline", &server.url(&format!("/raw/a?{answer}"))]).await;
    let (line, code) = (&lines(&output)[0], output.status.code());
    assert!(line.contains("failed: redirected to http://***@127.0.0.1:1/x: error sending request"), "{line}");
    assert!(line.contains("refused") && code == Some(1), "{line}");
}

/// aiohttp's `limit_per_host` counts connections to the host that is asked, redirects included. So does `--per-host`.
#[tokio::test]
async fn a_host_has_its_limit_also_where_redirects_lead_to_it() {
    let target = Server::start().await.unwrap();
    let mut names = Vec::new();
    for _ in 0..20 {
        names.push(Server::start().await.unwrap());
    }
    let led = |server: &Server| server.url(&format!("/redirect/to/302?{}", target.url("/slow/body/20")));
    let addresses: Vec<_> = names.iter().map(led).collect();
    let mut arguments = vec!["--no-timeline", "--per-host", "3"];
    arguments.extend(addresses.iter().map(String::as_str));
    let output = run(&arguments).await;
    assert_eq!((output.status.code(), lines(&output).len()), (Some(0), 20), "{:?}", lines(&output));
    assert_eq!((target.counts().requests, target.counts().peak), (20, 3));
}

/// Waiting for the host's permit does not count: five pages of 200 ms, one at a time, meet a limit of 500 ms each.
#[tokio::test]
async fn waiting_for_a_turn_does_not_time_out() {
    let target = Server::start().await.unwrap();
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(Server::start().await.unwrap());
    }
    let led = |server: &Server| server.url(&format!("/redirect/to/302?{}", target.url("/slow/body/200")));
    let addresses: Vec<_> = names.iter().map(led).collect();
    let mut arguments = vec!["--no-timeline", "--per-host", "1", "--retries", "0", "--timeout", "0.5"];
    arguments.extend(addresses.iter().map(String::as_str));
    let output = run(&arguments).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", lines(&output));
}

/// aiohttp prints a URL with its password; curl and wget hide it. The query is the caller's.
#[tokio::test]
async fn a_password_is_shown_nowhere() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (svg, trace) = (folder.path().join("run.svg"), folder.path().join("run.json"));
    let address = server.address();
    let list = folder.path().join("list");
    let secret = |path: &str| format!("http://user:hidden@{address}{path}");
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: ftp://user:hidden@{address}/\r\n\r\n");
    std::fs::write(
        &list,
        format!(
            "http://user:hidden@[::1/\nuser://user:hidden@x\n{}\n{}\n",
            secret("/cut"),
            secret(&raw(&redirect))
        ),
    )
    .unwrap();
    let mut command = http_client(&["--from", list.to_str().unwrap(), "--retries", "0", "--svg"]);
    command
        .arg(&svg)
        .arg("--trace")
        .arg(&trace)
        .arg(secret("/echo?token=seen"))
        .arg("http://hidden@127.0.0.1:1/");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    for shown in [&printed, &std::fs::read_to_string(svg).unwrap(), &std::fs::read_to_string(trace).unwrap()]
    {
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("token=seen"), "{shown}");
    }
    assert!(printed.contains(&format!("http://***@{address}/echo?token=seen: 200 OK")), "{printed}");
    let wrong = run(&["http://user:hidden@[::1/"]).await;
    assert!(wrong.status.code() == Some(2) && !errors(&wrong).contains("hidden"), "{}", errors(&wrong));
    // The server still receives it.
    let echo = run(&["--output", folder.path().to_str().unwrap(), &secret("/echo")]).await;
    assert_eq!(echo.status.code(), Some(0));
    let name = files(folder.path()).into_iter().find(|name| name.contains("echo")).unwrap();
    let echo = std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(echo.contains("authorization: Basic dXNlcjpoaWRkZW4="), "{echo}");
}

/// Text from a list or from a server can neither move the cursor nor imitate another line.
#[tokio::test]
async fn what_comes_from_elsewhere_moves_no_cursor() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let answer = "HTTP/1.1 302 Found\r\nlocation: \u{9b}2J\u{202e}://\r\ncontent-length: 0\r\n\r\n";
    std::fs::write(&list, format!("\u{1b}[2Jnonsense\u{7}\r more\n{}\n", server.url(&raw(answer)))).unwrap();
    let output = run(&["--from", list.to_str().unwrap()]).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\u{fffd}[2Jnonsense\u{fffd} more: failed: "), "{printed}");
    let is_bad = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
    assert!(!printed.contains(is_bad), "{printed:?}");
}

/// A server in trouble that says `Retry-After: 0` is asked five times, with half a second and more between.
#[tokio::test]
async fn a_server_that_wants_no_pause_gets_one() {
    let server = Server::start().await.unwrap();
    let address = server.url("/busy/9999999/seconds/0/a");
    run(&["--retries", "9999999", "--timeout", "2", &address]).await;
    assert!(server.counts().requests <= 5, "{}", server.counts().requests);
}

/// A connection that the server closes at the moment of use does not fail the page, even without `--retries`.
#[tokio::test]
async fn a_connection_closed_under_it_is_no_failure() {
    let server = Server::start().await.unwrap();
    let (first, second) = (server.url("/page/one"), server.url("/close/1/a"));
    let output = run(&["--no-timeline", "--retries", "0", "--limit", "1", &first, &second]).await;
    assert_eq!(output.status.code(), Some(0), "{:?}", lines(&output));
    assert_eq!(server.requests_to("/close/1/a"), 2);
}

/// With a limit of 40 open files, 200 URLs are fetched 20 at a time, or fewer while files are short.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn too_many_open_files_are_waited_out() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let addresses: String = (0..200).map(|index| server.url(&format!("/slow/body/20?{index}\n"))).collect();
    std::fs::write(&list, addresses).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 40; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_http_client"), "--no-timeline"]);
    shell.args(["--per-host", "100", "--retries", "0", "--timeout", "5", "--from"]).arg(&list);
    let output = shell.arg("--output").arg(folder.path().join("pages")).output().await.unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{:?}",
        lines(&output).iter().find(|line| line.contains("failed"))
    );
    assert_eq!(lines(&output).len(), 200);
}

/// No name looks like a flag or is hidden, and all other names stay as they were.
#[tokio::test]
async fn a_name_begins_with_a_letter_or_a_digit() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ports = server.address().port();
    let address = format!("http://127.0.0.1:{ports}/-flag/.hidden/page");
    run(&["--retries", "0", "--output", folder.path().to_str().unwrap(), &address]).await;
    for host in ["[::1]", "[::]"] {
        let listener = tokio::net::TcpListener::bind((host.trim_matches(['[', ']']), 0)).await.unwrap();
        let address = format!("http://{host}:{}/", listener.local_addr().unwrap().port());
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            socket
        };
        let arguments = ["--output", folder.path().to_str().unwrap(), &address];
        let (output, _socket) = tokio::join!(run(&arguments), serve);
        assert_eq!(output.status.code(), Some(0), "{:?}", lines(&output));
    }
    let names = files(folder.path());
    assert_eq!(names.len(), 2);
    assert!(
        names.iter().all(|name| name.starts_with(|letter: char| letter.is_ascii_alphanumeric())),
        "{names:?}"
    );
}

/// A folder in place of the file is reported after the headers, and not after a body without an end.
#[tokio::test]
async fn a_folder_in_the_place_of_a_file_is_told_before_the_body() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().to_str().unwrap();
    let address = server.url("/hold/body/gate");
    let args = ["--no-timeline", "--retries", "0", "--timeout", "20", "--output", pages, &address];
    server.open("gate");
    run(&args).await;
    let name = files(folder.path()).remove(0);
    std::fs::remove_file(folder.path().join(&name)).unwrap();
    std::fs::create_dir(folder.path().join(&name)).unwrap();
    for more in [&[][..], &["--resume"]] {
        let output = http_client(&args).args(more).output().await.unwrap();
        let line = &lines(&output)[0];
        assert!(
            line.contains("failed: the file could not be written: ") && line.contains("directory"),
            "{line}"
        );
    }
}

/// A service manager sends SIGTERM, and a closed terminal SIGHUP. As after Ctrl-C, no file is left.
#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_sighup_leave_no_file_behind() {
    for (signal, code) in [("-TERM", 143), ("-HUP", 129)] {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--output", folder.path().to_str().unwrap(), &server.url("/hang/body")];
        // The lessons may run under `nohup`, which ignores SIGHUP, and a child process inherits that.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_http_client")]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn().unwrap();
        server.until(|counts| counts.in_flight == 1).await;
        while files(folder.path()).is_empty() {
            yield_now().await; // until the temporary file is there
        }
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
        assert_eq!(files(folder.path()), [""; 0]);
    }
}

/// `--resume`: the bytes so far stay, and the next attempt gets the rest, in the next run or within one run.
#[tokio::test]
async fn a_body_that_broke_off_is_gone_on_with() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = server.url("/file/steady/1000/1/a");
    let arguments = [
        "--no-timeline",
        "--resume",
        "--retries",
        "0",
        "--output",
        folder.path().to_str().unwrap(),
        &address,
    ];
    let output = run(&arguments).await;
    assert!(lines(&output)[0].contains("failed: the body broke off: "), "{:?}", lines(&output));
    let left = files(folder.path());
    assert!(left.len() == 2 && left[0].ends_with(".part") && left[1].ends_with(".part-of"), "{left:?}");
    let output = run(&arguments).await;
    assert!(lines(&output)[0].contains(": 206 Partial Content, 1000 bytes in "), "{:?}", lines(&output));
    let whole = std::fs::read(folder.path().join(&files(folder.path())[0])).unwrap();
    assert_eq!((whole.len(), files(folder.path()).len()), (1000, 1));

    // Half of it, half of the rest, and so on.
    let address = server.url("/file/steady/1000/2/b");
    let output =
        run(&["--resume", "--retries", "9", "--output", folder.path().to_str().unwrap(), &address]).await;
    assert!(lines(&output)[0].contains(": 206 Partial Content, 1000 bytes in "), "{:?}", lines(&output));
    // The part is too long: the server answers 416, and then the whole file is fetched.
    let name = files(folder.path()).into_iter().find(|name| name.contains("2-b")).unwrap();
    std::fs::write(folder.path().join(format!("{name}.part")), "x".repeat(1000)).unwrap();
    std::fs::write(folder.path().join(format!("{name}.part-of")), "\"0\"").unwrap();
    let output = run(&["--resume", "--output", folder.path().to_str().unwrap(), &address]).await;
    assert!(lines(&output)[0].contains(": 200 OK, 1000 bytes in "), "{:?}", lines(&output));
    assert_eq!(std::fs::read(folder.path().join(&name)).unwrap(), whole);
}

/// An editor may write a byte-order mark, and Windows' shell writes UTF-16. Both are read.
#[tokio::test]
async fn a_list_may_begin_with_a_mark() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let text = format!("\u{feff}{}\r\n{}\r\n", server.url("/page/one"), server.url("/page/two"));
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
    let unmarked = text.trim_start_matches('\u{feff}').as_bytes().to_vec();
    for bytes in [text.clone().into_bytes(), utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes), unmarked] {
        std::fs::write(&list, bytes).unwrap();
        let output = run(&["--no-timeline", "--from", list.to_str().unwrap()]).await;
        assert_eq!((output.status.code(), lines(&output).len()), (Some(0), 2), "{:?}", lines(&output));
    }
    for (bytes, number) in [(&b""[..], 0), (b"\xef\xbb\xbf", 0), (b"\xff\xfe", 0), (b"a", 1)] {
        std::fs::write(&list, bytes).unwrap();
        assert_eq!(lines(&run(&["--no-timeline", "--from", list.to_str().unwrap()]).await).len(), number);
    }
}

/// Two downloads of one URL would write to one file.
#[tokio::test]
async fn a_url_that_is_named_twice_is_saved_once() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let page = server.url("/page/one");
    let output = run(&["--no-timeline", "--output", folder.path().to_str().unwrap(), &page, &page]).await;
    assert_eq!((lines(&output).len(), server.counts().requests), (1, 1));
    assert_eq!((lines(&run(&["--no-timeline", &page, &page]).await).len(), server.counts().requests), (2, 3));
    let help = String::from_utf8(run(&["--help"]).await.stdout).unwrap();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("named twice is fetched twice; with --output, once"), "{help}");
    assert!(help.contains("An older file of that name is replaced"), "{help}");
}

/// A misspelt flag is not taken for a value.
#[tokio::test]
async fn a_flag_that_is_not_quite_one_is_recognised() {
    for (typed, meant) in [("--tim", "did you mean --timeout?"), ("--retires", "did you mean --retries?")] {
        let output = run(&[typed, "3", "http://127.0.0.1/"]).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(errors(&output).contains(meant) && !errors(&output).contains("-- --"), "{}", errors(&output));
    }
}

/// A certificate that no system trusts, in PEM form.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBfDCCASOgAwIBAgIUa+chVAWCIMzsm9DdNzjLzYjdaOEwCgYIKoZIzj0EAwIw\n\
        EzERMA8GA1UEAwwIYSBsZXNzb24wIBcNMjYxMTI4MDgzMDI3WhgPMjEyNjExMDQw\n\
        ODMwMjdaMBMxETAPBgNVBAMMCGEgbGVzc29uMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n\
        AQcDQgAEhrzxkbySZSemdDGDtyQihHvN1S/XruoNjyCalvGUgF7leDokYDmyME8L\n\
        ZPGuFTrfyX/b6kgjBDP9APpMUqCbN6NTMFEwHQYDVR0OBBYEFM8N8KC9OrPcyg/b\n\
        K70rBaN8l3YnMB8GA1UdIwQYMBaAFM8N8KC9OrPcyg/bK70rBaN8l3YnMA8GA1Ud\n\
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgAuu1Gh9tbA/C+ArVSSHuXPaM\n\
        5qwCsKAr3JcTZdBJnQQCICMFA9h1hT3eyN+I1Jg9vmGAy51pCiWtEWou38eXyXC8\n\
        -----END CERTIFICATE-----\n";

/// The certificates of `--cacert` are trusted in addition to the system's.
#[tokio::test]
async fn a_certificate_file_is_taken() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.pem");
    std::fs::write(&file, CERTIFICATE.repeat(2)).unwrap();
    let output = run(&["--cacert", file.to_str().unwrap(), &server.url("/page/one")]).await;
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
}

/// A certificate file without a certificate is reported before the first request.
#[tokio::test]
async fn a_certificate_file_that_is_none_is_one_line() {
    let server = Server::start().await.unwrap();
    for (file, reason) in
        [("/no/such/file", "cannot read /no/such/file"), ("/dev/null", "holds no certificate")]
    {
        let output = run(&["--cacert", file, &server.url("/page/one")]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(errors(&output).contains(reason), "{}", errors(&output));
    }
}

/// The demo prints what its asyncio twin prints.
#[tokio::test]
async fn the_demo_prints_the_transcript() {
    let output = run(&["--no-timeline"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let transcript = include_str!("../../../recipes/http_client/transcript.txt");
    assert_eq!(lines(&output), transcript.lines().collect::<Vec<_>>());
}

/// The expected outcome of each URL of a long list.
fn fate(index: usize) -> (String, &'static str) {
    const FAULTS: [(&str, &str); 20] = [
        ("/status/404", "failed: 404 Not Found"),
        ("/status/500", "failed: 500 Internal Server Error"),
        ("/status/503", "failed: 503 Service Unavailable"),
        ("/cut", "failed: the body broke off"),
        ("/cut/chunked", "failed: the body broke off"),
        ("/close", "connection closed before message completed"),
        ("/garbage", "invalid HTTP"),
        ("/redirect/loop", "too many redirects"),
        ("/redirect/to/302?http://127.0.0.1:1/", "Connection refused"),
        ("/redirect/to/302?gopher://localhost/", "failed: "),
        ("/endless", "failed: the body is longer than 50000 bytes"),
        ("/bytes/50001", "failed: the body is longer than 50000 bytes"),
        ("/busy/9/seconds/0/KEY", "failed: 429 Too Many Requests"),
        ("/busy/9/seconds/9999/KEY", "failed: 429 Too Many Requests"),
        ("/busy/9/date/9999/KEY", "failed: 429 Too Many Requests"),
        ("/fail/9/502/KEY", "failed: 502 Bad Gateway"),
        ("/nowhere", "failed: 404 Not Found"),
        ("/status/418", "failed: 418 I'm a teapot"),
        ("/websocket/echo", "failed: 426 Upgrade Required"),
        ("/status/400", "failed: 400 Bad Request"),
    ];
    let with_key = |path: &str| format!("{}?{index}", path.replace("KEY", &index.to_string()));
    match index {
        // A few URLs take all the time they may, while the others finish.
        105 | 205 => (with_key("/hang"), "failed: timed out after 2s"),
        305 | 405 => (with_key("/hang/body"), "failed: timed out after 2s"),
        _ if index % 10 == 5 => {
            let (path, fate) = FAULTS[index / 10 % FAULTS.len()];
            // The query of a redirect is its target.
            if path.contains('?') { (format!("{path}{index}"), fate) } else { (with_key(path), fate) }
        }
        _ if index % 10 == 3 => (with_key("/busy/1/seconds/0/KEY"), "200 OK, 8 bytes"),
        _ if index % 10 == 4 => (with_key("/redirect/2"), "200 OK, 9 bytes"),
        _ => (with_key("/bytes/1000"), "200 OK, 1000 bytes"),
    }
}

/// Fetches the first `number` URLs of a long list, checks every verdict, and returns the binary's peak memory in kB.
async fn long_list(number: usize) -> usize {
    let server = Server::start().await.unwrap();
    let arguments = [
        "--from",
        "-",
        "--limit",
        "100",
        "--per-host",
        "100",
        "--timeout",
        "2",
        "--retries",
        "1",
        "--max-size",
        "50000",
    ];
    let mut child = http_client(&arguments).arg("--no-timeline").stdin(Stdio::piped()).spawn().unwrap();
    let id = child.id().unwrap();
    let mut verdicts = std::collections::HashMap::new();
    let mut input = child.stdin.take().unwrap();
    let feed = async {
        for index in 0..number {
            input.write_all(format!("{}\n", server.url(&fate(index).0)).as_bytes()).await.unwrap();
        }
        input
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let read = async {
        let mut peak = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            let (address, verdict) = line.split_once("s  ").unwrap().1.split_once(": ").unwrap();
            let earlier = verdicts.insert(address.to_owned(), verdict.to_owned());
            assert_eq!(earlier, None, "{address} has had its line");
            if verdicts.len() == number {
                peak = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
                break;
            }
        }
        peak
    };
    // The list stays open until all lines are there, so that the program still lives when its memory is measured.
    let (_input, peak) = tokio::join!(feed, read);
    drop(_input);
    assert_eq!(lines.next_line().await.unwrap(), None, "one line for each, and no more");
    assert_eq!(child.wait().await.unwrap().code(), Some(1));
    for index in 0..number {
        let (path, fate) = fate(index);
        let verdict = verdicts.get(&url(server.url(&path)).to_string());
        assert!(
            verdict.is_some_and(|verdict| verdict.contains(fate)),
            "{path} should be {fate}: {verdict:?}"
        );
    }
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A tenth of 10,000 URLs fail, in every way that the server knows. Each has a line with the right verdict, and the
/// peak of memory is that of 1,000 URLs.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_urls_take_the_memory_of_a_thousand() {
    // One after the other: no page shall reach its time limit because the machine is busy with the other list.
    let (thousand, ten_thousand) = (long_list(1000).await, long_list(10_000).await);
    println!("peak: {thousand} kB for 1,000 and {ten_thousand} kB for 10,000 URLs");
    assert!(ten_thousand < thousand * 3 / 2, "{ten_thousand} kB after {thousand} kB");
}
