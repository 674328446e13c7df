//! `cargo cookbook find`, measured with names by their use in real code, messages as they are pasted, and tasks as they
//! are typed. In an expected cell `a:b` is recipe and pattern, `/` is either, `-` says that any answer is right, and
//! `(x)` counts once the recipe x exists.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

const NAMES: &str = include_str!("find/names.tsv");
const MESSAGES: &str = include_str!("find/messages.tsv");
const TASKS: &str = include_str!("find/tasks.tsv");

/// What the program prints for words typed behind `find`; nothing if it refuses.
fn find(words: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cookbook"));
    let output = command.args(["find", words]).env_remove("CARGO_PKG_NAME").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.success(), !printed.is_empty(), "{words}");
    printed
}

fn first_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

/// The recipe and the pattern of an answer, but not of those below it.
fn shown_in(answer: &str) -> Option<(&str, Option<&str>)> {
    let best = answer.split("\nSee also\n").next()?;
    let line = best.lines().find_map(|line| line.strip_prefix("    recipe  "))?;
    let place = line.split(':').next()?;
    Some(place.split_once(", pattern ").map_or((place, None), |(recipe, pattern)| (recipe, Some(pattern))))
}

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes")
}

/// Whether an answer is one of those that the cell expects.
fn is_expected(answer: &str, cell: &str) -> bool {
    let Some((recipe, pattern)) = shown_in(answer) else {
        let is_to_come =
            |one: &str| one.starts_with('(') && !recipes().join(one.trim_matches(['(', ')'])).exists();
        return cell == "-" || !answer.is_empty() && cell.split('/').any(is_to_come);
    };
    let mut owner = "";
    cell == "-"
        || cell.split('/').map(|one| one.trim_matches(['(', ')'])).any(|one| {
            let (wanted, part) = match one.split_once(':') {
                Some((wanted, part)) => (wanted, Some(part)),
                None if recipes().join(one).exists() => (one, None),
                // `timeouts/select` is a pattern of the recipe before it.
                None => (owner, Some(one)),
            };
            owner = wanted;
            recipe == wanted && part.is_none_or(|part| pattern == Some(part))
        })
}

fn rows(table: &str) -> Vec<(&str, &str)> {
    table.lines().skip(1).map(|row| row.split_once('\t').unwrap()).collect()
}

fn check(table: &str, least: usize) {
    let rows = rows(table);
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(asked, cell)| {
            let answer = find(asked);
            let found = format!("{asked:?}: {:?}, and {cell} is expected", shown_in(&answer));
            (!is_expected(&answer, cell)).then_some(found)
        })
        .collect();
    assert!(rows.len() - wrong.len() >= least, "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The libraries for whose names nearly all uses must be answered.
const OURS: [&str; 5] = ["asyncio.", "loop.", "concurrent.futures.", "contextlib.", "aiohttp."];

/// Of the hundred most used names, those whose answers link no lesson, each with its reason.
const UNPROVED: [(&str, &str); 1] = [(
    "aiosqlite.Connection.execute",
    "sqlx and rusqlite compile SQLite itself, which is longer than the rest of the book takes",
)];

/// Of the two hundred most used names, those whose answers show no code, each with its reason.
const UNSHOWN: [(&[&str], &str); 4] = [
    (
        &[
            "aiobotocore.config.AioConfig",
            "aiobotocore.session.AioSession",
            "aiosqlite.Connection.commit",
            "aiosqlite.Connection.execute",
            "asyncpg.create_pool",
            "asyncpg.pool.Pool",
            "redis.asyncio.client.Pipeline",
        ],
        "the crates sqlx, redis and those of AWS take longer to compile than the rest of the book",
    ),
    (
        &["aiohttp.FormData"],
        "a form of files needs the feature `multipart`, which nothing else of the book has",
    ),
    (&["asyncio.PriorityQueue"], "it is a pattern of queues, which is copied whole"),
    (
        &[
            "aiohttp.ClientResponse.content_type",
            "asyncio.InvalidStateError",
            "asyncio.StreamWriter.is_closing",
            "loop.get_debug",
            "loop.is_closed",
            "loop.remove_signal_handler",
            "loop.shutdown_asyncgens",
            "trio.BrokenResourceError",
            "trio.ClosedResourceError",
            "trio.socket.from_stdlib_socket",
        ],
        "there is nothing to write, or one expression, which the sentence has",
    ),
];

#[test]
fn names_are_answered_by_their_use_in_real_code() {
    let (mut ours, mut others, mut wrong) = ((0, 0), (0, 0), Vec::new());
    let (mut by_use, mut unproved) = (Vec::new(), Vec::new());
    for (name, uses) in rows(NAMES) {
        let uses: u32 = uses.parse().unwrap();
        let answer = find(name);
        let best = answer.split("\nSee also\n").next().unwrap();
        // Code is what is between two empty lines.
        by_use.push((uses, name, best.contains("\n    lesson  cargo test -p "), best.contains("\n\n")));
        let last = name.rsplit('.').next().unwrap().to_lowercase();
        let is_ours = OURS.iter().any(|module| name.starts_with(module)) && !name.starts_with("aiohttp.web");
        let (answered, all) = if is_ours { &mut ours } else { &mut others };
        *all += uses;
        if first_line(&answer).to_lowercase().contains(&last) {
            *answered += uses;
        } else {
            wrong.push(format!("{name}: {:?}", first_line(&answer)));
        }
    }
    let percent = |(answered, all): (u32, u32)| f64::from(answered) / f64::from(all) * 100.0;
    assert!(percent(ours) >= 98.0, "{}: {wrong:#?}", percent(ours));
    assert!(percent(others) >= 85.0, "{}: {wrong:#?}", percent(others));

    by_use.sort_by_key(|(uses, ..)| std::cmp::Reverse(*uses));
    for (_, name, is_proved, _) in by_use.iter().take(100) {
        let is_excused = UNPROVED.iter().any(|(other, _)| other == name);
        if *is_proved == is_excused {
            unproved.push(name);
        }
    }
    assert!(unproved.is_empty(), "no lesson proves them, or one does and they are excused: {unproved:?}");

    let is_wrong = |name: &str, has_code: bool| {
        let is_excused = UNSHOWN.iter().any(|(names, _)| names.contains(&name));
        has_code == is_excused
    };
    let unshown: Vec<_> =
        by_use.iter().take(200).filter(|row| is_wrong(row.1, row.3)).map(|row| row.1).collect();
    assert!(unshown.is_empty(), "they have no code, or some and are excused: {unshown:?}");
}

#[test]
fn messages_are_recognised_as_they_are_pasted() {
    check(MESSAGES, 26);
}

#[test]
fn tasks_are_answered_by_the_recipe_that_does_them() {
    check(TASKS, 36);
}

/// As people type a name, and the first line of the answer.
#[test]
fn a_name_may_be_typed_as_it_stands_in_a_program() {
    for (typed, expected) in [
        ("loop.run_in_executor", "loop.run_in_executor"),
        ("self._loop.run_in_executor(None, work)", "loop.run_in_executor"),
        ("queue.get", "asyncio.Queue.get"),
        ("await self.queue.get()", "asyncio.Queue.get"),
        ("self.task.cancel", "asyncio.Task.cancel"),
        ("Task[int]", "asyncio.Task"),
        ("asyncio.exceptions.TimeoutError", "asyncio.exceptions.TimeoutError: asyncio.TimeoutError"),
        ("asyncio.wait_for(x, 5)", "asyncio.wait_for"),
        ("@pytest_asyncio.fixture", "pytest_asyncio.fixture"),
        ("mock.assert_awaited_once_with(1)", "unittest.mock.AsyncMock.assert_awaited_once_with"),
        ("result = await asyncio.gather(*tasks)", "asyncio.gather"),
        ("asyncio.gather(*tasks, return_exceptions=True)", "asyncio.gather"),
        ("return_exceptions=True", "asyncio.gather(return_exceptions=True)"),
        ("async with", "async with"),
        ("except*", "except*"),
        ("async with asyncio.timeout(5):", "asyncio.timeout"),
        ("except asyncio.CancelledError as error:", "asyncio.CancelledError"),
        ("from asyncio import TaskGroup", "asyncio.TaskGroup"),
        ("writer.drain", "asyncio.StreamWriter.drain"),
        ("proc.communicate", "asyncio.subprocess.Process.communicate"),
        ("session.get(url)", "aiohttp.ClientSession.get"),
        ("resp.json()", "aiohttp.ClientResponse.json"),
        ("executor.submit", "concurrent.futures.ThreadPoolExecutor.submit"),
        ("sem.acquire", "asyncio.Semaphore.acquire"),
        ("fut.set_result(1)", "asyncio.Future.set_result"),
        ("asyncio.PriorityQueue.put_nowait", "asyncio.PriorityQueue.put_nowait: as asyncio.Queue.put_nowait"),
        ("aiohttp.web_response.Response", "aiohttp.web_response.Response: aiohttp.web.Response"),
        ("tokio::select!", "select!"),
        ("JoinSet", "JoinSet"),
        ("JoinSet::join_next", "JoinSet.join_next"),
        ("mpmc", "mpmc"),
        ("start_paused", "start_paused"),
        ("E0373", "E0373"),
    ] {
        let answer = find(typed);
        let first = first_line(&answer);
        assert!(first.starts_with(expected), "{typed}: {first}");
    }
}

#[test]
fn a_method_of_future_and_of_task_answers_for_both() {
    for method in ["done", "result", "exception", "cancelled", "cancel", "add_done_callback", "get_loop"] {
        for class in ["Future", "Task"] {
            let answer = find(&format!("asyncio.{class}.{method}"));
            let first = first_line(&answer);
            assert!(first.starts_with(&format!("asyncio.{class}.{method}, and ")), "{first}");
        }
    }
}

/// The best answer whole, the others a line each, and no more than four of them.
#[test]
fn a_bare_name_lists_what_else_is_called_so() {
    let answer = find("get");
    assert!(answer.starts_with("asyncio.Queue.get\n"), "{answer}");
    let (_, others) = answer.split_once("\nSee also\n").unwrap();
    for name in ["aiohttp.ClientSession.get:", "contextvars.ContextVar.get:"] {
        assert!(others.contains(name), "{others}");
    }
    assert!(others.lines().count() <= 4 && others.lines().all(|line| line.chars().count() < 80), "{others}");
}

/// Whatever a log, a shell or a compiler puts around a message, and whatever names are in it.
#[test]
fn a_message_is_the_same_with_other_names_and_with_what_stands_before_it() {
    for (pasted, recipe) in [
        (
            "main.py:7: RuntimeWarning: coroutine 'Client.close' was never awaited\n  client.close()",
            "pitfalls",
        ),
        ("sys:1: RuntimeWarning: coroutine \"fetch_all\" was never awaited", "pitfalls"),
        (
            "2024-05-01 12:00:00 ERROR asyncio: Task exception was never retrieved\nfuture: <Task finished>",
            "error_handling",
        ),
        (
            "thread 'tokio-runtime-worker' panicked at src/main.rs:4:5:\nthere is no reactor running, must be called from the context of a Tokio 1.x runtime",
            "pitfalls",
        ),
        (
            "error[E0373]: async block may outlive the current function, but it borrows `names`, which is owned by the current function\n --> src/main.rs:3:18",
            "compile_errors",
        ),
        (
            "error: future cannot be sent between threads safely\n   --> src/lib.rs:10:5\n    |",
            "compile_errors",
        ),
        ("warning: this `MutexGuard` is held across an await point", "pitfalls"),
        ("called `Result::unwrap()` on an `Err` value: JoinError::Cancelled(Id(23))", "timeouts"),
        (
            "[2m2024[0m WARN Executing <Task pending name='Task-7' coro=<main()>> took 1.204 seconds",
            "diagnosing",
        ),
        (
            "Traceback (most recent call last):\n  File \"x.py\", line 3, in <module>\n    asyncio.run(main())\nRuntimeError: asyncio.run() cannot be called from a running event loop",
            "pitfalls",
        ),
        ("OSError: [Errno 24] Too many open files: 'names.txt'", "pitfalls"),
        (
            "reqwest::Error { kind: Request, source: hyper_util::client::legacy::Error(Connect, ConnectError(\"tcp connect error\")) }",
            "http_client",
        ),
        ("Error: error sending request for url (https://example.org/a?b=c)", "http_client"),
    ] {
        let answer = find(pasted);
        assert_eq!(shown_in(&answer).map(|(recipe, _)| recipe), Some(recipe), "{pasted}: {answer}");
    }
}

/// A reader pastes what rustc says of his program: its first line, with his own names in it, or all of it. The page that
/// has this message answers; several pages may begin alike, and then the rest of the message decides.
#[test]
fn what_rustc_says_leads_to_its_page() {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(recipes().join("compile_errors/errors")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "stderr") {
            let page = path.file_stem().unwrap().to_str().unwrap().to_owned();
            all.push((page, std::fs::read_to_string(&path).unwrap()));
        }
    }
    // Without the names in it, the first line of one is that of another.
    let begins = |message: &str| message.lines().next().unwrap().split('`').step_by(2).collect::<String>();
    assert!(all.len() >= 32);
    let mut wrong = Vec::new();
    let mut ask = |asked: &str, pages: &[String]| {
        let answer = find(asked);
        let found = shown_in(&answer).filter(|(recipe, _)| *recipe == "compile_errors");
        if !found.and_then(|(_, page)| page).is_some_and(|page| pages.iter().any(|known| known == page)) {
            wrong.push(format!("{asked}\n    {:?}, and {pages:?} is expected", shown_in(&answer)));
        }
    };
    for (page, message) in &all {
        let alike = all.iter().filter(|(_, other)| begins(other) == begins(message));
        let alike: Vec<_> = alike.map(|(page, _)| page.clone()).collect();
        let first_line = message.lines().next().unwrap();
        ask(first_line, &alike);
        ask(&with_other_names(first_line), &alike);
        // As an editor shows it: without the code.
        let (_, words) = first_line.split_once(": ").unwrap();
        ask(&with_other_names(words), &alike);
        let own = [page.clone()];
        ask(message, &own);
        ask(&with_other_names(message), &own);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A message with the names and types of another program.
fn with_other_names(message: &str) -> String {
    let mut text = message.to_owned();
    for (name, other) in [
        ("pages", "open_orders"),
        ("names", "rows"),
        ("results", "updates_tx"),
        ("queue", "work_rx"),
        ("Source", "Repository"),
        ("Item", "Event"),
        ("usize", "Vec<serde_json::Value>"),
        ("String", "reqwest::Response"),
        ("to_uppercase", "status"),
        ("`name`", "`cfg`"),
        ("`task`", "`worker`"),
        ("SettingsError", "sqlx::Error"),
        ("FnOnce", "Send"),
        ("load", "run_forever"),
        ("src/main.rs", "src/services/orders.rs"),
    ] {
        text = text.replace(name, other);
    }
    text
}

/// The headings of the guide that the recipes follow.
#[test]
fn chinese_headings_are_answered() {
    for (heading, recipe) in [
        ("异步编程", "async_await"),
        ("异步上下文管理器", "context_managers"),
        ("异步迭代器", "async_iterators"),
        ("异步生成器", "async_iterators"),
        ("异步队列", "queues"),
        ("生产者消费者", "queues"),
        ("信号量和锁", "semaphores"),
        ("限制并发", "gather"),
        ("超时和取消", "timeouts"),
        ("事件循环管理", "event_loop"),
        ("线程池", "executors"),
        ("进程池", "executors"),
        ("错误处理", "error_handling"),
        ("结构化并发", "task_groups"),
        ("最佳实践", "pitfalls"),
        ("常见陷阱", "pitfalls"),
    ] {
        assert_eq!(shown_in(&find(heading)).map(|(recipe, _)| recipe), Some(recipe), "{heading}");
    }
}

/// The form that a program mostly needs is in the first sentence or two, and the strong one behind it.
#[test]
fn the_everyday_form_comes_first() {
    for (name, first, then) in [
        ("asyncio.wait_for", "`tokio::time::timeout", "`timeout_and_wait`"),
        ("asyncio.wait", "`tokio::select!`", "the pattern `wait`"),
        ("asyncio.Task.add_done_callback", "`JoinSet`", "`TaskTracker`"),
        ("loop.call_soon_threadsafe", "`oneshot::Sender::send`", "`CancellationToken::cancel`"),
        ("asyncio.AbstractEventLoop", "`tokio::runtime::Handle`", "no trait"),
        ("asyncio.ensure_future", "`tokio::spawn", "`impl IntoFuture`"),
        ("asyncio.Queue", "`tokio::sync::mpsc::channel(n)`", "`mpsc::unbounded_channel()`"),
        ("asyncio.Event", "`CancellationToken`", "`watch::channel(false)`"),
        ("asyncio.Event.wait", "`CancellationToken`", "`notify_one` stores one permit"),
        ("asyncio.gather", "`futures::future::try_join_all", "drops its siblings"),
        ("asyncio.current_task", "`tokio::task::id()`", "panics in `main`"),
        ("asyncio.get_event_loop", "`Handle::current()`", "`Handle`"),
        ("asyncio.StreamReader.readline", "`AsyncBufReadExt::read_line", "cancel safe"),
    ] {
        let answer = find(name).split_whitespace().collect::<Vec<_>>().join(" ");
        let (at, behind) = (answer.find(first), answer.rfind(then));
        assert!(at.is_some() && at < behind, "{name}: {answer}");
    }
}

/// What has nothing to do with the book has no answer.
#[test]
fn what_does_not_fit_is_refused() {
    for words in ["zebra", "kubernetes ingress yaml", "how to bake a cake"] {
        assert_eq!(find(words), "", "{words}");
    }
}
