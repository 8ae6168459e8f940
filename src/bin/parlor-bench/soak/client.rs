//! A client that causes trouble: its random choices, and what all its actions need.

use std::thread;
use std::time::Duration;

use super::door::Door;
use super::peer::Peer;
use super::random::Random;
use super::shared::Shared;

/// A client on a thread of its own. It takes one action after another.
pub(super) struct Client<'a> {
    pub(super) shared: &'a Shared,
    pub(super) random: Random,
}

impl<'a> Client<'a> {
    pub(super) fn new(shared: &'a Shared, number: u64) -> Self {
        Self { shared, random: shared.random(number) }
    }

    pub(super) fn pause(&mut self, at_most_ms: u64) {
        thread::sleep(Duration::from_millis(self.random.between(0, at_most_ms)));
    }

    pub(super) fn any_door(&mut self) -> Door {
        self.random.one_of(&Door::ALL)
    }

    /// Connects at any door and joins the lobby.
    pub(super) fn enter(&mut self) -> Option<Peer<'a>> {
        let door = self.any_door();
        Peer::enter(self.shared, door, "lobby")
    }
}
