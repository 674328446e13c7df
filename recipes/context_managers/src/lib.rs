#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod demo;
pub mod drain;
pub mod drop_guard;
pub mod exit_stack;
pub mod optional;
pub mod scope;
pub mod transaction;
