//! Futures that are never awaited.

pub async fn greet() {}

pub fn a_bare_call() {
    greet(); //~ default: unused_must_use
}

pub fn a_call_that_is_given_to_an_underscore() {
    let _ = greet(); //~ default: clippy::let_underscore_future; configured: let_underscore_drop
}

pub fn a_call_that_is_dropped() {
    drop(greet());
}

pub fn a_call_that_is_given_to_a_name() {
    let _greeted = greet();
}

pub fn a_list_of_calls() {
    let _greeted: Vec<_> = (0..3).map(|_| greet()).collect();
}

pub fn a_call_in_a_tuple() -> usize {
    let greeted = (1, greet());
    greeted.0
}

pub fn a_call_through_a_generic_function<F: Future<Output = ()>>(greet: impl Fn() -> F) {
    greet(); //~ strict: unused_results
}
