//! The programs of the chapters and of the skill page, all of them tests of this crate's documentation.
//!
//! rustdoc compiles and links what it finds in one crate as one program. In their recipes, they would be as many programs
//! as there are chapters.

#[cfg(doctest)]

#[cfg(doctest)]
#[doc = include_str!("../../../skills/tokio-async-patterns/SKILL.md")]
mod skill {}
