//! Times as text. Whole numbers throughout: the same time is always the same text.

/// How the prefix of a microsecond is written.
#[derive(Clone, Copy)]
pub(crate) enum Micro {
    /// `µs`
    Mu,
    /// `us`
    U,
}

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// From here on a time is printed in minutes and hours, rounded to the second.
const LONG: u64 = 1_000 * SECOND;

/// A lane's duration: `1.000s`, `12.0ms`, `340µs`, `16m40s`.
pub(crate) fn exact(nanos: u64, micro: Micro) -> String {
    written(nanos, micro, 3)
}

/// A duration in a sentence: `3.00s`, `12.0ms`, `340µs`.
pub(crate) fn short(nanos: u64, micro: Micro) -> String {
    written(nanos, micro, 2)
}

fn written(nanos: u64, micro: Micro, places: usize) -> String {
    // Each unit is tried on the rounded value, so that 999.6ms is 1.000s and not 1000ms.
    let rounded = |unit: u64| (u128::from(nanos) + u128::from(unit / 2)) / u128::from(unit);
    if nanos == 0 {
        "0s".to_owned()
    } else if nanos < MICRO {
        format!("{nanos}ns")
    } else if rounded(MICRO) < 1_000 {
        format!("{}{}", rounded(MICRO), suffix(micro))
    } else if rounded(MILLI / 10) < 1_000 {
        format!("{}ms", point(rounded(MILLI / 10), 1))
    } else if rounded(MILLI) < 1_000 {
        format!("{}ms", rounded(MILLI))
    } else if nanos < LONG && places == 2 {
        format!("{}s", point(rounded(SECOND / 100), 2))
    } else if nanos < LONG {
        format!("{}s", point(rounded(SECOND / 1_000), 3))
    } else {
        long(rounded(SECOND))
    }
}

fn suffix(micro: Micro) -> &'static str {
    match micro {
        Micro::Mu => "µs",
        Micro::U => "us",
    }
}

/// `1234` with two places is `12.34`.
fn point(value: u128, places: usize) -> String {
    let unit = 10_u128.pow(places as u32);
    format!("{}.{:0places$}", value / unit, value % unit)
}

fn long(seconds: u128) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, seconds) {
        (0, _) => format!("{minutes}m{seconds:02}s"),
        (_, 0) => format!("{hours}h{minutes:02}m"),
        _ => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

/// `work` divided by `total`, to one place; nothing where there is no total to divide by.
pub(crate) fn ratio(work: u128, total: u64) -> Option<String> {
    let total = u128::from(total);
    (total > 0).then(|| point((work.saturating_mul(10) + total / 2) / total, 1))
}

/// The marks of a time axis from zero to `total`, drawn over `length`: each with its time and its text.
/// A text takes `character` of the length for each character, and `apart` more to the next.
pub(crate) fn ticks(
    total: u64,
    length: usize,
    [character, apart]: [usize; 2],
    micro: Micro,
) -> Vec<(u64, String)> {
    let marks =
        |step: u64| (0..=total / step).map(move |count| (count * step, tick(count * step, total, micro)));
    let fits = |step: &u64| {
        let room = u128::from(*step) * length as u128 / u128::from(total.max(1));
        let text = |(_, text): (u64, String)| (text.chars().count() * character + apart) as u128;
        // Where there are too many marks to look at each, the first one, `0s`, has no room already.
        marks(*step).all(|mark| text(mark) <= room)
    };
    let step = steps().take_while(|&step| step <= total).find(fits);
    step.map_or_else(|| vec![(0, "0s".to_owned())], |step| marks(step).collect())
}

/// 1, 2, 5, 10 ... nanoseconds up to a minute, then the divisions of an hour and a day, then doubled days.
fn steps() -> impl Iterator<Item = u64> {
    let decimal = (0..11).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    let clock = [60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400].map(|step| step * SECOND);
    let days = (1..17).map(|power| (86_400 * SECOND) << power);
    decimal.chain(clock).chain(days)
}

/// A time on the axis: one unit for the whole axis, no more places than the time has.
fn tick(at: u64, total: u64, micro: Micro) -> String {
    if at == 0 {
        return "0s".to_owned();
    }
    let (unit, suffix) = match total {
        LONG.. => return clock(at / SECOND),
        SECOND.. => (SECOND, "s"),
        MILLI.. => (MILLI, "ms"),
        MICRO.. => (MICRO, suffix(micro)),
        _ => (1, "ns"),
    };
    let fraction = format!("{:0places$}", at % unit, places = unit.ilog10() as usize);
    match fraction.trim_end_matches('0') {
        "" => format!("{}{suffix}", at / unit),
        fraction => format!("{}.{fraction}{suffix}", at / unit),
    }
}

fn clock(seconds: u64) -> String {
    let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(value, _)| *value > 0).map(|(value, unit)| format!("{value}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_the_unit_that_fits() {
        let written = |nanos| exact(nanos, Micro::Mu);
        assert_eq!(written(0), "0s");
        assert_eq!(written(1), "1ns");
        assert_eq!(written(999), "999ns");
        assert_eq!(written(1_000), "1µs");
        assert_eq!(written(340_000), "340µs");
        assert_eq!(written(12_000_000), "12.0ms");
        assert_eq!(written(1_000_000_000), "1.000s");
        assert_eq!(written(75_250_000_000), "75.250s");
        assert_eq!(written(1_000 * SECOND), "16m40s");
        assert_eq!(written(3_600 * SECOND), "1h00m");
        assert_eq!(written(3_661 * SECOND), "1h01m01s");
        assert_eq!(exact(340_000, Micro::U), "340us");
    }

    #[test]
    fn rounding_up_moves_on_to_the_next_unit() {
        assert_eq!(exact(999_499, Micro::Mu), "999µs");
        assert_eq!(exact(999_500, Micro::Mu), "1.0ms");
        assert_eq!(exact(99_949_999, Micro::Mu), "99.9ms");
        assert_eq!(exact(99_950_000, Micro::Mu), "100ms");
        assert_eq!(exact(999_499_999, Micro::Mu), "999ms");
        assert_eq!(exact(999_500_000, Micro::Mu), "1.000s");
        assert_eq!(exact(u64::MAX, Micro::Mu), "5124095h34m34s");
    }

    #[test]
    fn a_duration_in_a_sentence_has_one_place_less() {
        let written = |nanos| short(nanos, Micro::Mu);
        assert_eq!(written(12_000_000), "12.0ms");
        assert_eq!(written(75_250_000_000), "75.25s");
        assert_eq!(written(1_000 * SECOND - 1), "1000.00s");
        assert_eq!(written(1_000 * SECOND), "16m40s");
    }

    #[test]
    fn a_ratio_needs_a_total() {
        assert_eq!(ratio(0, 0), None);
        assert_eq!(ratio(3, 0), None);
        assert_eq!(ratio(3 * u128::from(SECOND), SECOND).as_deref(), Some("3.0"));
        assert_eq!(ratio(1, 4).as_deref(), Some("0.3"));
        assert_eq!(ratio(1, u64::MAX).as_deref(), Some("0.0"));
        assert!(ratio(u128::MAX, 1).is_some());
    }

    #[test]
    fn an_axis_has_one_unit_and_even_steps() {
        let texts = |total, length| {
            ticks(total, length, [1, 3], Micro::Mu).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(texts(SECOND, 50), ["0s", "0.2s", "0.4s", "0.6s", "0.8s", "1s"]);
        assert_eq!(texts(900 * MILLI, 50), ["0s", "200ms", "400ms", "600ms", "800ms"]);
        assert_eq!(texts(1_500 * MICRO, 50), ["0s", "0.5ms", "1ms", "1.5ms"]);
        assert_eq!(texts(90 * MICRO, 50), ["0s", "20µs", "40µs", "60µs", "80µs"]);
        assert_eq!(texts(7_200 * SECOND, 50), ["0s", "30m", "1h", "1h30m", "2h"]);
        assert_eq!(texts(0, 50), ["0s"]);
        assert_eq!(texts(7, 0), ["0s"]);
        assert_eq!(texts(3, 50), ["0s", "1ns", "2ns", "3ns"]);
    }

    /// From a nanosecond to more than a hundred years.
    #[test]
    fn each_step_of_an_axis_is_up_to_three_times_the_one_before() {
        let steps: Vec<u64> = steps().collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1] && pair[1] <= 3 * pair[0]), "{steps:?}");
        assert_eq!((steps[0], steps[steps.len() - 1]), (1, (86_400 << 16) * SECOND));
    }

    #[test]
    fn every_span_of_time_has_an_axis_of_few_marks() {
        for power in 0..64 {
            for total in [1_u64 << power, (1_u64 << power) - 1, u64::MAX >> power] {
                let marks = ticks(total, 60, [1, 3], Micro::Mu);
                assert!((1..=13).contains(&marks.len()), "{total}: {marks:?}");
            }
        }
    }
}
