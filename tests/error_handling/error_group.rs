//! Lessons of the pattern `error_group`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Context;
use error_handling::error_group::ErrorGroup;

use crate::support::panics;
use crate::work::{Broken, Missing};

/// Makes a group of two `Missing` and one `Broken`; one `Missing` is in a nested group.
fn nested() -> ErrorGroup {
    let inner = ErrorGroup::new("inner", [Missing("b").into(), Broken("c").into()]);
    ErrorGroup::new("outer", [Missing("a").into(), inner.into()])
}

fn texts(group: &ErrorGroup) -> Vec<String> {
    group.leaves().into_iter().map(ToString::to_string).collect()
}

/// asyncio: a `TaskGroup` raises all errors of its children as one group. Here the results become one.
#[test]
fn every_error_comes_out_or_every_value() {
    assert_eq!(ErrorGroup::collect("pages", [Ok(1), Ok(2)]).unwrap(), [1, 2]);
    assert!(ErrorGroup::collect::<()>("pages", []).unwrap().is_empty());
    let results = [Ok(1), Err(Missing("a").into()), Err(Broken("b").into())];
    let group = ErrorGroup::collect("pages", results).unwrap_err();
    assert_eq!(group.to_string(), "pages [a is missing; b is broken]");
}

/// Python: `except* Missing` takes the errors of its type, also out of nested groups.
#[test]
fn errors_are_taken_by_type_also_out_of_nested_groups() {
    let mut group = nested();
    assert_eq!(group.take::<Missing>(), [Missing("a"), Missing("b")]);
    assert_eq!(group.take::<Missing>(), []);
    assert_eq!(group.to_string(), "outer [inner [c is broken]]");
}

/// Python: errors that no `except*` takes are raised again, as a group.
#[test]
fn what_is_left_is_handed_on_and_nothing_left_is_no_error() {
    let mut group = nested();
    group.take::<Missing>();
    let mut rest = group.into_result().unwrap_err();
    assert_eq!(texts(&rest), ["c is broken"]);
    assert_eq!(rest.take::<Broken>(), [Broken("c")]);
    assert!(rest.into_result().is_ok());
}

/// Python: `split` keeps messages and nesting on both sides, and drops groups that become empty.
#[test]
fn both_sides_of_a_split_keep_their_nesting() {
    let mut group = nested();
    let missing = group.split_off(|error| error.is::<Missing>());
    assert_eq!(missing.to_string(), "outer [a is missing; inner [b is missing]]");
    assert_eq!(group.to_string(), "outer [inner [c is broken]]");
    let all = group.split_off(|_| true);
    assert_eq!((all.to_string().as_str(), group.is_empty()), ("outer [inner [c is broken]]", true));
    assert_eq!(group.to_string(), "outer []", "the inner one has gone with its last error");
    let mut group = nested();
    assert_eq!(group.split_off(|_| false).to_string(), "outer []");
    assert_eq!(group.split_off(|error| error.is::<Missing>()).split_off(|_| false).to_string(), "outer []");
}

/// Python: notes stay with their exception. Here a context does, and the type is found under it.
#[test]
fn the_type_is_found_under_a_context_and_a_split_keeps_the_context() {
    let with_context = || Err::<(), _>(Missing("a")).context("loading the start page").unwrap_err();
    let mut group = ErrorGroup::new("pages", [with_context(), with_context()]);
    let taken = group.split_off(|error| error.is::<Missing>());
    assert_eq!(texts(&taken), ["loading the start page"; 2]);
    assert_eq!(format!("{:#}", taken.leaves()[0]), "loading the start page: a is missing");
    let mut taken = taken;
    assert_eq!(taken.take::<Missing>(), [Missing("a"), Missing("a")], "without the context");
}

/// A context around a nested group does not hide its errors, and stays with the errors that are not taken.
#[test]
fn a_nested_group_under_a_context_is_looked_into() {
    let inner = anyhow::Error::from(nested()).context("second try");
    let mut group = ErrorGroup::new("tries", [inner]);
    assert_eq!(texts(&group), ["a is missing", "b is missing", "c is broken"]);
    assert_eq!(group.take::<Missing>().len(), 2);
    assert_eq!(group.to_string(), "tries [second try: outer [inner [c is broken]]]");
}

/// Python: `except*` looks at the exceptions themselves, not at their `__cause__`.
#[test]
fn the_cause_of_an_error_is_not_an_error_of_the_group() {
    #[derive(Debug, thiserror::Error)]
    #[error("no page")]
    struct NoPage(#[source] Missing);
    let mut group = ErrorGroup::new("pages", [NoPage(Missing("a")).into()]);
    assert_eq!(group.take::<Missing>(), []);
    let NoPage(cause) = &group.take::<NoPage>()[0];
    assert_eq!(cause, &Missing("a"));
}

/// Groups of random shape: the errors taken and the errors left are together all errors.
#[test]
fn no_error_is_lost_over_many_random_splits() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let mut groups = vec![ErrorGroup::new("group", [])];
        let mut expected = 0;
        for _ in 0..random.usize(0..40) {
            let last = groups.pop().unwrap();
            let mut errors = vec![anyhow::Error::from(last)];
            for _ in 0..random.usize(0..3) {
                expected += 1;
                errors.push(if random.bool() { Missing("x").into() } else { Broken("y").into() });
            }
            groups.push(ErrorGroup::new("group", errors));
        }
        let mut group = groups.pop().unwrap();
        let missing = texts(&group).iter().filter(|text| text.ends_with("missing")).count();
        assert_eq!(group.leaves().len(), expected);
        let taken = group.split_off(|error| error.is::<Missing>());
        assert_eq!((taken.leaves().len(), group.leaves().len()), (missing, expected - missing));
        assert_eq!(group.into_leaves().len(), expected - missing);
    }
}

/// A `Vec` of your own `enum` needs no group: `extract_if` takes a part, and a `match` covers every case.
#[test]
fn but_errors_of_one_type_are_picked_apart_without_a_group() {
    #[derive(Debug, PartialEq)]
    enum PageError {
        Missing,
        Broken(u8),
    }
    let mut errors = vec![PageError::Broken(1), PageError::Missing, PageError::Broken(2)];
    let broken: Vec<_> = errors.extract_if(.., |error| matches!(error, PageError::Broken(_))).collect();
    assert_eq!(broken, [PageError::Broken(1), PageError::Broken(2)]);
    assert_eq!(errors, [PageError::Missing]);
}

/// Python: an exception in the condition of `split` leaves the group as it was.
#[test]
fn a_predicate_that_panics_loses_no_error() {
    let mut group = nested();
    let mut asked = 0;
    let split = catch_unwind(AssertUnwindSafe(|| {
        group.split_off(|_| {
            asked += 1;
            if asked == 3 { panics("asked about c") } else { true }
        })
    }));
    assert!(split.is_err());
    assert_eq!(group.to_string(), "outer [a is missing; inner [b is missing; c is broken]]");
}
