//! Every public function that takes a number or a duration, at zero, one and the largest there is.

use std::num::NonZeroUsize;
use std::time::Duration;

use common::server::Server;
use futures::FutureExt;
use http_client::client::{Timeouts, aiohttp_defaults};
use http_client::download::download;
use http_client::json::json;
use http_client::limits::Limits;
use http_client::many::{self, Many};
use http_client::resume::{Part, resume};
use http_client::status::raise_for_status;
use http_client::websocket::Heartbeat;
use tokio::time::timeout;

use crate::support::{ONE, ms};
use crate::work::download::chunks;
use crate::work::many::{all, fetch, urls};
use crate::work::websocket::pair;
use crate::work::{DAY, builder, client, get, slow_response, url, with};

const DURATIONS: [Duration; 3] = [Duration::ZERO, ms(1), Duration::MAX];
const LIMITS: [NonZeroUsize; 2] = [ONE, NonZeroUsize::MAX];

/// A client is built with each of them, and the client without a limit fetches.
#[tokio::test]
async fn the_client_takes_all_of_them() {
    let server = Server::start().await.unwrap();
    for time in DURATIONS {
        let timeouts = Timeouts { total: Some(time), connect: Some(time), read: Some(time) };
        assert!(aiohttp_defaults(builder(), timeouts).build().is_ok());
        let client = with(timeouts);
        let sent = client.get(server.url("/hold/headers/gate")).send();
        if time == Duration::MAX {
            server.open("gate");
            assert_eq!(sent.await.unwrap().text().await.unwrap(), "held\n");
        } else {
            assert!(sent.await.unwrap_err().is_timeout(), "{time:?}");
        }
    }
}

/// With a limit of one, and of more than a semaphore holds, requests go out and are counted.
#[tokio::test]
async fn limits_take_all_of_them() {
    let server = Server::start().await.unwrap();
    for number in LIMITS {
        for per_host in LIMITS {
            let limits = Limits::new(number, per_host);
            let page = limits.send(&client(), get(server.url("/page/one"))).await.unwrap();
            assert_eq!(page.response().status(), 200);
            assert_eq!(limits.permits(&url("http://other/")).now_or_never().is_none(), number == ONE);
        }
    }
}

/// A limit of one and the largest limit, each with `aside` zero, one and the largest.
#[tokio::test(start_paused = true)]
async fn many_takes_all_of_them() {
    for number in LIMITS {
        for per_host in LIMITS {
            for aside in [0, 1, usize::MAX] {
                let limits = many::Limits { all: number, per_host, aside };
                let mut outcomes = all(Many::new(urls(&["one", "one", "two"]), limits, fetch)).await;
                outcomes.sort();
                assert_eq!(outcomes, ["one/0", "one/1", "two/2"], "{limits:?}");
            }
        }
    }
}

/// Limits of no byte, one byte and all bytes of a body, for the text of an error and for JSON.
#[tokio::test(start_paused = true)]
async fn the_limits_on_a_body_take_all_of_them() {
    for (keep, kept) in [(0, ""), (1, "1"), (usize::MAX, "12")] {
        let (_held, response) = slow_response(503, "text/plain", ["1", "2"]);
        assert_eq!(raise_for_status(response, keep).await.unwrap_err().body, kept);
        let (_held, response) = slow_response(200, "application/json", ["1", "2"]);
        assert_eq!(json(response, keep).await.ok(), (kept == "12").then_some(12_u8));
    }
}

/// Limits of no byte, of one byte, and of any length.
#[tokio::test]
async fn the_limit_on_a_download_takes_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for (limit, is_taken) in [(0, false), (1, false), (2, true), (u64::MAX, true)] {
        let written = download(chunks(vec![Ok("1"), Ok("2")]), &folder.path().join("page"), limit).await;
        assert_eq!(written.is_ok(), is_taken);
    }
}

/// A file of exactly the limit is accepted, also at the ends.
#[tokio::test]
async fn the_limit_on_a_resumed_file_takes_all_of_them() {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    for (size, limit, is_taken) in
        [(0, 0, true), (1, 0, false), (1, 1, true), (2, 1, false), (2, u64::MAX, true)]
    {
        let address = url(server.url(&format!("/file/steady/{size}/0")));
        assert_eq!(resume(&client(), address, &file, limit).await.ok(), is_taken.then_some(size));
    }
}

/// With an interval of zero the peer is lost at once; with `Duration::MAX`, never.
#[tokio::test(start_paused = true)]
async fn a_heartbeat_takes_all_of_them() {
    for (interval, is_lost) in
        [(Duration::ZERO, true), (Duration::from_nanos(1), true), (ms(1), true), (Duration::MAX, false)]
    {
        let (ours, _peer) = pair().await;
        let mut ours = Heartbeat::new(ours.socket, interval);
        assert_eq!(timeout(DAY, ours.next()).await.is_ok(), is_lost, "{interval:?}");
    }
}

/// A body of two bytes, without an earlier part: the limit is the longest file that is accepted.
#[tokio::test(start_paused = true)]
async fn the_limit_on_a_resumed_download_takes_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for (limit, is_taken) in [(0, false), (1, false), (2, true), (u64::MAX, true)] {
        let part = Part::of(&folder.path().join("page")).await.unwrap();
        let (_held, response) = slow_response(200, "text/plain", ["1", "2"]);
        assert_eq!(part.complete(response, limit).await.is_ok(), is_taken, "{limit}");
    }
}
