//! Lessons of the pattern `retry`.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::server::Server;
use futures::poll;
use http_client::retry::{Policy, Verdict, judge, retry, retry_after};
use reqwest::{Client, Method, Response};
use tokio::time::Instant;

use crate::work::retry::POLICY;
use crate::work::{DAY, client, seconds};

/// Runs `retry` over outcomes that are what they are judged as; says when each attempt began, and what came last.
async fn attempts(policy: Policy, random: f64, outcomes: &[Verdict]) -> (Vec<Duration>, Verdict) {
    let begin = Instant::now();
    let mut began = Vec::new();
    let last = retry(
        policy,
        || random,
        |outcome| *outcome,
        || {
            began.push(begin.elapsed());
            std::future::ready(outcomes[began.len() - 1])
        },
    )
    .await;
    assert_eq!(begin.elapsed(), *began.last().unwrap(), "no pause after the last attempt");
    (began, last)
}

/// The pause doubles, up to the longest one.
#[tokio::test(start_paused = true)]
async fn the_pause_doubles_and_has_a_longest() {
    let policy = Policy { retries: 5, longest: seconds(4), ..POLICY };
    let (began, last) = attempts(policy, 1.0, &[Verdict::Again; 6]).await;
    assert_eq!(began, [0, 1, 3, 7, 11, 15].map(seconds));
    assert_eq!(last, Verdict::Again, "the last outcome is handed back as it is");
}

/// Clients that failed together come back at different times: between half of the pause and all of it.
#[tokio::test(start_paused = true)]
async fn chance_shortens_a_pause_by_half_at_most() {
    let (began, _) = attempts(POLICY, 0.0, &[Verdict::Again; 4]).await;
    assert_eq!(began, [0, 500, 1500, 3500].map(Duration::from_millis));
}

/// A success is final, and so is a failure that would be the same again.
#[tokio::test(start_paused = true)]
async fn what_is_done_is_not_tried_again() {
    let (began, _) = attempts(POLICY, 1.0, &[Verdict::Again, Verdict::Done]).await;
    assert_eq!(began, [0, 1].map(seconds));
    let (began, _) = attempts(Policy { retries: 0, ..POLICY }, 1.0, &[Verdict::Again]).await;
    assert_eq!(began, [seconds(0)]);
}

/// `Retry-After` takes the place of the back-off, without chance: the server knows better.
#[tokio::test(start_paused = true)]
async fn the_servers_pause_is_kept_exactly() {
    let (began, _) = attempts(POLICY, 0.0, &[Verdict::After(seconds(7)), Verdict::Done]).await;
    assert_eq!(began, [0, 7].map(seconds));
}

/// An hour is longer than anybody waits. To come back sooner than asked would be worse than to give up.
#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_longest_ends_the_attempts() {
    let policy = Policy { total: DAY, ..POLICY };
    let (began, last) = attempts(policy, 0.0, &[Verdict::After(seconds(3600)), Verdict::Done]).await;
    assert_eq!((began, last), (vec![seconds(0)], Verdict::After(seconds(3600))));
    let (began, _) = attempts(policy, 0.0, &[Verdict::After(policy.longest), Verdict::Done]).await;
    assert_eq!(began, [seconds(0), policy.longest]);
}

/// A pause that would end after the total is not begun: the answer is known now.
#[tokio::test(start_paused = true)]
async fn no_pause_goes_beyond_the_total() {
    let policy = Policy { retries: 9, total: seconds(6), ..POLICY };
    let (began, _) = attempts(policy, 1.0, &[Verdict::Again; 9]).await;
    assert_eq!(began, [0, 1, 3].map(seconds));
    let exactly = Policy { total: seconds(7), ..policy };
    let (began, _) = attempts(exactly, 1.0, &[Verdict::Again; 9]).await;
    assert_eq!(began, [0, 1, 3, 7].map(seconds));
}

/// Even limits without an end do not overflow.
#[tokio::test(start_paused = true)]
async fn limits_may_be_as_long_as_a_duration_can_be() {
    let policy = Policy { retries: 1, pause: Duration::MAX, longest: Duration::MAX, total: DAY };
    let (began, _) = attempts(policy, 1.0, &[Verdict::Again]).await;
    assert_eq!(began.len(), 1);
}

/// A 503 in hand during the pause would keep its connection from the others, and its permit.
#[tokio::test(start_paused = true)]
async fn an_outcome_is_dropped_before_the_pause() {
    let permits = Arc::new(tokio::sync::Semaphore::new(1));
    let held = || async { Arc::clone(&permits).acquire_owned().await.unwrap() };
    let policy = Policy { retries: 1, ..POLICY };
    let mut work = pin!(retry(policy, || 1.0, |_| Verdict::Again, held));
    assert!(poll!(&mut work).is_pending());
    assert_eq!(permits.available_permits(), 1);
    drop(work.await);
}

async fn verdict(method: Method, client: &Client, server: &Server, path: &str) -> Verdict {
    let outcome = client.request(method.clone(), server.url(path)).send().await;
    judge(&method, outcome.as_ref(), SystemTime::now())
}

/// Only what may be different the next time, and only for a method that may be repeated.
#[tokio::test]
async fn only_passing_failures_of_idempotent_methods_are_worth_it() {
    let (server, client) = (Server::start().await.unwrap(), client());
    for status in [408, 429, 500, 502, 503, 504] {
        let path = format!("/status/{status}");
        assert_eq!(verdict(Method::GET, &client, &server, &path).await, Verdict::Again, "{path}");
        assert_eq!(verdict(Method::PUT, &client, &server, &path).await, Verdict::Again, "{path}");
        assert_eq!(verdict(Method::POST, &client, &server, &path).await, Verdict::Done, "{path}");
    }
    for status in [200, 400, 401, 403, 404, 410, 501] {
        assert_eq!(
            verdict(Method::GET, &client, &server, &format!("/status/{status}")).await,
            Verdict::Done,
            "{status}"
        );
    }
    assert_eq!(verdict(Method::GET, &client, &server, "/close").await, Verdict::Again);
    assert_eq!(
        verdict(Method::POST, &client, &server, "/close").await,
        Verdict::Done,
        "it may have been done"
    );
    assert_eq!(verdict(Method::GET, &client, &server, "/redirect/loop").await, Verdict::Done);
    // What is wrong with TLS is wrong the next time: a certificate, or a server that does not speak it.
    let without_tls = client.get(server.url("/page/one").replace("http:", "https:")).send().await;
    assert_eq!(judge(&Method::GET, without_tls.as_ref(), SystemTime::now()), Verdict::Done);
    let gone = server.url("/page/gone");
    server.stop().await;
    let refused = client.get(gone).send().await;
    assert_eq!(judge(&Method::GET, refused.as_ref(), SystemTime::now()), Verdict::Again);
}

/// A body that breaks off is worth another attempt too, if the attempt includes the body.
#[tokio::test]
async fn a_body_that_breaks_off_is_worth_another_attempt() {
    let server = Server::start().await.unwrap();
    for path in ["/cut", "/cut/chunked"] {
        let error = client().get(server.url(path)).send().await.unwrap().bytes().await.unwrap_err();
        assert_eq!(judge(&Method::GET, Err(&error), SystemTime::now()), Verdict::Again, "{path}");
    }
}

/// Both forms of the header: seconds, and a date, which is no pause when it is past.
#[tokio::test]
async fn retry_after_is_seconds_or_a_date() {
    let server = Server::start().await.unwrap();
    let busy = client().get(server.url("/busy/1/seconds/7/a")).send().await.unwrap();
    assert_eq!(retry_after(&busy, SystemTime::now()), Some(seconds(7)));

    let busy = client().get(server.url("/busy/1/date/3600/b")).send().await.unwrap();
    let date = busy.headers()["retry-after"].to_str().unwrap();
    let date = httpdate::parse_http_date(date).unwrap();
    assert_eq!(retry_after(&busy, date - seconds(90)), Some(seconds(90)));
    assert_eq!(retry_after(&busy, date + seconds(90)), Some(seconds(0)));

    let none = client().get(server.url("/status/503")).send().await.unwrap();
    assert_eq!(retry_after(&none, SystemTime::now()), None);
}

/// All of it together: two refusals with `Retry-After: 0`, then the page.
#[tokio::test]
async fn a_busy_server_gives_the_page_in_the_end() {
    let server = Server::start().await.unwrap();
    let (client, address) = (client(), server.url("/busy/2/seconds/0/c"));
    let outcome = retry(
        POLICY,
        || 1.0,
        |sent: &reqwest::Result<Response>| judge(&Method::GET, sent.as_ref(), SystemTime::now()),
        || client.get(&address).send(),
    )
    .await;
    assert_eq!(outcome.unwrap().text().await.unwrap(), "at last\n");
    assert_eq!(server.requests_to("/busy/2/seconds/0/c"), 3);
}

/// `Retry-After: 0`, from a server in trouble: the longer of its pause and ours.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_gets_ours() {
    let policy = Policy { retries: 5, ..POLICY };
    let impatient = [0, 0, 1, 1, 20, 0].map(|pause| Verdict::After(seconds(pause)));
    let (began, _) = attempts(policy, 1.0, &impatient).await;
    assert_eq!(began, [0, 1, 3, 7, 15, 35].map(seconds));
}

/// A number of seconds that no number holds is a long time, and not a header without meaning.
#[tokio::test]
async fn a_pause_beyond_every_number_is_a_very_long_one() {
    let server = Server::start().await.unwrap();
    let asked = async |value: &str| {
        let path = format!(
            "/raw/a?HTTP/1.1%20503%20Busy%0D%0ARetry-After:%20{value}%0D%0AContent-Length:%200%0D%0A%0D%0A"
        );
        retry_after(&client().get(server.url(&path)).send().await.unwrap(), SystemTime::now())
    };
    assert_eq!(asked("99999999999999999999999").await, Some(Duration::MAX));
    assert_eq!(asked("18446744073709551615").await, Some(seconds(u64::MAX)));
    assert_eq!(asked("007").await, Some(seconds(7)));
    for nonsense in ["-1", "1.5", "soon", "1e9", "", "+7"] {
        assert_eq!(asked(nonsense).await, None, "{nonsense:?}");
    }
}

/// A very long time is longer than the longest pause; without a longest pause, it is waited for.
#[tokio::test(start_paused = true)]
async fn a_very_long_pause_is_no_short_one() {
    let long = Verdict::After(Duration::MAX);
    let (began, last) = attempts(POLICY, 1.0, &[long]).await;
    assert_eq!((began.len(), last), (1, long));
    let patient = Policy { longest: Duration::MAX, total: Duration::MAX, ..POLICY };
    assert!(tokio::time::timeout(DAY, attempts(patient, 1.0, &[long])).await.is_err());
}

/// Attempts that fail at once, without a pause between them, leave room for the timeout around them.
#[tokio::test]
async fn attempts_without_a_pause_can_be_timed_out() {
    let policy = Policy { retries: u32::MAX, pause: Duration::ZERO, longest: DAY, total: DAY };
    let work = retry(policy, || 1.0, |()| Verdict::Again, || std::future::ready(()));
    assert!(tokio::time::timeout(Duration::from_millis(5), work).await.is_err());
}
