#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod as_completed;
pub mod bounded_in_order;
pub mod demo;
pub mod every_outcome;
pub mod fail_fast;
pub mod first_completed;
pub mod first_success;
pub mod in_order;
pub mod parallel_in_order;
pub mod wait;
