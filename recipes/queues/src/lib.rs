#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod batch;
pub mod broadcast;
pub mod demo;
pub mod joinable;
pub mod many_consumers;
pub mod producer_consumer;
pub mod reserve;
pub mod tracked;
pub mod watch;
