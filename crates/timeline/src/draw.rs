//! The pictures, and what they share.

mod cells;
mod labels;
mod svg;
mod table;
pub(crate) mod text;
mod units;

use crate::draw::units::Micro;
use crate::model::{Outcome, Recording};

/// `3.00s of work in 1.00s (3.0x)`.
pub(crate) fn headline(recording: &Recording, micro: Micro) -> String {
    let work = u64::try_from(recording.work).unwrap_or(u64::MAX);
    let (work, total) = (units::short(work, micro), units::short(recording.total, micro));
    match units::ratio(recording.work, recording.total) {
        Some(ratio) => format!("{work} of work in {total} ({ratio}x)"),
        None => format!("{work} of work in {total}"),
    }
}

/// The word beside a lane: how it ended, where that is not as one hopes.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "",
        _ => outcome.word(),
    }
}
