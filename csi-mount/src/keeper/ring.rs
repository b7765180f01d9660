//! Opens of files on their way to the control process: kept while it is away, counted when there are too many.

use std::collections::VecDeque;

use csi_mount_core::wire::Event;

/// The most events that are kept.
const MAX_EVENTS: usize = 1_024;

/// Events in their order.
#[derive(Debug, Default)]
pub struct Ring {
    events: VecDeque<Event>,
    lost: u64,
}

impl Ring {
    /// Keeps an event. When there is no room it is counted only: an audit log names what is missing, at its end.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Lost { opens } => self.lost = self.lost.saturating_add(opens),
            Event::Opened(_) if self.events.len() >= MAX_EVENTS => self.lost = self.lost.saturating_add(1),
            opened => self.events.push_back(opened),
        }
    }

    /// The next one; what was lost comes after those that were kept before it.
    pub fn pop(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| match std::mem::take(&mut self.lost) {
            0 => None,
            opens => Some(Event::Lost { opens }),
        })
    }
}
