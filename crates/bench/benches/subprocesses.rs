//! What the patterns of `recipes/subprocesses` cost: programs that do nothing, bytes through `cat`, and lines of `seq`.

use std::num::NonZeroUsize;
use std::process::Stdio;

use bench::{asyncio, measure, print_ratios};
use subprocesses::group::ProcessGroup;
use subprocesses::lines::{LINE, OutputLines};
use subprocesses::many::collect_all;
use subprocesses::no_orphans::Tied;
use subprocesses::run::run;
use subprocesses::talk::talk;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, empty, repeat, sink};
use tokio::process::Command;
use tokio::runtime::Builder;

const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();
const PROGRAMS: usize = 400;
const BYTES: usize = 50_000_000;
const LINES: usize = 200_000;
const ROUNDS: usize = 5;

fn main() -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let nothing = || {
        let mut command = Command::new("true");
        command.stdin(Stdio::null());
        command
    };

    let mut rows = vec![
        measure("run", PROGRAMS, ROUNDS, || {
            let all = collect_all(0..PROGRAMS, FOUR, |_| run(nothing(), 1_000));
            assert!(runtime.block_on(all).iter().all(Result::is_ok));
        }),
        measure("ProcessGroup: spawn and wait", PROGRAMS, ROUNDS, || {
            let wait = |_| async { ProcessGroup::spawn(nothing())?.wait().await };
            assert!(runtime.block_on(collect_all(0..PROGRAMS, FOUR, wait)).iter().all(Result::is_ok));
        }),
        measure("Tied: spawn and wait", PROGRAMS, ROUNDS, || {
            let wait = |_| async { Tied::spawn(nothing())?.wait().await };
            assert!(runtime.block_on(collect_all(0..PROGRAMS, FOUR, wait)).iter().all(Result::is_ok));
        }),
        measure("Command::output", PROGRAMS, ROUNDS, || {
            let output = |_| async { nothing().output().await };
            assert!(runtime.block_on(collect_all(0..PROGRAMS, FOUR, output)).iter().all(Result::is_ok));
        }),
    ];
    rows.extend(asyncio("subprocesses.py", &[0, PROGRAMS, FOUR.get(), ROUNDS])?);
    print_ratios("a program that does nothing, four at once", &rows);

    let cat = || {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()
    };
    let mut rows = vec![measure("talk", BYTES, ROUNDS, || {
        let there_and_back = runtime.block_on(async {
            let mut child = cat()?;
            let pipes = child.stdin.take().zip(child.stdout.take());
            let (stdin, stdout) = pipes.ok_or(std::io::ErrorKind::NotFound)?;
            let counts = talk(stdin, stdout, repeat(0).take(BYTES as u64), sink()).await?;
            child.wait().await?;
            std::io::Result::Ok(counts)
        });
        assert!(there_and_back.is_ok_and(|(_, back)| back == BYTES as u64));
    })];
    rows.extend(asyncio("subprocesses.py", &[1, BYTES, 0, ROUNDS])?);
    print_ratios("a byte through cat, there and back", &rows);

    let seq = || {
        let mut command = Command::new("seq");
        command.arg(LINES.to_string()).stdout(Stdio::piped()).kill_on_drop(true).spawn()
    };
    let mut rows = vec![
        measure("OutputLines", LINES, ROUNDS, || {
            let count = runtime.block_on(async {
                let mut child = seq()?;
                let stdout = child.stdout.take().ok_or(std::io::ErrorKind::NotFound)?;
                let (mut lines, mut count) = (OutputLines::new(stdout, empty(), LINE), 0);
                while lines.next().await?.is_some() {
                    count += 1;
                }
                child.wait().await?;
                std::io::Result::Ok(count)
            });
            assert!(count.is_ok_and(|count| count == LINES));
        }),
        measure("AsyncBufReadExt::lines", LINES, ROUNDS, || {
            let count = runtime.block_on(async {
                let mut child = seq()?;
                let stdout = child.stdout.take().ok_or(std::io::ErrorKind::NotFound)?;
                let (mut lines, mut count) = (BufReader::new(stdout).lines(), 0);
                while lines.next_line().await?.is_some() {
                    count += 1;
                }
                child.wait().await?;
                std::io::Result::Ok(count)
            });
            assert!(count.is_ok_and(|count| count == LINES));
        }),
    ];
    rows.extend(asyncio("subprocesses.py", &[2, LINES, 0, ROUNDS])?);
    print_ratios("a line of seq", &rows);
    Ok(())
}
