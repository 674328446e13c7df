#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod async_closures;
pub mod call_and_await;
pub mod demo;
pub mod laziness;
pub mod many_readers;
pub mod sequential_or_concurrent;
pub mod single_flight;
pub mod yielding;
