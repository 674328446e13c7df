#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod background;
pub mod circuit_breaker;
pub mod context;
pub mod demo;
pub mod error_group;
pub mod one_task;
pub mod outcome;
pub mod retry;
pub mod span_trace;
pub mod supervise;
