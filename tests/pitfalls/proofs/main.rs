//! Proofs of `recipes/pitfalls`: each broken form fails, each fixed form holds, and the named lint catches the mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]
#![allow(missing_docs, reason = "helpers of lessons speak by their names")]

#[path = "../../support/mod.rs"]
pub mod support;
#[path = "../work.rs"]
pub mod work;

mod forgotten_await;
mod cpu_on_the_runtime;
mod blocking_sleep;
mod cancelled_halfway;
mod tasks_without_limit;
mod resource_not_closed;
mod nested_runtime;
mod forgotten_task_done;
mod one_after_the_other;
mod join_is_not_parallel;
mod starved_stream;
mod lock_over_the_work;
mod check_then_act;
mod lock_across_await;
mod spawn_outside_a_runtime;
mod half_a_read;
mod half_polled_future;
mod timeout_of_a_handle;
mod ignored_token;
mod permit_dropped_at_once;
mod drop_guard_dropped_at_once;
mod spare_sender;
mod gathered_handles;
mod permit_in_the_task;
mod queue_without_limit;
mod timer_in_a_loop;
mod burst_of_ticks;
mod missed_notification;
mod binary;
mod demo;
