//! The writer of a session, compiled over another system.

#[path = "../../src/server/session/writer.rs"]
pub(super) mod writer;
