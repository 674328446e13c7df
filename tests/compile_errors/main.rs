//! Lessons of `recipes/compile_errors`: rustc's messages, and that both ways out compile and do what the Python did.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

mod messages;
mod not_general_enough;
mod guard_over_an_await;
mod boxed_error_in_a_task;
mod recursion_without_a_box;
mod callback_that_borrows;
mod boxed_future_without_send;
mod polled_without_a_pin;
mod borrowed_self;
mod borrowed_by_a_task;
mod branches_of_two_types;
mod forgotten_await;
mod async_trait_object;
mod question_mark_in_a_task;
mod async_trait_in_a_task;
mod changed_from_two_branches;
mod handle_is_not_a_value;
mod future_used_as_its_value;
mod rc_in_a_task;
mod future_keeps_its_argument;
mod moved_in_a_loop;
mod question_mark_without_a_type;
mod generic_in_a_task;
mod future_in_a_struct;
mod await_outside_async;
mod used_after_it_went_to_a_task;
mod futures_in_a_vec;
mod await_of_a_value;
mod errors_that_do_not_convert;
mod cell_over_an_await;
mod stream_that_borrows;
mod awaited_twice;
mod one_receiver_in_two_tasks;
mod list;
