//! The programs of the chapters and of the skill page, all of them tests of this crate's documentation.
//!
//! rustdoc compiles and links what it finds in one crate as one program. In their recipes, they would be as many programs
//! as there are chapters.

#[cfg(doctest)]
#[doc = include_str!("../../../recipes/async_await/README.md")]
mod async_await {}

#[cfg(doctest)]
#[doc = include_str!("../../../recipes/task_groups/README.md")]
mod task_groups {}

#[cfg(doctest)]
#[doc = include_str!("../../../skills/tokio-async-patterns/SKILL.md")]
mod skill {}
