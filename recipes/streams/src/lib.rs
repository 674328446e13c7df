#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]

pub mod connect;
pub mod demo;
pub mod dial;
pub mod fan_out;
pub mod lines;
pub mod relay;
pub mod request_response;
pub mod serve;
pub mod tls;
