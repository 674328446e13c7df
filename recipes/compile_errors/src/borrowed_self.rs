// SPDX-License-Identifier: 0BSD
//! A method starts a task that uses `self`.
//!
//! ```text
//! error[E0521]: borrowed data escapes outside of method
//! ```
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! # What it means
//!
//! The task may outlive the borrow of `self`: `async move` moves the reference, not the object.
//!
//! # What to do
//!
//! Clone the fields that the task needs, and move the clones.
//!
//! # Second best
//!
//! Declare `self: Arc<Self>` (or `Arc<Client>`), and clone the `Arc` at the call. Take it when the task needs most of
//! the object.

use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};

struct Client {
    name: String,
}

impl Client {
    fn start(&self) -> JoinHandle<usize> {
        let name = self.name.clone();
        tokio::spawn(async move { name.len() })
    }

    fn start_shared(self: Arc<Self>) -> JoinHandle<usize> {
        tokio::spawn(async move { self.name.len() })
    }
}

/// The task owns a copy of the field.
pub async fn fixed() -> Result<usize, JoinError> {
    let client = Client { name: "home".to_owned() };
    client.start().await
}

/// The task owns a share of the object.
pub async fn second_best() -> Result<usize, JoinError> {
    let client = Arc::new(Client { name: "home".to_owned() });
    Arc::clone(&client).start_shared().await
}
