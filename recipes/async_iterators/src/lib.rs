#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod break_early;
pub mod by_hand;
pub mod closable;
pub mod consume;
pub mod demo;
pub mod generator;
pub mod next_method;
pub mod pages;
pub mod prefetch;
pub mod two_way;
pub mod unfold;
