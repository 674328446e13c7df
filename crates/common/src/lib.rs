//! What every recipe's `main` shares, so that a recipe holds its patterns and nothing else.
//!
//! - [`run`] runs a demo as a binary: flags, a log on the runtime's clock, and the timeline at the end. An error is one
//!   clear line, and Ctrl-C, SIGTERM, SIGHUP and a closed pipe end it cleanly.
//! - [`Show`] and [`parse`] are the same for a binary with flags of its own.
//! - [`wants_colour`] says whether a person reads stdout.
//! - [`one_line`] turns text from elsewhere into one line for a terminal.
//! - `rehearse` (feature `rehearsal`) runs a demo on virtual time and returns its transcript and its timeline.
//! - `server` (feature `server`) is a local HTTP server whose routes misbehave on request.

mod log;
mod output;
#[cfg(feature = "rehearsal")]
mod rehearsal;
#[cfg(feature = "server")]
pub mod server;
mod show;
mod text;

pub use output::wants_colour;
#[cfg(feature = "rehearsal")]
pub use rehearsal::{Rehearsal, rehearse};
pub use show::{Show, parse, run};
pub use text::one_line;
