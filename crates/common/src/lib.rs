//! What every recipe's `main` shares, so that a recipe holds its patterns and nothing else.
//!
//! - [`run`] takes a demo and does what a binary owes its user: flags, a log on the runtime's clock, the timeline
//!   at the end, one clear line for an error, a clean end on Ctrl-C, SIGTERM, SIGHUP and on a closed pipe.
//! - [`Show`] and [`parse`] are the same for a binary with flags of its own.
//! - [`wants_colour`] says whether a person reads stdout.
//! - [`one_line`] makes a line for a terminal of a text that comes from elsewhere.
//! - `rehearse` (feature `rehearsal`) runs a demo on virtual time and hands back its transcript and its timeline.
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
