#![doc = include_str!("../README.md")]

pub mod broadcast;
pub mod demo;
pub mod joinable;
pub mod many_consumers;
pub mod producer_consumer;
pub mod reserve;
pub mod watch;
