#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod cancel_anywhere;
pub mod captured_log;
pub mod clock;
pub mod demo;
pub mod eventually;
pub mod fake_server;
pub mod fixture;
pub mod mock;
pub mod shared;
