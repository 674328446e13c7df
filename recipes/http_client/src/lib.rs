#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod client;
pub mod demo;
pub mod download;
pub mod json;
pub mod limits;
pub mod many;
pub mod resume;
pub mod retry;
pub mod retry_after;
pub mod status;
pub mod upload;
pub mod websocket;
