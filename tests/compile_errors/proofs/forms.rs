use std::fmt::Debug;

use compile_errors::{
    async_trait_in_a_task, async_trait_object, await_of_a_value, await_outside_async, awaited_twice,
    borrowed_by_a_task, borrowed_self, boxed_error_in_a_task, boxed_future_without_send,
    branches_of_two_types, callback_that_borrows, cell_over_an_await, changed_from_two_branches,
    errors_that_do_not_convert, forgotten_await, future_in_a_struct, future_keeps_its_argument,
    future_used_as_its_value, futures_in_a_vec, generic_in_a_task, guard_over_an_await,
    handle_is_not_a_value, moved_in_a_loop, not_general_enough, one_receiver_in_two_tasks,
    polled_without_a_pin, question_mark_in_a_task, question_mark_without_a_type, rc_in_a_task,
    recursion_without_a_box, stream_that_borrows, used_after_it_went_to_a_task,
};

use crate::support::alive_tasks;

/// A form has no state outside itself: dropped at any await, it leaves no waiting task behind.
fn swept<F: Future<Output: Debug>>(form: impl Fn() -> F) {
    cancel_sweep::sweep(form, |_| assert_eq!(alive_tasks(), 0));
}

/// A stream's closure makes futures that borrow its items: neither way out leaves a task behind.
#[test]
fn not_general_enough_may_be_dropped_anywhere() {
    swept(not_general_enough::fixed);
    swept(not_general_enough::second_best);
}

/// A task holds a guard of std's lock over an await: neither way out leaves a task behind.
#[test]
fn guard_over_an_await_may_be_dropped_anywhere() {
    swept(guard_over_an_await::fixed);
    swept(guard_over_an_await::second_best);
}

/// A task returns a boxed error that may not change its thread: neither way out leaves a task behind.
#[test]
fn boxed_error_in_a_task_may_be_dropped_anywhere() {
    swept(boxed_error_in_a_task::fixed);
    swept(boxed_error_in_a_task::second_best);
}

/// An `async fn` calls itself: neither way out leaves a task behind.
#[test]
fn recursion_without_a_box_may_be_dropped_anywhere() {
    swept(recursion_without_a_box::fixed);
    swept(recursion_without_a_box::second_best);
}

/// An async callback borrows its argument: neither way out leaves a task behind.
#[test]
fn callback_that_borrows_may_be_dropped_anywhere() {
    swept(callback_that_borrows::fixed);
    swept(callback_that_borrows::second_best);
}

/// A boxed future does not say that it is `Send`: neither way out leaves a task behind.
#[test]
fn boxed_future_without_send_may_be_dropped_anywhere() {
    swept(boxed_future_without_send::fixed);
    swept(boxed_future_without_send::second_best);
}

/// A future is polled by reference before it is pinned: neither way out leaves a task behind.
#[test]
fn polled_without_a_pin_may_be_dropped_anywhere() {
    swept(polled_without_a_pin::fixed);
    swept(polled_without_a_pin::second_best);
}

/// A method starts a task that uses `self`: neither way out leaves a task behind.
#[test]
fn borrowed_self_may_be_dropped_anywhere() {
    swept(borrowed_self::fixed);
    swept(borrowed_self::second_best);
}

/// A task borrows a variable of its caller: neither way out leaves a task behind.
#[test]
fn borrowed_by_a_task_may_be_dropped_anywhere() {
    swept(borrowed_by_a_task::fixed);
    swept(borrowed_by_a_task::second_best);
}

/// Two branches give two futures: neither way out leaves a task behind.
#[test]
fn branches_of_two_types_may_be_dropped_anywhere() {
    swept(branches_of_two_types::fixed);
    swept(branches_of_two_types::second_best);
}

/// A method of the value is called on its future: neither way out leaves a task behind.
#[test]
fn forgotten_await_may_be_dropped_anywhere() {
    swept(forgotten_await::fixed);
    swept(forgotten_await::second_best);
}

/// A trait with an `async fn` is used as `dyn`: neither way out leaves a task behind.
#[test]
fn async_trait_object_may_be_dropped_anywhere() {
    swept(async_trait_object::fixed);
    swept(async_trait_object::second_best);
}

/// `?` is used in a block that returns no `Result`: neither way out leaves a task behind.
#[test]
fn question_mark_in_a_task_may_be_dropped_anywhere() {
    swept(question_mark_in_a_task::fixed);
    swept(question_mark_in_a_task::second_best);
}

/// A generic function spawns an `async fn` of a trait: neither way out leaves a task behind.
#[test]
fn async_trait_in_a_task_may_be_dropped_anywhere() {
    swept(async_trait_in_a_task::fixed);
    swept(async_trait_in_a_task::second_best);
}

/// Two branches change one list: neither way out leaves a task behind.
#[test]
fn changed_from_two_branches_may_be_dropped_anywhere() {
    swept(changed_from_two_branches::fixed);
    swept(changed_from_two_branches::second_best);
}

/// An awaited task is used as its value: neither way out leaves a task behind.
#[test]
fn handle_is_not_a_value_may_be_dropped_anywhere() {
    swept(handle_is_not_a_value::fixed);
    swept(handle_is_not_a_value::second_best);
}

/// A future is used as if it were its value: neither way out leaves a task behind.
#[test]
fn future_used_as_its_value_may_be_dropped_anywhere() {
    swept(future_used_as_its_value::fixed);
    swept(future_used_as_its_value::second_best);
}

/// A task holds an `Rc`: neither way out leaves a task behind.
#[test]
fn rc_in_a_task_may_be_dropped_anywhere() {
    swept(rc_in_a_task::fixed);
    swept(rc_in_a_task::second_best);
}

/// A returned future counts as a borrower of every argument: neither way out leaves a task behind.
#[test]
fn future_keeps_its_argument_may_be_dropped_anywhere() {
    swept(future_keeps_its_argument::fixed);
    swept(future_keeps_its_argument::second_best);
}

/// Each round of a loop moves one value into its task: neither way out leaves a task behind.
#[test]
fn moved_in_a_loop_may_be_dropped_anywhere() {
    swept(moved_in_a_loop::fixed);
    swept(moved_in_a_loop::second_best);
}

/// `?` in an `async` block whose error type is open: neither way out leaves a task behind.
#[test]
fn question_mark_without_a_type_may_be_dropped_anywhere() {
    swept(question_mark_without_a_type::fixed);
    swept(question_mark_without_a_type::second_best);
}

/// A task holds a value of a type parameter: neither way out leaves a task behind.
#[test]
fn generic_in_a_task_may_be_dropped_anywhere() {
    swept(generic_in_a_task::fixed);
    swept(generic_in_a_task::second_best);
}

/// A struct has a future as a field: neither way out leaves a task behind.
#[test]
fn future_in_a_struct_may_be_dropped_anywhere() {
    swept(future_in_a_struct::fixed);
    swept(future_in_a_struct::second_best);
}

/// `.await` in a plain closure or function: neither way out leaves a task behind.
#[test]
fn await_outside_async_may_be_dropped_anywhere() {
    swept(await_outside_async::fixed);
    swept(await_outside_async::second_best);
}

/// A variable is used after it went into a task: neither way out leaves a task behind.
#[test]
fn used_after_it_went_to_a_task_may_be_dropped_anywhere() {
    swept(used_after_it_went_to_a_task::fixed);
    swept(used_after_it_went_to_a_task::second_best);
}

/// Two `async` blocks are put into one list: neither way out leaves a task behind.
#[test]
fn futures_in_a_vec_may_be_dropped_anywhere() {
    swept(futures_in_a_vec::fixed);
    swept(futures_in_a_vec::second_best);
}

/// A plain function's result is awaited: neither way out leaves a task behind.
#[test]
fn await_of_a_value_may_be_dropped_anywhere() {
    swept(await_of_a_value::fixed);
    swept(await_of_a_value::second_best);
}

/// `?` meets an error of another type: neither way out leaves a task behind.
#[test]
fn errors_that_do_not_convert_may_be_dropped_anywhere() {
    swept(errors_that_do_not_convert::fixed);
    swept(errors_that_do_not_convert::second_best);
}

/// A task holds a borrow of a `RefCell` over an await: neither way out leaves a task behind.
#[test]
fn cell_over_an_await_may_be_dropped_anywhere() {
    swept(cell_over_an_await::fixed);
    swept(cell_over_an_await::second_best);
}

/// A stream borrows from a variable of its function: neither way out leaves a task behind.
#[test]
fn stream_that_borrows_may_be_dropped_anywhere() {
    swept(stream_that_borrows::fixed);
    swept(stream_that_borrows::second_best);
}

/// A future or a handle is awaited twice: neither way out leaves a task behind.
#[test]
fn awaited_twice_may_be_dropped_anywhere() {
    swept(awaited_twice::fixed);
    swept(awaited_twice::second_best);
}

/// Two tasks take from one receiver: neither way out leaves a task behind.
#[test]
fn one_receiver_in_two_tasks_may_be_dropped_anywhere() {
    swept(one_receiver_in_two_tasks::fixed);
    swept(one_receiver_in_two_tasks::second_best);
}
