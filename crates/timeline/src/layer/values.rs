//! The fields of a span, as they are recorded.

use std::fmt::{Debug, Write};

use tracing_core::field::{Field, Visit};

use crate::model::label::{Harmless, clean};

/// The values of a span's fields, in the order in which they came. A value recorded again takes the
/// place of the earlier one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// Lets `record` write values, with no lock held: it runs the program's own `Debug` code.
    pub(crate) fn of(record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut values = Self::default();
        record(&mut values);
        values
    }

    pub(crate) fn merge(&mut self, later: Self) {
        for (field, value) in later.0 {
            self.set(field, value);
        }
    }

    /// `fetch a` for the span `fetch{name="a"}`.
    pub(crate) fn label(&self, name: &str) -> String {
        let values = self.0.iter().map(|(_, value)| value).filter(|value| !value.is_empty());
        values.fold(clean(name), |label, value| label + " " + value)
    }

    fn set(&mut self, field: &'static str, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = value,
            None => self.0.push((field, value)),
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Harmless::default();
        // `Harmless` never fails; a value whose own formatting fails is shown as far as it got.
        let _shown = write!(text, "{value:?}");
        // A `String` argument comes by way of `Debug`, in quotes.
        let bare = match text.text.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').unwrap_or(rest).to_owned(),
            None => text.text,
        };
        self.set(field.name(), bare);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), clean(value));
    }
}
