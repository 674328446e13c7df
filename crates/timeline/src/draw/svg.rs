//! The picture in a book: whole pixels, one row a lane, colours that follow the reader's scheme.

use std::fmt::Write;

use crate::draw::cells::{self, Cell};
use crate::draw::labels;
use crate::draw::table::Table;
use crate::draw::units::{self, Micro};
use crate::draw::{headline, word};
use crate::model::label;
use crate::model::{Lane, Outcome, Recording};

const WIDTH: usize = 760;
const MARGIN: usize = 24;
/// The baselines of the heading and the line below it, and where the axis begins.
const TITLE: usize = 34;
const SUBTITLE: usize = 54;
const TOP: usize = 88;
const ROW: usize = 24;
const BAR: usize = 10;
/// Room for a character of a label, and for one of a smaller text, in a monospaced font of any make.
const LETTER: usize = 8;
const SMALL: usize = 7;
/// The columns of the longest label that is not cut.
const LABEL: usize = 26;
const INDENT: usize = 14;
const MARK: usize = 20;

/// Every rule is below the class of the document: it may be inside of a page, whose own elements
/// these colours are none of.
const STYLE: &str = "\
.timeline text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#24292f}
.timeline .title{font:600 16px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}
.timeline .quiet,.timeline .axis{fill:#656d76}
.timeline .axis{font-size:10.5px}
.timeline .end{text-anchor:end}
.timeline .middle{text-anchor:middle}
.timeline .paper{fill:#fff;stroke:#d8dee4}
.timeline .grid{stroke:#e7ebef;fill:none}
.timeline .mark,.timeline .unpolled{stroke:#2c6fbb;fill:none;stroke-width:1.6;stroke-linecap:round}
.timeline .mark{stroke-linejoin:round}
.timeline .unpolled{stroke-dasharray:.1 4}
.timeline .waiting{fill:#cfe2f6}
.timeline .busy{fill:#2c6fbb}
.timeline .failed .waiting{fill:#f8d7d4}
.timeline .failed .busy,.timeline text.failed{fill:#c0362c}
.timeline .failed .mark,.timeline .failed .unpolled{stroke:#c0362c}
.timeline .cancelled .waiting{fill:#f3e3bd}
.timeline .cancelled .busy,.timeline text.cancelled{fill:#8f6400}
.timeline .cancelled .mark,.timeline .cancelled .unpolled{stroke:#8f6400}
@media (prefers-color-scheme:dark){
.timeline text{fill:#e6edf3}
.timeline .quiet,.timeline .axis{fill:#9198a1}
.timeline .paper{fill:#12171e;stroke:#2c343e}
.timeline .grid{stroke:#232b35}
.timeline .mark,.timeline .unpolled{stroke:#6cb1f7}
.timeline .waiting{fill:#24405e}
.timeline .busy{fill:#6cb1f7}
.timeline .failed .waiting{fill:#5a2a2b}
.timeline .failed .busy,.timeline text.failed{fill:#ff8279}
.timeline .failed .mark,.timeline .failed .unpolled{stroke:#ff8279}
.timeline .cancelled .waiting{fill:#4d3d18}
.timeline .cancelled .busy,.timeline text.cancelled{fill:#dcae55}
.timeline .cancelled .mark,.timeline .cancelled .unpolled{stroke:#dcae55}
}
";

impl Recording {
    /// The picture as an SVG document, with `title` as its heading.
    ///
    /// It has its own background, follows the reader's light or dark scheme, keeps text as text, and
    /// loads and runs nothing. The same recording with the same title is the same document.
    pub fn svg(&self, title: &str) -> String {
        draw(self, title)
    }
}

fn draw(recording: &Recording, title: &str) -> String {
    let mut page = Page::default();
    let title = label::clean(title);
    let subtitle = match recording.count {
        0 => "no spans were recorded".to_owned(),
        _ => headline(recording, Micro::Mu),
    };
    page.text(MARGIN, TITLE, "title", &labels::fit(&title, (WIDTH - 2 * MARGIN) / 9, "…"));
    page.text(MARGIN, SUBTITLE, "quiet", &subtitle);
    let height = if recording.count == 0 {
        SUBTITLE + MARGIN
    } else if recording.is_summarised() {
        page.summary(recording)
    } else {
        page.picture(recording)
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>{title}</title>\n<desc>{subtitle}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"paper\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n{}</svg>\n",
        WIDTH - 1,
        height - 1,
        page.0,
        title = escaped(&title),
        subtitle = escaped(&subtitle),
    )
}

/// The elements so far.
#[derive(Default)]
struct Page(String);

/// Where the columns of the picture are.
struct Columns {
    track: usize,
    length: usize,
    /// The right edge of the durations.
    duration: usize,
}

impl Page {
    fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        self.line(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(text)));
    }

    fn line(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _written = writeln!(self.0, "{element}");
    }

    /// Draws lanes; gives the height of the page.
    fn picture(&mut self, recording: &Recording) -> usize {
        let lanes = recording.lanes.as_slice();
        let durations: Vec<String> =
            lanes.iter().map(|lane| units::exact(lane.length(), Micro::Mu)).collect();
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        // A label's width before there is a limit on how far in it begins.
        let whole = |lane: &Lane| INDENT.saturating_mul(lane.depth) + LETTER * label::columns(&lane.label);
        let label = widest(&mut lanes.iter().map(whole));
        let words = widest(&mut lanes.iter().map(|lane| LETTER * word(lane.outcome).len()));
        let figures = widest(&mut durations.iter().map(|text| LETTER * text.chars().count()));
        let track = MARGIN + label.min(LABEL * LETTER) + 12;
        let duration = WIDTH - MARGIN - if words > 0 { words + 4 } else { 0 };
        let columns = Columns { track, length: duration - figures - MARK - track, duration };

        let rows: Vec<cells::Row> =
            lanes.iter().map(|lane| cells::row(lane, recording.total, columns.length)).collect();
        let bottom = TOP + ROW * lanes.len();
        self.legend(&rows);
        self.axis(recording.total, &columns, bottom);
        let texts: Vec<&str> = lanes.iter().map(|lane| lane.label.as_str()).collect();
        let rooms: Vec<usize> =
            lanes.iter().map(|lane| (track - 12 - MARGIN - indent(lane)) / LETTER).collect();
        let labels = labels::fit_apart(&texts, &rooms, "…");
        for (index, (lane, row)) in lanes.iter().zip(&rows).enumerate() {
            self.lane(lane, row, [&labels[index], &durations[index]], &columns, TOP + ROW * index);
        }
        bottom + 20
    }

    fn legend(&mut self, rows: &[cells::Row]) {
        let kinds =
            [(Cell::Running, "running"), (Cell::Waiting, "waiting"), (Cell::Unpolled, "not polled yet")];
        let mut right = WIDTH - MARGIN;
        for (kind, word) in kinds {
            if rows.iter().any(|row| row.cells.contains(&kind)) {
                self.text(right, SUBTITLE, "quiet end", word);
                right -= word.len() * LETTER + 16;
                self.bar(kind, right, SUBTITLE - 9, 14);
                right -= 18;
            }
        }
    }

    fn axis(&mut self, total: u64, columns: &Columns, bottom: usize) {
        for (at, text) in units::ticks(total, columns.length, [SMALL, 14], Micro::Mu) {
            let x = columns.track + cells::border(at, total, columns.length);
            self.text(x, TOP - 10, "axis middle", &text);
            self.line(format_args!("<path class=\"grid\" d=\"M{x}.5 {}V{bottom}\"/>", TOP - 4));
        }
    }

    fn lane(
        &mut self,
        lane: &Lane,
        row: &cells::Row,
        [label, duration]: [&str; 2],
        columns: &Columns,
        top: usize,
    ) {
        let (left, base) = (columns.track + row.start, top + 16);
        self.line(format_args!("<g class=\"{}\">", lane.outcome));
        self.line(format_args!("<title>{}</title>", escaped(&title_of(lane, duration))));
        // The whole row answers to the pointer.
        self.line(format_args!(
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{}\" height=\"{ROW}\" fill=\"none\" \
             pointer-events=\"all\"/>",
            WIDTH - 2 * MARGIN,
        ));
        self.text(MARGIN + indent(lane), base, "label", label);

        let bar = top + (ROW - BAR) / 2;
        let polled = row.cells.iter().position(|&cell| cell != Cell::Unpolled).unwrap_or(row.cells.len());
        if polled > 0 {
            self.bar(Cell::Unpolled, left, bar, polled);
        }
        if polled < row.cells.len() {
            self.bar(Cell::Waiting, left + polled, bar, row.cells.len() - polled);
        }
        let mut at = left;
        for run in row.cells.chunk_by(|one, next| one == next) {
            if run.contains(&Cell::Running) {
                self.bar(Cell::Running, at, bar, run.len());
            }
            at += run.len();
        }
        self.mark(lane.outcome, columns.track + row.end() + 9, top + ROW / 2);
        self.text(columns.duration, base, "quiet end", duration);
        if !word(lane.outcome).is_empty() {
            self.text(columns.duration + 12, base, lane.outcome.word(), word(lane.outcome));
        }
        self.line(format_args!("</g>"));
    }

    fn bar(&mut self, cell: Cell, x: usize, y: usize, width: usize) {
        let class = match cell {
            Cell::Waiting => "waiting",
            Cell::Running => "busy",
            Cell::Unpolled => {
                let (from, to, y) = (x + 2, x + width.max(2), y + BAR / 2);
                self.line(format_args!("<path class=\"unpolled\" d=\"M{from} {y}H{to}\"/>"));
                return;
            }
        };
        self.line(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR}\" rx=\"2\"/>"
        ));
    }

    /// A small sign around the point `x`, `y`.
    fn mark(&mut self, outcome: Outcome, x: usize, y: usize) {
        let path = match outcome {
            Outcome::Finished => "m-4 .5l2.8 3l5-6.5",
            Outcome::Failed => "m-3.5 -3.5l7 7m0 -7l-7 7",
            Outcome::Cancelled => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0m1.2 2.8l5.6 -5.6",
            Outcome::Running => "m-2.5 -4l4.5 4l-4.5 4",
            Outcome::Ended => "m-4 -5v10",
        };
        self.line(format_args!("<path class=\"mark\" d=\"M{x} {y}{path}\"/>"));
    }

    /// Draws a table; gives the height of the page.
    fn summary(&mut self, recording: &Recording) -> usize {
        let table = Table::of(recording, Micro::Mu);
        let spans = format!("{} spans, by name", recording.count);
        self.text(WIDTH - MARGIN, SUBTITLE, "quiet end", &spans);
        // The numbers share what the names leave, from the right edge.
        let numbers = table.headings.len() - 1;
        let name = (table.widths()[0] * LETTER).clamp(6 * LETTER, LABEL * LETTER);
        let step = ((WIDTH - 2 * MARGIN - name) / numbers.max(1)).min(13 * LETTER);
        let right = |column: usize| MARGIN + name + step * column;
        for (column, heading) in table.headings.iter().enumerate() {
            match column {
                0 => self.text(MARGIN, TOP - 6, "axis", heading),
                _ => self.text(right(column), TOP - 6, "axis end", heading),
            }
        }
        for (index, row) in table.rows.iter().enumerate() {
            let top = TOP + ROW * index;
            self.line(format_args!("<path class=\"grid\" d=\"M{MARGIN} {top}.5H{}\"/>", WIDTH - MARGIN));
            for (column, text) in row.iter().enumerate() {
                let class = match table.outcome(column) {
                    Some(outcome) if text != "0" => outcome.word(),
                    _ => "quiet",
                };
                match column {
                    0 => self.text(MARGIN, top + 16, "label", &labels::fit(text, name / LETTER, "…")),
                    _ => self.text(right(column), top + 16, &format!("end {class}"), text),
                }
            }
        }
        TOP + ROW * table.rows.len() + 16
    }
}

/// Where a label begins under its parent's. However deep, half of the room is left for the text.
fn indent(lane: &Lane) -> usize {
    INDENT.saturating_mul(lane.depth).min(LABEL * LETTER / 2)
}

/// What a lane shows under the pointer.
fn title_of(lane: &Lane, duration: &str) -> String {
    let time = |nanos| units::exact(nanos, Micro::Mu);
    let polls = if lane.poll_count == 1 { "poll" } else { "polls" };
    format!(
        "{}: {} after {duration} (from {} to {}), {} on the CPU in {} {polls}",
        lane.label,
        lane.outcome,
        time(lane.opened),
        time(lane.ended),
        time(lane.busy),
        lane.poll_count,
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}
