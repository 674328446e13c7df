//! The log: one line per event, `  1.000s  message`, on the runtime's clock.

use std::fmt;

use anstyle::{AnsiColor, Style};
use tokio::time::Instant;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats an event as the time since `start`, in seconds, and its message.
///
/// The time is `tokio::time::Instant`, so a paused runtime prints virtual time. The layer's `with_ansi` decides on
/// colour.
pub(crate) struct RuntimeClock {
    pub(crate) start: Instant,
}

impl<S, N> FormatEvent<S, N> for RuntimeClock
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (time, message) = match (writer.has_ansi_escapes(), *event.metadata().level()) {
            (false, _) => (Style::new(), Style::new()),
            (true, Level::ERROR) => (Style::new().dimmed(), AnsiColor::Red.on_default()),
            (true, Level::WARN) => (Style::new().dimmed(), AnsiColor::Yellow.on_default()),
            (true, _) => (Style::new().dimmed(), Style::new()),
        };
        write!(writer, "{time}{:7.3}s{time:#}  {message}", self.start.elapsed().as_secs_f64())?;
        ctx.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer, "{message:#}")
    }
}

/// The log prints events at `INFO` or above that have a message.
///
/// The `return` and `error` events of `#[tracing::instrument(ret, err)]` carry none; they are for the timeline.
pub(crate) fn messages() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|metadata| {
        metadata.is_event()
            && *metadata.level() <= Level::INFO
            && metadata.fields().field("message").is_some()
    })
}

/// The timeline draws the spans at `INFO` or above, and needs to know how they ended.
pub(crate) fn spans_and_outcomes() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|metadata| match metadata.is_span() {
        true => *metadata.level() <= Level::INFO,
        false => ["return", "error"].iter().any(|name| metadata.fields().field(name).is_some()),
    })
}
