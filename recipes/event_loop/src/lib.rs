#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod callbacks;
pub mod demo;
pub mod from_a_thread;
pub mod not_send;
pub mod owner;
pub mod runner;
