#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod context;
pub mod demo;
pub mod done_callback;
pub mod eager;
pub mod named;
pub mod owner;
pub mod spawn;
