//! The writer of a session, compiled over another system.

#[path = "../../src/server/session/writer.rs"]
#[allow(dead_code, reason = "its loop is played by the world")]
pub(super) mod writer;
