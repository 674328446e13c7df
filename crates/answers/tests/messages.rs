//! The messages that `docs/concordance/messages.toml` answers, made again: by the compiler, by Tokio, by reqwest.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "what is banned is what these messages are about"
)]

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use futures::FutureExt as _;
use toml_edit::DocumentMut;

/// Every form of every message that is answered.
fn forms() -> Vec<String> {
    let text = include_str!("../../../docs/concordance/messages.toml");
    let document: DocumentMut = text.parse().unwrap();
    let mut forms = Vec::new();
    for (name, entry) in document.iter() {
        forms.push(name.to_owned());
        let also = entry.get("also").and_then(|also| also.as_array());
        let also = also.into_iter().flatten();
        forms.extend(also.map(|form| form.as_str().unwrap().to_owned()));
    }
    forms
}

fn plain(text: &str) -> String {
    let text = text.replace(['`', '"', '\'', '|'], "").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text has the parts of a form, in their order.
fn fits(form: &str, text: &str) -> bool {
    let text = plain(text);
    let mut rest = text.as_str();
    form.split("{}").map(plain).all(|part| {
        match rest.split_once(part.as_str()) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        }
    })
}

/// Each message is one that is answered, in the form beside it.
fn check(messages: &[(&str, String)]) {
    let known = forms();
    let mut wrong = Vec::new();
    for (form, message) in messages {
        if !known.iter().any(|known| known == form) {
            wrong.push(format!("messages.toml has no {form:?}"));
        } else if !fits(form, message) {
            wrong.push(format!("{form:?} is not what was said: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a panic says.
fn panic_of<T>(work: impl FnOnce() -> T) -> String {
    text_of(catch_unwind(AssertUnwindSafe(work)).err().unwrap().as_ref())
}

async fn panic_in(work: impl Future<Output: Debug>) -> String {
    text_of(AssertUnwindSafe(work).catch_unwind().await.unwrap_err().as_ref())
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What comes before each program: a spawn as Tokio's, and something to wait for.
const HEAD: &str = "#![allow(dead_code, unused_variables)]\n\
    fn spawn<F: std::future::Future + Send + 'static>(_: F) {}\n\
    async fn wait() {}\nasync fn number() -> u32 { 7 }\nfn main() {}\n";

/// Programs that the compiler refuses, or warns of, and the form of its message.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "future cannot be sent between threads safely",
        "fn f() { spawn(async { let rc = std::rc::Rc::new(1); wait().await; drop(rc); }); }",
    ),
    (
        "cannot be shared between threads safely",
        "fn f() { let cell = std::cell::Cell::new(1); std::thread::scope(|s| { s.spawn(|| cell.set(2)); }); }",
    ),
    (
        "E0373",
        "fn f() { let names = vec![1]; spawn(async { drop(&names); wait().await }); }",
    ),
    (
        "closure may outlive the current function, but it borrows {}",
        "fn f() { let names = vec![1]; std::thread::spawn(|| println!(\"{names:?}\")); }",
    ),
    (
        "E0597",
        "fn f() { let names = vec![1]; let lent = &names; spawn(async move { drop(lent) }); }",
    ),
    ("E0716", "fn f() { let lent: &'static String = &String::new(); }"),
    (
        "E0521",
        "fn f(name: &str) { spawn(async move { println!(\"{name}\") }); }",
    ),
    (
        "E0382",
        "fn f() { let names = vec![1]; spawn(async move { drop(names) }); println!(\"{names:?}\"); }",
    ),
    (
        "value moved here, in previous iteration of loop",
        "fn f() { let names = vec![1]; for _ in 0..2 { spawn(async move { drop(names) }); } }",
    ),
    ("is not a future", "async fn f() { let n = 7; n.await; }"),
    ("{} is not an iterator", "async fn f() { for n in number() {} }"),
    ("E0728", "fn f() { wait().await; }"),
    ("E0752", "mod m { } async fn g() {} #[cfg(any())] fn main() {}"),
    (
        "E0733",
        "async fn f(n: u32) -> u32 { if n == 0 { 0 } else { f(n - 1).await } }",
    ),
    (
        "the trait `Unpin` is not implemented for {}",
        "fn poll<F: std::future::Future + Unpin>(_: F) {} fn f() { poll(wait()); }",
    ),
    ("unused implementer of {} that must be used", "async fn f() { wait(); }"),
    (
        "futures do nothing unless you `.await` or poll them",
        "async fn f() { wait(); }",
    ),
    (
        "E0038",
        "trait Service { async fn call(&self); } fn f(service: &dyn Service) {}",
    ),
    (
        "because method {} is `async`",
        "trait Service { async fn call(&self); } fn f(service: &dyn Service) {}",
    ),
    ("E0282", "fn f() { spawn(async { std::fs::read(\"a\")?; Ok(()) }); }"),
    ("expected `{}`, found future", "async fn f() { let n: u32 = number(); }"),
    (
        "no two async blocks, even if identical, have the same type",
        "fn f() { let all = vec![async { 1 }, async { 2 }]; }",
    ),
    (
        "no method named {} found for opaque type",
        "async fn f() { number().checked_add(1); }",
    ),
    (
        "E0499",
        "fn f() { let mut a = vec![1]; let b = &mut a; let c = &mut a; b.push(1); c.push(2); }",
    ),
    (
        "E0502",
        "fn f() { let mut a = vec![1]; let b = &a; a.push(1); drop(b); }",
    ),
    ("E0505", "fn f() { let a = vec![1]; let b = &a; drop(a); drop(b); }"),
    (
        "E0507",
        "fn call(_: impl FnMut() -> Vec<u32>) {} fn f() { let names = vec![1]; call(move || names); }",
    ),
    (
        "lifetime may not live long enough",
        "fn f<'a, 'b>(a: &'a str, b: &'b str) -> &'a str { if a.is_empty() { b } else { a } }",
    ),
    (
        "error[E0106]: missing lifetime specifier",
        "fn f(a: &str, b: &str) -> &str { a }",
    ),
    ("E0432", "use tokyo::spawn;"),
    ("E0658", "fn f() { let numbers = gen { yield 1; }; }"),
    (
        "error[E0015]: cannot call non-const function {} in {}",
        "const N: () = { let later = wait(); };",
    ),
    (
        "`Rc<{}>` cannot be sent between threads safely",
        "fn f() { let rc = std::rc::Rc::new(1); std::thread::spawn(move || drop(rc)); }",
    ),
    (
        "`RefCell<{}>` cannot be shared between threads safely",
        "fn f() { let cell = std::cell::RefCell::new(1); std::thread::scope(|s| { s.spawn(|| drop(cell.borrow())); }); }",
    ),
    (
        "`Cell<{}>` cannot be shared between threads safely",
        "fn f() { let cell = std::cell::Cell::new(1); std::thread::scope(|s| { s.spawn(|| cell.set(2)); }); }",
    ),
    (
        "dyn std::error::Error{} cannot be sent between threads safely",
        "fn send<T: Send>(_: T) {} fn f(error: Box<dyn std::error::Error>) { send(error) }",
    ),
    (
        "dyn Future<Output = {} cannot be sent between threads safely",
        "fn send<T: Send>(_: T) {} fn f(work: std::pin::Pin<Box<dyn Future<Output = ()>>>) { send(work) }",
    ),
    (
        "future cannot be sent between threads safely {} cannot satisfy `impl Future<Output = {}>: Send`",
        "fn send<T: Send>(_: T) {} async fn f() { send(async { wait().await; f().await }); }",
    ),
    (
        "cannot return value referencing local variable {}",
        "fn f<'a>() -> &'a str { let text = String::new(); text.as_str() }",
    ),
    (
        "borrowed data escapes outside of function",
        "fn f(name: &str) { spawn(async move { println!(\"{name}\") }); }",
    ),
    (
        "no method named `clone` found for struct {}Receiver<{}>",
        "fn f(receiver: std::sync::mpsc::Receiver<u32>) { receiver.clone(); }",
    ),
    (
        "`match` arms have incompatible types",
        "async fn other() -> u32 { 1 } async fn f() { match 1 { 1 => number(), _ => other() }; }",
    ),
    (
        "cannot {} from `impl Future<Output = {}>`",
        "async fn f() { number() - 1; }",
    ),
    (
        "cannot {} `impl Future<Output = {}>` by {}",
        "async fn f() { number() * 2; }",
    ),
    (
        "binary operation {} cannot be applied to type `impl Future<Output = {}>`",
        "async fn f() { number() == 7; }",
    ),
    (
        "`impl Future<Output = {}>` doesn't implement {}",
        "async fn f() { println!(\"{}\", number()); }",
    ),
    (
        "no method named {} found for enum `Result<{}, JoinError>`",
        "struct JoinError; fn f(ended: Result<u32, JoinError>) { ended.checked_add(1); }",
    ),
    (
        "the `?` operator can only be used in a function that returns {}",
        "fn f() { \"7\".parse::<u32>()?; }",
    ),
    (
        "`?` couldn't convert the error: {} is not satisfied",
        "fn f() -> Result<(), Box<dyn std::error::Error>> { Err::<(), u32>(7)?; Ok(()) }",
    ),
    (
        "higher-ranked lifetime error",
        "fn send<F: Send>(_: F) {} async fn call(mut f: impl AsyncFnMut(u32) -> u32) { f(7).await; } \
         async fn f(mut text: String) { call(async |n| { text.pop(); n }).await; } fn g() { send(f(String::new())) }",
    ),
    (
        "hidden type for {} captures lifetime that does not appear in bounds",
        "fn f(text: &str) -> impl Sized + use<> { text }",
    ),
    (
        "items from traits can only be used if the trait is in scope",
        "fn f() { let mut text = Vec::new(); text.write_all(b\"a\"); }",
    ),
];

#[test]
fn the_compiler_says_what_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let messages: Vec<_> = PROGRAMS
        .iter()
        .map(|(form, program)| {
            let path = folder.path().join("program.rs");
            // Of this one the main itself is what is wrong.
            let head = if *form == "E0752" {
                HEAD.replace("fn main", "async fn main")
            } else {
                HEAD.to_owned()
            };
            std::fs::write(&path, head + program).unwrap();
            let mut rustc = Command::new(
                std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
            );
            rustc
                .args(["--edition", "2024", "--emit", "metadata", "--out-dir"])
                .arg(folder.path());
            let said = rustc.arg(path).output().unwrap().stderr;
            (*form, String::from_utf8(said).unwrap())
        })
        .collect();
    check(&messages);
}

#[test]
fn a_runtime_in_the_wrong_place_says_what_is_answered() {
    let nested =
        panic_of(|| runtime().block_on(async { runtime().block_on(async {}) }));
    let dropped = panic_of(|| runtime().block_on(async { drop(runtime()) }));
    let outside = panic_of(|| tokio::spawn(async {}));
    let in_place = panic_of(|| {
        runtime().block_on(async { tokio::task::block_in_place(|| ()) })
    });
    let received = panic_of(|| {
        runtime().block_on(async {
            let (_sender, mut receiver) = tokio::sync::mpsc::channel::<()>(1);
            receiver.blocking_recv();
        });
    });
    let timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let timers = panic_of(|| {
        timers.block_on(async { tokio::time::sleep(Duration::ZERO).await })
    });
    let io = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let io = panic_of(|| {
        drop(io.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")))
    });
    let many = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let paused = panic_of(|| many.block_on(async { tokio::time::pause() }));
    check(&[
        ("Cannot start a runtime from within a runtime", nested),
        (
            "Cannot drop a runtime in a context where blocking is not allowed",
            dropped,
        ),
        (
            "there is no reactor running, must be called from the context of a Tokio 1.x runtime",
            outside,
        ),
        (
            "can call blocking only when running on the multi-threaded runtime",
            in_place,
        ),
        ("Cannot block the current thread from within a runtime", received),
        ("A Tokio 1.x context was found, but timers are disabled", timers),
        ("but IO is disabled", io),
        (
            "`time::pause()` requires the `current_thread` Tokio runtime.",
            paused,
        ),
    ]);
}

#[test]
fn a_runtime_that_has_ended_says_what_is_answered() {
    let ended = runtime();
    let listener =
        ended.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let entered = ended.enter();
    let sleep = tokio::time::sleep(Duration::from_secs(1));
    drop(entered);
    drop(ended);
    let accepted = runtime()
        .block_on(async { listener.accept().await.unwrap_err().to_string() });
    let slept = panic_of(|| runtime().block_on(sleep));
    check(&[
        ("A Tokio 1.x context was found, but it is being shutdown.", accepted),
        ("A Tokio 1.x context was found, but it is being shutdown.", slept),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ended_otherwise_says_what_is_answered() {
    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    let cancelled = task.await.unwrap_err();
    let panicked = tokio::spawn(async { panic!("no disk") }).await.unwrap_err();
    let mut twice = tokio::spawn(async {});
    (&mut twice).await.unwrap();
    let twice = panic_in(&mut twice).await;
    let mut resumed = Box::pin(async {});
    resumed.as_mut().await;
    let resumed = panic_in(resumed.as_mut()).await;
    let late = tokio::time::timeout(
        Duration::from_secs(1),
        std::future::pending::<()>(),
    )
    .await;
    tokio::task_local! { static REQUEST: u32; }
    check(&[
        ("task {} was cancelled", cancelled.to_string()),
        ("JoinError::Cancelled(Id({}))", format!("{cancelled:?}")),
        ("task {} panicked with message {}", panicked.to_string()),
        ("JoinHandle polled after completion", twice),
        (
            "async block resumed after completion",
            resumed.replace("`async fn`", "async block"),
        ),
        ("deadline has elapsed", late.unwrap_err().to_string()),
        (
            "Can't get a task id when not inside a task",
            panic_of(|| tokio::task::id()),
        ),
        (
            "cannot access a task-local storage value without setting it first",
            panic_of(|| REQUEST.get()),
        ),
        (
            "spawn_local called from outside",
            panic_of(|| tokio::task::spawn_local(async {})),
        ),
        (
            "`period` must be non-zero.",
            panic_of(|| tokio::time::interval(Duration::ZERO)),
        ),
    ]);
}

#[tokio::test]
async fn channels_and_locks_say_what_is_answered() {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.try_send(1).unwrap();
    let full = sender.try_send(2).unwrap_err().to_string();
    drop(receiver);
    let closed = sender.send(3).await.unwrap_err().to_string();
    let (broadcast, mut slow) = tokio::sync::broadcast::channel(1);
    for n in 0..5 {
        broadcast.send(n).unwrap();
    }
    let lagged = slow.recv().await.unwrap_err().to_string();
    let semaphore = tokio::sync::Semaphore::new(1);
    semaphore.close();
    let (oneshot, value) = tokio::sync::oneshot::channel::<()>();
    drop(oneshot);
    let poisoned = std::sync::Mutex::new(());
    let _panic = catch_unwind(AssertUnwindSafe(|| {
        let _guard = poisoned.lock().unwrap();
        panic!("half way");
    }));
    let disabled = panic_in(async {
        tokio::select! { Some(()) = async { None } => {} }
    });
    check(&[
        ("no available capacity", full),
        ("channel closed", closed),
        ("channel lagged by {}", lagged),
        (
            "semaphore closed",
            semaphore.acquire().await.unwrap_err().to_string(),
        ),
        ("RecvError(())", format!("{:?}", value.await.unwrap_err())),
        ("PoisonError { .. }", format!("{:?}", poisoned.lock().unwrap_err())),
        (
            "all branches are disabled and there is no else branch",
            disabled.await,
        ),
        (
            "mpsc bounded channel requires buffer > 0",
            panic_of(|| tokio::sync::mpsc::channel::<()>(0)),
        ),
        (
            "a semaphore may not have more than MAX_PERMITS permits ({})",
            panic_of(|| tokio::sync::Semaphore::new(usize::MAX)),
        ),
    ]);
}

#[tokio::test]
async fn streams_and_sockets_say_what_is_answered() {
    use futures::StreamExt as _;
    use tokio::io::AsyncReadExt as _;
    let early =
        (&b"ab"[..]).read_exact(&mut [0; 4]).await.unwrap_err().to_string();
    let codec = tokio_util::codec::LinesCodec::new_with_max_length(4);
    let mut lines =
        tokio_util::codec::FramedRead::new(&b"a long line\n"[..], codec);
    let long = lines.next().await.unwrap().unwrap_err().to_string();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let used =
        tokio::net::TcpListener::bind(address).await.unwrap_err().to_string();
    drop(listener);
    let refused =
        tokio::net::TcpStream::connect(address).await.unwrap_err().to_string();
    check(&[
        ("early eof", early),
        ("max line length exceeded", long),
        ("Address already in use (os error 98)", used),
        ("Connection refused (os error 111)", refused),
    ]);
}

/// A server that reads a request and answers by `bytes`, then closes.
async fn served(bytes: &'static [u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _read = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    });
    url
}

#[tokio::test]
async fn requests_say_what_is_answered() {
    let said =
        |error: reqwest::Error| format!("{:#}", anyhow::Error::new(error));
    let closed = reqwest::get(served(b"").await).await.unwrap_err();
    let half = reqwest::get(
        served(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await,
    )
    .await
    .unwrap();
    let html = reqwest::get(
        served(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>").await,
    )
    .await
    .unwrap();
    let missing = reqwest::get(
        served(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
    )
    .await
    .unwrap();
    let closed = said(closed);
    let half = said(half.text().await.unwrap_err());
    check(&[
        ("error sending request for url ({})", closed.clone()),
        ("connection closed before message completed", closed),
        ("end of file before message length reached", half),
        (
            "error decoding response body",
            said(html.json::<u32>().await.unwrap_err()),
        ),
        (
            "HTTP status client error ({}) for url ({})",
            said(missing.error_for_status().unwrap_err()),
        ),
        ("builder error", said(reqwest::get("no url").await.unwrap_err())),
        (
            "relative URL without a base",
            said(reqwest::get("no url").await.unwrap_err()),
        ),
    ]);
}
