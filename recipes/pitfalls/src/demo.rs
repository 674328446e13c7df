//! The same program as `demo.py`: the pitfalls that both languages have in the same form, broken and fixed.

use anyhow::Context;

use crate::scenes;

/// All but one of the classics, and awaits in a loop.
const BOTH_HAVE: [&str; 10] = [
    "forgotten_await",
    "one_after_the_other",
    "cpu_on_the_runtime",
    "blocking_sleep",
    "cancelled_halfway",
    "tasks_without_limit",
    "resource_not_closed",
    "nested_runtime",
    "swallowed_error",
    "forgotten_task_done",
];

/// Shows each of them, one after the other.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    for name in BOTH_HAVE {
        scenes::find(name).context(name)?.show().await?;
    }
    Ok(())
}
