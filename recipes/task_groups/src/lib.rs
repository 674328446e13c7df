#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod borrow;
pub mod cancel_on_drop;
pub mod demo;
pub mod join_set;
pub mod task_group;
