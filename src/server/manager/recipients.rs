//! The recipients of the server, by session id and by index.
//!
//! The hub names sessions by id. Lists of listeners hold indices, which need no search.

use crate::protocol::{ById, SessionId};

use super::index::Index;
use super::recipient::Recipient;

/// All recipients.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    indices: ById<Index>,
    table: Vec<Option<Recipient>>,
    free: Vec<Index>,
    /// Recipients whose next flush goes by pieces.
    owed: Vec<Index>,
}

impl Recipients {
    pub(super) fn add(&mut self, id: SessionId, recipient: Recipient) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.table.push(None);
            Index(u32::try_from(self.table.len() - 1).unwrap_or(u32::MAX))
        });
        if let Some(place) = self.table.get_mut(index.0 as usize) {
            *place = Some(recipient);
            self.indices.insert(id, index);
        }
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Recipient> {
        let index = self.indices.remove(&id)?;
        self.free.push(index);
        self.table.get_mut(index.0 as usize)?.take()
    }

    /// The index of a session; `None` if it is not one of this server's, or has ended.
    pub(super) fn index(&self, id: SessionId) -> Option<Index> {
        self.indices.get(&id).copied()
    }

    pub(super) fn at(&self, index: Index) -> Option<&Recipient> {
        self.table.get(index.0 as usize)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, index: Index) -> Option<&mut Recipient> {
        self.table.get_mut(index.0 as usize)?.as_mut()
    }

    /// Notes that the next flush must not give this recipient whole chunks.
    pub(super) fn note(&mut self, index: Index) {
        if let Some(recipient) = self.at_mut(index)
            && !recipient.is_owed
        {
            (recipient.is_owed, recipient.has_pieces) = (true, true);
            self.owed.push(index);
        }
    }

    /// The recipients that were noted.
    pub(super) fn owed(&self) -> &[Index] {
        &self.owed
    }

    /// Forgets the notes, because everything has been sent.
    pub(super) fn clear_owed(&mut self) {
        let mut owed = std::mem::take(&mut self.owed);
        for index in owed.drain(..) {
            if let Some(recipient) = self.at_mut(index) {
                (recipient.is_owed, recipient.has_pieces) = (false, recipient.is_special());
            }
        }
        self.owed = owed;
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Recipient> {
        self.at(self.index(id)?)
    }

    pub(super) fn find(&mut self, id: SessionId) -> Option<(Index, &mut Recipient)> {
        let index = self.index(id)?;
        Some((index, self.at_mut(index)?))
    }
}
