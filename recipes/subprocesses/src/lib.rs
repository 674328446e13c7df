#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod demo;
pub mod group;
pub mod lines;
pub mod many;
pub mod no_orphans;
pub mod pipeline;
pub mod run;
pub mod talk;
pub mod terminal;
