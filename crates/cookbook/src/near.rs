//! Names that are near to one that does not exist.

/// Below this, two names have nothing to do with each other.
const ALIKE: f64 = 0.8;

/// The names most like `typed`, the nearest first, three at most.
fn nearest<'a>(typed: &str, names: &[&'a str]) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let mut near: Vec<_> = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.cmp(y)));
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// The end of an error message about `typed`: what was meant, if that can be guessed.
pub(crate) fn hint(typed: &str, names: &[&str]) -> String {
    match nearest(typed, names).as_slice() {
        [] => String::new(),
        near => format!(": did you mean {}?", near.join(", or ")),
    }
}

/// The same of names that are few: if there is nothing to guess, all of them.
pub(crate) fn hint_or_all(typed: &str, names: &[&str]) -> String {
    match hint(typed, names) {
        nothing if nothing.is_empty() => format!(": there are {}", names.join(", ")),
        hint => hint,
    }
}
