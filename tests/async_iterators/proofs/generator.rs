//! Proofs of the pattern `generator`.

use async_iterators::generator::changes;

use crate::support::{Count, ms};
use crate::tools::sweep_loop;
use crate::work::generator::load;

/// asyncio: a cancelled `anext` ends the generator. Tokio: the next `next` goes on where the body was.
#[test]
fn a_cancelled_next_loses_no_value() {
    let answers = [Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(None)];
    sweep_loop(|| changes(load(answers.clone(), &Count::default()), ms(90)), &[Ok(1), Ok(2)]);
}
