// SPDX-License-Identifier: 0BSD
//! The orders of `joinable.rs`: FIFO, LIFO, and by priority.

use std::collections::{BTreeMap, VecDeque};

use super::Order;

impl<T> Order for VecDeque<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }
}

impl<T> Order for Vec<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
}

/// The smallest priority first, and FIFO among equal ones. Values are not compared.
#[derive(Debug)]
pub struct Priority<P, T> {
    /// Ordered by priority and number. A `BinaryHeap` returns the greatest first, and equal ones in no order.
    items: BTreeMap<(P, u64), T>,
    next: u64,
}

impl<P: Ord, T> Default for Priority<P, T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), next: 0 }
    }
}

impl<P: Ord, T> Order for Priority<P, T> {
    type Item = (P, T);

    fn push(&mut self, (priority, value): (P, T)) {
        self.items.insert((priority, self.next), value);
        self.next += 1;
    }

    fn pop(&mut self) -> Option<(P, T)> {
        self.items.pop_first().map(|((priority, _number), value)| (priority, value))
    }
}
