//! What the local server promises to the lessons that fetch from it, as it comes over the wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, SystemTime};

use common::server::{Counts, Server};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing here takes long; what has no end is a failure.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), work).await.unwrap()
}

async fn ask(server: &Server, request: &str) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    stream
}

async fn get(server: &Server, path: &str) -> BufReader<TcpStream> {
    ask(server, &format!("GET {path} HTTP/1.1\nhost: lesson\nconnection: close\n\n")).await
}

/// The status line and the headers but `date`, a line each.
async fn head(stream: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(soon(stream.read_line(&mut line)).await.unwrap(), 0, "{head}");
        match line.trim_end() {
            "" => return head,
            line if line.starts_with("date: ") || line == "connection: close" => {}
            line => head += &format!("{line}\n"),
        }
    }
}

/// What comes until the connection is closed.
async fn rest(stream: &mut BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
    String::from_utf8(rest).unwrap()
}

async fn answer(server: &Server, path: &str) -> (String, String) {
    let mut stream = get(server, path).await;
    (head(&mut stream).await, rest(&mut stream).await)
}

#[tokio::test]
async fn each_route_answers_as_its_row_of_the_table_says() {
    let server = Server::start().await.unwrap();
    let many = "x".repeat(40_000);
    for (path, status, headers, body) in [
        ("/page/one", "200 OK", "content-length: 9", "page one\n"),
        ("/page/one?two", "200 OK", "content-length: 9", "page one\n"),
        ("/bytes/0", "200 OK", "content-length: 0", ""),
        ("/bytes/3", "200 OK", "content-length: 3", "xxx"),
        ("/bytes/40000", "200 OK", "content-length: 40000", &many),
        (
            "/json",
            "200 OK",
            "content-type: application/json\ncontent-length: 29",
            r#"{"name": "tokio", "stars": 5}"#,
        ),
        (
            "/json/as/text/html",
            "200 OK",
            "content-type: text/html\ncontent-length: 29",
            r#"{"name": "tokio", "stars": 5}"#,
        ),
        (
            "/json/broken",
            "200 OK",
            "content-type: application/json\ncontent-length: 18",
            r#"{"name": "tokio", "#,
        ),
        ("/status/418", "418 I'm a teapot", "content-length: 17", "418 I'm a teapot\n"),
        ("/status/none", "400 Bad Request", "content-length: 11", "bad request"),
        ("/slow/headers/1", "200 OK", "content-length: 5", "slow\n"),
        ("/redirect/0", "302 Found", "location: /page/end\ncontent-length: 0", ""),
        ("/redirect/1", "302 Found", "location: /page/end\ncontent-length: 0", ""),
        ("/redirect/2", "302 Found", "location: /redirect/1\ncontent-length: 0", ""),
        ("/redirect/loop", "302 Found", "location: /redirect/loop\ncontent-length: 0", ""),
        ("/redirect/to/307?/echo", "307 Temporary Redirect", "location: /echo\ncontent-length: 0", ""),
        ("/redirect/to/308", "308 Permanent Redirect", "location: /\ncontent-length: 0", ""),
        ("/websocket/echo", "426 Upgrade Required", "content-length: 21", "426 Upgrade Required\n"),
        ("/nowhere", "404 Not Found", "content-length: 14", "404 Not Found\n"),
        ("/", "404 Not Found", "content-length: 14", "404 Not Found\n"),
    ] {
        let expected = (format!("HTTP/1.1 {status}\n{headers}\n"), body.to_owned());
        assert_eq!(answer(&server, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn what_is_echoed_is_the_method_the_headers_and_the_body() {
    let server = Server::start().await.unwrap();
    let request = "PUT /echo HTTP/1.1\nhost: lesson\ncontent-length: 4\nconnection: close\n\nbody";
    let mut stream = ask(&server, request).await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200 OK\n"));
    let echo = "PUT\nhost: lesson\ncontent-length: 4\nconnection: close\n\nbody";
    assert_eq!(rest(&mut stream).await, echo);
}

/// By its path: another KEY is another URL.
#[tokio::test]
async fn the_first_requests_of_a_url_fail_and_the_later_ones_do_not() {
    let server = Server::start().await.unwrap();
    for path in ["/fail/2/503/a", "/fail/2/503/b"] {
        for status in ["503 Service Unavailable", "503 Service Unavailable", "200 OK"] {
            let (head, body) = answer(&server, path).await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\n")), "{head}");
            let expected = if status == "200 OK" { "at last\n".to_owned() } else { format!("{status}\n") };
            assert_eq!(body, expected);
        }
    }
    assert_eq!((server.requests_to("/fail/2/503/a"), server.requests_to("/fail/2/503/c")), (3, 0));

    let busy = "HTTP/1.1 429 Too Many Requests\nretry-after: 7\ncontent-length: 22\n";
    assert_eq!(
        answer(&server, "/busy/1/seconds/7/a").await,
        (busy.to_owned(), "429 Too Many Requests\n".to_owned())
    );
    assert_eq!(answer(&server, "/busy/1/seconds/7/a").await.1, "at last\n");
    let before = SystemTime::now() + Duration::from_secs(3599);
    let (busy, _) = answer(&server, "/busy/1/date/3600/a").await;
    let date = busy.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    let date = httpdate::parse_http_date(date).unwrap();
    assert!(before <= date && date <= SystemTime::now() + Duration::from_secs(3600));
}

const HALF: &str = "C\r\nfirst half, \r\n";
const OTHER_HALF: &str = "C\r\nsecond half\n\r\n0\r\n\r\n";

#[tokio::test]
async fn a_gate_holds_everything_or_the_second_half_back_until_it_is_opened_for_good() {
    let server = Server::start().await.unwrap();
    let mut headers = get(&server, "/hold/headers/gate").await;
    let mut body = get(&server, "/hold/body/gate").await;
    head(&mut body).await;
    let mut half = [0; HALF.len()];
    soon(body.read_exact(&mut half)).await.unwrap();
    assert_eq!(half, HALF.as_bytes());
    let other = get(&server, "/hold/headers/other").await;
    soon(server.until(|counts| counts.in_flight == 3)).await;
    server.open("gate");
    assert_eq!(
        (head(&mut headers).await.lines().next(), rest(&mut headers).await),
        (Some("HTTP/1.1 200 OK"), "held\n".to_owned())
    );
    assert_eq!(rest(&mut body).await, OTHER_HALF);
    assert_eq!(answer(&server, "/hold/headers/gate").await.1, "held\n");
    assert_eq!(answer(&server, "/slow/body/1").await.1, HALF.to_owned() + OTHER_HALF);
    let counts = soon(server.until(|counts| counts.in_flight == 1 && counts.closed == 4)).await;
    assert_eq!(counts, Counts { connections: 5, closed: 4, requests: 5, in_flight: 1, peak: 3 });
    drop(other);
    let counts = soon(server.until(|counts| counts.in_flight == 0 && counts.closed == 5)).await;
    assert_eq!(counts, server.counts());
}

#[tokio::test]
async fn what_hangs_sends_nothing_or_half_and_what_is_endless_goes_on() {
    let server = Server::start().await.unwrap();
    let mut silent = get(&server, "/hang").await;
    let mut half = get(&server, "/hang/body").await;
    let mut endless = get(&server, "/endless").await;
    for stream in [&mut half, &mut endless] {
        assert_eq!(head(stream).await, "HTTP/1.1 200 OK\ntransfer-encoding: chunked\n");
    }
    let mut begin = [0; HALF.len()];
    soon(half.read_exact(&mut begin)).await.unwrap();
    assert_eq!(begin, HALF.as_bytes());
    let mut megabytes = vec![0; 4_000_000];
    soon(endless.read_exact(&mut megabytes)).await.unwrap();
    assert!(megabytes.starts_with(b"4000\r\nxxx"));
    drop(endless);
    soon(server.until(|counts| counts.closed == 1)).await;
    // It has sent nothing by now, and the end of the server is what comes first.
    server.stop().await;
    assert_eq!((rest(&mut silent).await, rest(&mut half).await), (String::new(), String::new()));
}

#[tokio::test]
async fn what_breaks_off_is_not_ended_and_what_is_no_http_is_sent_as_it_is() {
    let server = Server::start().await.unwrap();
    let cut = ("HTTP/1.1 200 OK\ncontent-length: 1000\n".to_owned(), "the beginning of".to_owned());
    assert_eq!(answer(&server, "/cut").await, cut);
    let chunk = "10\r\nthe beginning of\r\n".to_owned();
    assert_eq!(
        answer(&server, "/cut/chunked").await,
        ("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n".to_owned(), chunk)
    );
    assert_eq!(rest(&mut get(&server, "/close").await).await, "");
    assert_eq!(rest(&mut get(&server, "/garbage").await).await, "this is not what HTTP looks like\r\n\r\n");
}

/// Several requests over one connection, as a client that keeps it alive sends them.
#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start().await.unwrap();
    let mut stream = ask(&server, "").await;
    for page in ["one", "two"] {
        stream
            .write_all(format!("GET /page/{page} HTTP/1.1\r\nhost: lesson\r\n\r\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(head(&mut stream).await, "HTTP/1.1 200 OK\ncontent-length: 9\n");
        let mut body = [0; 9];
        soon(stream.read_exact(&mut body)).await.unwrap();
        assert_eq!(body, format!("page {page}\n").as_bytes());
    }
    assert_eq!((server.counts().connections, server.counts().requests), (1, 2));
}

/// RFC 6455: the handshake, frames of text, a ping and its pong. A client's frames are masked; a mask of zeros is one.
#[tokio::test]
async fn a_websocket_echoes_is_silent_or_says_goodbye() {
    let server = Server::start().await.unwrap();
    let handshake = |kind: &str| {
        format!(
            "GET /websocket/{kind} HTTP/1.1\nhost: lesson\nconnection: upgrade\nupgrade: websocket\n\
             sec-websocket-version: 13\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n\n"
        )
    };
    let upgraded = "HTTP/1.1 101 Switching Protocols\nconnection: upgrade\nupgrade: websocket\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";
    const TEXT: u8 = 0x81;
    const BINARY: u8 = 0x82;
    const CLOSE: u8 = 0x88;
    const PING: u8 = 0x89;
    const PONG: u8 = 0x8a;
    let sent =
        |kind: u8, text: &str| [&[kind, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat();
    let received = |kind: u8, text: &str| [&[kind, text.len() as u8], text.as_bytes()].concat();

    let mut echo = ask(&server, &handshake("echo")).await;
    let mut silent = ask(&server, &handshake("silent")).await;
    assert_eq!((head(&mut echo).await, head(&mut silent).await), (upgraded.to_owned(), upgraded.to_owned()));
    for (kind, answered, text) in [(TEXT, TEXT, "word"), (BINARY, BINARY, "bytes"), (PING, PONG, "ping")] {
        silent.write_all(&sent(kind, text)).await.unwrap();
        echo.write_all(&sent(kind, text)).await.unwrap();
        let mut frame = vec![0; 2 + text.len()];
        soon(echo.read_exact(&mut frame)).await.unwrap();
        assert_eq!(frame, received(answered, text));
    }
    let mut goodbye = ask(&server, &handshake("goodbye")).await;
    assert_eq!(head(&mut goodbye).await, upgraded);
    let mut frames = [0; 12];
    soon(goodbye.read_exact(&mut frames)).await.unwrap();
    assert_eq!(frames[..], [received(TEXT, "one"), received(TEXT, "two"), received(CLOSE, "")].concat()[..]);
    server.stop().await;
    assert_eq!(soon(silent.read(&mut [0; 9])).await.unwrap_or(0), 0, "it has answered nothing");
}

#[tokio::test]
async fn a_server_that_is_dropped_or_stopped_closes_its_port_and_its_connections() {
    for stops in [true, false] {
        let server = Server::start().await.unwrap();
        let address = server.address();
        assert_eq!(server.url("/page"), format!("http://{address}/page"));
        assert_eq!(server.websocket_url("/socket"), format!("ws://{address}/socket"));
        let mut stream = get(&server, "/hang").await;
        soon(server.until(|counts| counts.in_flight == 1)).await;
        if stops {
            server.stop().await;
            // With no await in between, in which what is merely asked to end would end.
            assert!(
                std::net::TcpListener::bind(address).is_ok(),
                "the port is free by the time that it returns"
            );
        } else {
            drop(server);
        }
        assert_eq!(rest(&mut stream).await, "");
        assert!(TcpStream::connect(address).await.is_err());
    }
}

/// What is asked for in the query goes out as it is, whatever it is.
#[tokio::test]
async fn raw_bytes_go_out_as_they_are_and_end_the_connection() {
    let server = Server::start().await.unwrap();
    let mut stream = get(&server, "/raw/a?HTTP/1.1%20299%20Fine%0d%0a%0D%0A%ff%00body%").await;
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes, b"HTTP/1.1 299 Fine\r\n\r\n\xff\0body");
}

#[tokio::test]
async fn the_first_connections_are_closed_and_the_later_ones_are_answered() {
    let server = Server::start().await.unwrap();
    assert_eq!(rest(&mut get(&server, "/close/1/a").await).await, "");
    assert_eq!(answer(&server, "/close/1/a").await.1, "at last\n");
}

/// A request for a file from an offset on, if it is still the version of the tag.
async fn range(server: &Server, path: &str, from: &str, tag: &str) -> (String, String) {
    let request =
        format!("GET {path} HTTP/1.1\nhost: lesson\nrange: {from}\nif-range: {tag}\nconnection: close\n\n");
    let mut stream = ask(server, &request).await;
    (head(&mut stream).await, rest(&mut stream).await)
}

#[tokio::test]
async fn a_file_is_answered_from_an_offset_on() {
    let server = Server::start().await.unwrap();
    let whole = "aaaaaaaaaabbbbbbbbbbcc";
    let tagged = |status: &str, range: &str, length: usize| {
        format!("HTTP/1.1 {status}\naccept-ranges: bytes\netag: \"0\"\n{range}content-length: {length}\n")
    };
    let all = (tagged("200 OK", "", 22), whole.to_owned());
    assert_eq!(answer(&server, "/file/steady/22/0").await, all);
    let part = tagged("206 Partial Content", "content-range: bytes 18-21/22\n", 4);
    assert_eq!(range(&server, "/file/steady/22/0", "bytes=18-", "\"0\"").await, (part, "bbcc".to_owned()));
    assert_eq!(range(&server, "/file/steady/22/0", "bytes=18-", "\"9\"").await, all, "another version");
    let beyond = tagged("416 Range Not Satisfiable", "content-range: bytes */22\n", 0);
    assert_eq!(range(&server, "/file/steady/22/0", "bytes=22-", "\"0\"").await, (beyond, String::new()));
    assert_eq!(range(&server, "/file/deaf/22/0", "bytes=18-", "\"0\"").await, all);
    let shifted = tagged("206 Partial Content", "content-range: bytes 19-21/22\n", 3);
    assert_eq!(range(&server, "/file/shifted/22/0", "bytes=18-", "\"0\"").await, (shifted, "bcc".to_owned()));
    let untagged = "HTTP/1.1 200 OK\naccept-ranges: bytes\ncontent-length: 22\n";
    assert_eq!(answer(&server, "/file/untagged/22/0").await, (untagged.to_owned(), whole.to_owned()));
}

#[tokio::test]
async fn a_file_may_break_off_and_change() {
    let server = Server::start().await.unwrap();
    let cut = answer(&server, "/file/changing/22/1/a").await;
    assert!(cut.0.ends_with("etag: \"0\"\ncontent-length: 22\n"), "{}", cut.0);
    assert_eq!(cut.1, "aaaaaaaaaab");
    let changed = answer(&server, "/file/changing/22/1/a").await;
    assert!(changed.0.contains("etag: \"1\"\n"));
    assert_eq!(changed.1, "bbbbbbbbbbccccccccccdd");
}
