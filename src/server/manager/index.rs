//! The number of a recipient: lists of listeners hold numbers, which need no search.

/// The place of a recipient in the table: small, and used again after the session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Index(pub(super) u32);
