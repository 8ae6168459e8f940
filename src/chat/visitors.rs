//! The latest names of visits: `/ignore` accepts these and refuses a mistyped name.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::{SessionId, Speaker};

/// Most names of visits that are remembered.
const MAX_VISITORS: usize = 256;

/// The latest names of visits, each once, the oldest first; at most [`MAX_VISITORS`].
#[derive(Debug, Default)]
pub(super) struct Visitors(VecDeque<Arc<Speaker>>);

impl Visitors {
    /// Remembers the name of a visit. A speaker under its own name is no visitor.
    pub(super) fn remember(&mut self, who: &Arc<Speaker>) {
        if who.visitor.is_none() {
            return;
        }
        self.0.retain(|other| other.visitor != who.visitor);
        if self.0.len() >= MAX_VISITORS {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(who));
    }

    /// The visitor whose name has this number.
    pub(super) fn find(&self, number: SessionId) -> Option<Arc<Speaker>> {
        self.0.iter().find(|who| who.visitor == Some(number)).map(Arc::clone)
    }
}

impl Serialize for Visitors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Visitors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self)
    }
}
