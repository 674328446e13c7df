#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod blocking;
pub mod cpu;
pub mod demo;
pub mod one_process;
pub mod process_pool;
pub mod thread_pool;
pub mod threads;
