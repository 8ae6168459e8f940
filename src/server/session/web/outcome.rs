//! The result types of the request handlers.

use crate::chat::Entry;
use crate::wire::web::{Response, Status, Web};

/// The outcome of one request.
pub(super) enum Outcome {
    /// Its lines were said, and it has paid for them.
    Said(Response),
    /// It is answered.
    Answer(Response),
    /// It is answered, and the connection ends.
    Last(Response),
    /// It is answered by a head without a body, and the connection ends.
    Head(Vec<u8>),
    /// It turns the connection into a session. `head` begins the answer.
    Session { head: Vec<u8>, web: Web, entry: Option<Entry> },
}

/// The answer to a request that comes during a stop.
pub(super) fn stopping() -> Response {
    Response::text(Status::Unavailable, "The server is stopping; try again when it runs").with("Retry-After", "1")
}
