#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod abort;
pub mod cancel_and_confirm;
pub mod cooperative;
pub mod deadline;
pub mod demo;
pub mod reschedule;
pub mod select_loop;
pub mod shield;
pub mod time_limit;
pub mod timeout_and_wait;
