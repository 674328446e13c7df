//! Two tasks that hang, as a build with `tokio_unstable` shows them: to tokio-console, and by a dump of all tasks.
//!
//! ```sh
//! cd recipes/diagnosing/unstable
//! RUSTFLAGS="--cfg tokio_unstable" cargo run
//! ```
//!
//! Instead of tokio-console's table it prints the data that tokio-console receives, and then the stack of each waiting task:
//!
//! ```text
//! console: ann, spawned at src/main.rs:54, polled 1 time, woken 0 times
//! console: bob, spawned at src/main.rs:55, polled 1 time, woken 0 times
//! dump: ann waits in unstable::friend at src/main.rs:43:14
//! dump: bob waits in unstable::friend at src/main.rs:43:14
//! ```
//!
//! In your own program, add the two dependencies of Cargo.toml, call `console_subscriber::init()` first in `main`, and set the
//! flag for the whole build. Then run `cargo install tokio-console`, and `tokio-console` in another terminal. A task that was
//! spawned before `init` is not on its list.
//!
//! The dump works on Linux. It polls each task once to find where it waits, so it needs a runtime that is not blocked: put a
//! `timeout` around it. The frames below yours belong to the standard library and to Tokio.

use std::time::Duration;

use console_api::field::{Name, Value};
use console_api::instrument::InstrumentRequest;
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::tasks::Task;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::timeout;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The port where tokio-console looks.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 6669);
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for a word, and then sends one. Two of them, each with the other's ends, wait for each other.
async fn friend(hears: oneshot::Receiver<()>, says: oneshot::Sender<()>) {
    if hears.await.is_ok() {
        // The other task may be gone.
        let _is_heard = says.send(());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let console = console_subscriber::ConsoleLayer::builder().server_addr(ADDRESS);
    console.publish_interval(Duration::from_millis(100)).init();
    let ((ann_says, anns_word), (bob_says, bobs_word)) = (oneshot::channel(), oneshot::channel());
    let ann = task::Builder::new().name("ann").spawn(friend(bobs_word, ann_says))?;
    let bob = task::Builder::new().name("bob").spawn(friend(anns_word, bob_says))?;

    timeout(PATIENCE, console_lists(["ann", "bob"])).await??;
    let dump = timeout(PATIENCE, Handle::current().dump()).await?;
    for (name, id) in [("ann", ann.id()), ("bob", bob.id())] {
        // The tasks of the connection to the console are in the dump, too.
        let task = dump.tasks().iter().find(|task| task.id() == id).ok_or("it is alive")?;
        let trace = task.trace().to_string();
        let frame = trace.lines().find(|frame| frame.contains("unstable::friend")).ok_or("it waits")?;
        let (function, place) = frame
            .trim_start_matches(|letter: char| !letter.is_alphabetic())
            .split_once(" at ")
            .ok_or("a line")?;
        let place = place.rsplit_once("/unstable/").map_or(place, |(_, place)| place);
        println!("dump: {name} waits in {function} at {place}");
    }
    ann.abort();
    bob.abort();
    Ok(())
}

/// Asks as tokio-console does, until all of `names` are listed and have been polled.
async fn console_lists(names: [&str; 2]) -> Result<()> {
    let (host, port) = (ADDRESS.0.map(|byte| byte.to_string()).join("."), ADDRESS.1);
    let mut client = loop {
        // The console's server is a thread that has just begun.
        match InstrumentClient::connect(format!("http://{host}:{port}")).await {
            Ok(client) => break client,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let mut updates = client.watch_updates(InstrumentRequest {}).await?.into_inner();
    let (mut listed, mut stats) = (Vec::new(), std::collections::HashMap::new());
    while let Some(update) = updates.message().await? {
        let Some(tasks) = update.task_update else { continue };
        listed.extend(tasks.new_tasks);
        stats.extend(tasks.stats_update);
        let line = |name: &&str| {
            let task = listed.iter().find(|task| self::name(task) == Some(name))?;
            let stats = stats.get(&task.id?.id)?;
            let polls = stats.poll_stats.as_ref()?.polls;
            let place = task.location.as_ref()?;
            let line = format!("{}:{}", place.file.as_ref()?, place.line?);
            let is_polled = polls > 0;
            is_polled.then(|| {
                format!(
                    "console: {name}, spawned at {line}, polled {polls} time, woken {} times",
                    stats.wakes
                )
            })
        };
        let lines: Vec<_> = names.iter().filter_map(line).collect();
        if lines.len() == names.len() {
            println!("{}", lines.join("\n"));
            return Ok(());
        }
    }
    Err("the console's server has ended".into())
}

/// The name that the task was spawned with.
fn name(task: &Task) -> Option<&str> {
    task.fields.iter().find_map(|field| match (&field.name, &field.value) {
        (Some(Name::StrName(key)), Some(Value::DebugVal(name))) if key == "task.name" => Some(name.as_str()),
        _ => None,
    })
}
