#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod counted;
pub mod demo;
pub mod descriptors;
pub mod load;
pub mod lock_order;
pub mod panics;
pub mod scenes;
pub mod slow_polls;
pub mod stuck;
pub mod watchdog;
