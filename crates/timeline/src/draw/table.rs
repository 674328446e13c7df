//! The summary of very many spans, as a table that both pictures print.

use crate::draw::units::{self, Micro};
use crate::model::label;
use crate::model::{Outcome, Recording, Summary};

/// A heading for each column, and a row for each name; the first column is text, the rest are numbers.
pub(crate) struct Table {
    pub(crate) headings: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn of(recording: &Recording, micro: Micro) -> Self {
        let summaries = recording.summaries.as_slice();
        let occurs = |outcome: &Outcome| summaries.iter().any(|summary| summary.outcome(*outcome) > 0);
        let outcomes: Vec<Outcome> = Outcome::ALL.into_iter().filter(occurs).collect();
        let mut headings = vec!["span", "count"];
        headings.extend(outcomes.iter().map(|outcome| outcome.word()));
        headings.extend(["shortest", "mean", "longest", "at once"]);
        let rows = summaries.iter().map(|summary| row(summary, &outcomes, micro)).collect();
        Self { headings, rows }
    }

    /// Whether the column holds an outcome that something befell.
    pub(crate) fn outcome(&self, column: usize) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.word() == self.headings[column])
    }

    /// The width of each column in the characters of a terminal.
    pub(crate) fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| label::columns(&row[column]));
            cells.chain([self.headings[column].len()]).max().unwrap_or(0)
        };
        (0..self.headings.len()).map(width).collect()
    }
}

fn row(summary: &Summary, outcomes: &[Outcome], micro: Micro) -> Vec<String> {
    let time = |nanos: Option<u64>| nanos.map_or("-".to_owned(), |nanos| units::exact(nanos, micro));
    let over = |nanos: u64| time((summary.over() > 0).then_some(nanos));
    let mut row = vec![label::clean(summary.name), summary.count.to_string()];
    row.extend(outcomes.iter().map(|&outcome| summary.outcome(outcome).to_string()));
    row.extend([over(summary.shortest), time(summary.mean_nanos()), over(summary.longest)]);
    row.push(summary.peak.to_string());
    row
}
