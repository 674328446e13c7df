#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod demo;
pub mod interrupt;
pub mod shutdown;
pub mod signals;
pub mod until_signal;
