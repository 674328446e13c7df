//! The picture in a terminal.

use crate::draw::cells::{self, Cell};
use crate::draw::labels;
use crate::draw::table::Table;
use crate::draw::units::{self, Micro};
use crate::draw::{headline, word};
use crate::model::label;
use crate::model::{Lane, Outcome, Recording};

/// How the picture is drawn in a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// The columns of the terminal. No line is wider.
    ///
    /// From about 40 on everything has its place; with fewer, the durations go first, then the words, then
    /// the lanes, and what is left is cut.
    ///
    /// A label loses its end. Where several labels would read the same after that, each loses its middle and
    /// keeps the end that differs.
    pub width: usize,
    /// The characters to draw with.
    pub charset: Charset,
}

/// The characters to draw with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Blocks, box drawing and marks such as `✓`.
    #[default]
    Unicode,
    /// ASCII alone, in labels too: each other character is a `?`.
    Ascii,
}

impl TextStyle {
    /// Unicode, `width` columns.
    pub fn unicode(width: usize) -> Self {
        Self { width, charset: Charset::Unicode }
    }

    /// ASCII, `width` columns.
    pub fn ascii(width: usize) -> Self {
        Self { width, charset: Charset::Ascii }
    }
}

impl Default for TextStyle {
    /// Unicode, 80 columns.
    fn default() -> Self {
        Self::unicode(80)
    }
}

/// Fewer cells than this show nothing about time.
const FEWEST_CELLS: usize = 6;
/// The columns of a character on the axis, and of the least gap between two texts.
const AXIS: [usize; 2] = [1, 3];

struct Glyphs {
    micro: Micro,
    ellipsis: &'static str,
    unpolled: char,
    waiting: char,
    running: char,
    rule: [char; 4],
}

const UNICODE: Glyphs = Glyphs {
    micro: Micro::Mu,
    ellipsis: "…",
    unpolled: '·',
    waiting: '░',
    running: '█',
    rule: ['├', '─', '┼', '┤'],
};

const ASCII: Glyphs = Glyphs {
    micro: Micro::U,
    ellipsis: "...",
    unpolled: '.',
    waiting: '-',
    running: '#',
    rule: ['+', '-', '+', '+'],
};

impl Charset {
    fn glyphs(self) -> &'static Glyphs {
        match self {
            Self::Unicode => &UNICODE,
            Self::Ascii => &ASCII,
        }
    }

    fn mark(self, outcome: Outcome) -> char {
        let [unicode, ascii] = match outcome {
            Outcome::Finished => ['✓', '*'],
            Outcome::Failed => ['✗', 'X'],
            Outcome::Cancelled => ['⊘', '/'],
            Outcome::Running => ['▸', '>'],
            Outcome::Ended => ['┤', '|'],
        };
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }

    fn label(self, text: &str) -> String {
        match self {
            Self::Unicode => text.to_owned(),
            Self::Ascii => labels::ascii(text),
        }
    }
}

impl Glyphs {
    fn cell(&self, cell: Cell) -> char {
        match cell {
            Cell::Unpolled => self.unpolled,
            Cell::Waiting => self.waiting,
            Cell::Running => self.running,
        }
    }
}

impl Recording {
    /// The picture for a terminal: lines that each end with a line break.
    ///
    /// No line is wider than `style.width` columns, no line ends with a space, and the same recording in
    /// the same style is the same text.
    pub fn text(&self, style: TextStyle) -> String {
        draw(self, style)
    }
}

fn draw(recording: &Recording, style: TextStyle) -> String {
    let lines = if recording.count == 0 {
        vec!["no spans were recorded".to_owned()]
    } else if recording.is_summarised() {
        summary(recording, style)
    } else {
        picture(recording, style)
    };
    let ellipsis = style.charset.glyphs().ellipsis;
    let cut =
        |line: &String| labels::fit(line.trim_end(), style.width, ellipsis).trim_end().to_owned() + "\n";
    lines.iter().map(cut).collect()
}

/// How the columns of a line are shared out. A column that did not fit has no width.
struct Layout {
    label: usize,
    /// The cells of a lane; its mark takes one more column.
    cells: usize,
    duration: usize,
    word: usize,
}

impl Layout {
    fn of(width: usize, label: usize, duration: usize, word: usize) -> Self {
        let label = label.min((width / 3).max(6));
        let take = |columns: usize| if columns > 0 { columns + 1 } else { 0 };
        for (duration, word) in [(duration, word), (0, word), (0, 0)] {
            // Two columns are between the label and the cells, and one is for the mark.
            let cells = width.saturating_sub(label + 2 + 1 + take(duration) + take(word));
            if cells >= FEWEST_CELLS {
                return Self { label, cells, duration, word };
            }
        }
        Self { label: width, cells: 0, duration: 0, word: 0 }
    }
}

fn picture(recording: &Recording, style: TextStyle) -> Vec<String> {
    let (charset, glyphs) = (style.charset, style.charset.glyphs());
    let lanes = recording.lanes.as_slice();
    let labels: Vec<String> = lanes.iter().map(|lane| charset.label(&lane.label)).collect();
    let durations: Vec<String> = lanes.iter().map(|lane| units::exact(lane.length(), glyphs.micro)).collect();
    let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
    let layout = Layout::of(
        style.width,
        widest(&mut lanes.iter().zip(&labels).map(|(lane, text)| 2 * lane.depth + label::columns(text))),
        widest(&mut durations.iter().map(|text| label::columns(text))),
        widest(&mut lanes.iter().map(|lane| word(lane.outcome).len())),
    );
    let rooms: Vec<usize> = lanes.iter().map(|lane| layout.label - indent(lane, layout.label)).collect();
    let texts: Vec<&str> = labels.iter().map(String::as_str).collect();
    let labels = labels::fit_apart(&texts, &rooms, glyphs.ellipsis);

    let rows: Vec<cells::Row> =
        lanes.iter().map(|lane| cells::row(lane, recording.total, layout.cells)).collect();
    let mut lines = vec![headed(&headline(recording, glyphs.micro), &legend(&rows, glyphs), style.width)];
    if layout.cells > 0 {
        lines.extend(axis(recording.total, &layout, glyphs, style.width));
    }
    for (index, lane) in lanes.iter().enumerate() {
        let mut line = name(lane, &labels[index], layout.label);
        if layout.cells > 0 {
            line += "  ";
            line += &track(&rows[index], charset.mark(lane.outcome), layout.cells, glyphs);
        }
        if layout.duration > 0 {
            line += " ";
            line += &pad_left(&durations[index], layout.duration);
        }
        if layout.word > 0 {
            line += " ";
            line += word(lane.outcome);
        }
        lines.push(line);
    }
    lines
}

/// The headline, and the legend at the right edge if both fit.
fn headed(headline: &str, legend: &str, width: usize) -> String {
    let room = width.saturating_sub(label::columns(headline) + label::columns(legend));
    if room < 2 { headline.to_owned() } else { format!("{headline}{}{legend}", " ".repeat(room)) }
}

/// What the cells mean that occur in this picture.
fn legend(rows: &[cells::Row], glyphs: &Glyphs) -> String {
    let kinds = [(Cell::Unpolled, "not polled yet"), (Cell::Waiting, "waiting"), (Cell::Running, "running")];
    let occurs = |kind: Cell| rows.iter().any(|row| row.cells.contains(&kind));
    let said = kinds.into_iter().filter(|(kind, _)| occurs(*kind));
    said.map(|(kind, word)| format!("{} {word}", glyphs.cell(kind))).collect::<Vec<_>>().join("  ")
}

fn axis(total: u64, layout: &Layout, glyphs: &Glyphs, width: usize) -> [String; 2] {
    let [left, line, mark, right] = glyphs.rule;
    let indent = " ".repeat(layout.label + 2);
    let (mut times, mut rule) = (indent.clone(), vec![line; layout.cells + 1]);
    for (at, text) in units::ticks(total, layout.cells, AXIS, glyphs.micro) {
        let place = cells::border(at, total, layout.cells);
        rule[place] = mark;
        let column = indent.len() + place;
        if column + label::columns(&text) <= width {
            times = pad_right(&times, column) + &text;
        }
    }
    rule[0] = left;
    rule[layout.cells] = right;
    [times, indent + &rule.into_iter().collect::<String>()]
}

/// Where a label begins under its parent's. However deep, half of the width is left for the text.
fn indent(lane: &Lane, width: usize) -> usize {
    lane.depth.saturating_mul(2).min(width / 2)
}

fn name(lane: &Lane, text: &str, width: usize) -> String {
    pad_right(&(" ".repeat(indent(lane, width)) + text), width)
}

fn track(row: &cells::Row, mark: char, cells: usize, glyphs: &Glyphs) -> String {
    let drawn = row.cells.iter().map(|&cell| glyphs.cell(cell));
    let lead = std::iter::repeat_n(' ', row.start);
    let rest = std::iter::repeat_n(' ', cells - row.end());
    lead.chain(drawn).chain([mark]).chain(rest).collect()
}

fn pad_right(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(label::columns(text)))
}

fn pad_left(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(label::columns(text))) + text
}

fn summary(recording: &Recording, style: TextStyle) -> Vec<String> {
    let (charset, glyphs) = (style.charset, style.charset.glyphs());
    let mut table = Table::of(recording, glyphs.micro);
    for row in &mut table.rows {
        row[0] = charset.label(&row[0]);
    }
    let mut lines = vec![
        headline(recording, glyphs.micro),
        format!("{} spans, by name (up to {} are drawn one by one):", recording.count, recording.limit),
    ];
    let widths = table.widths();
    if widths.iter().map(|width| width + 2).sum::<usize>() <= style.width + 2 {
        let headings = table.headings.iter().map(|&heading| heading.to_owned()).collect();
        lines.extend([headings].iter().chain(&table.rows).map(|row| aligned(row, &widths)));
    } else {
        lines.extend(table.rows.iter().flat_map(|row| stacked(row, &table.headings, style.width, glyphs)));
    }
    lines
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut cells = row.iter().zip(widths);
    let first = cells.next().map_or(String::new(), |(text, &width)| pad_right(text, width));
    cells.fold(first, |line, (text, &width)| line + "  " + &pad_left(text, width))
}

/// A row of a table that is too wide: the name, and a line below it for each number.
fn stacked(row: &[String], headings: &[&str], width: usize, glyphs: &Glyphs) -> Vec<String> {
    let name = labels::fit(&row[0], width, glyphs.ellipsis);
    let number = |(text, heading): (&String, &&str)| format!("  {text} {heading}");
    [name].into_iter().chain(row[1..].iter().zip(&headings[1..]).map(number)).collect()
}
