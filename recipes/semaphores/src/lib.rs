#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod barrier;
pub mod budget;
pub mod condition;
pub mod demo;
pub mod event;
pub mod exclusive;
pub mod limit;
pub mod rate_limit;
