//! The contents of a connection at the HTTP door, and the encodings that only this door has.

/// The use of a connection at the HTTP door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Web {
    /// Requests, each with its answer.
    Http,
    /// A WebSocket.
    Socket,
    /// The endless answer to a request for the lines of a room.
    Stream(Feed),
}

/// How a stream writes the lines of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// As the text door does.
    Raw,
    /// The JSON door's objects, one in each line.
    Json,
    /// Server-sent events (WHATWG HTML, section 9.2), each with an object of the JSON door.
    Sse,
}

/// The encodings that only the HTTP door has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebEncoding {
    /// Text messages of a WebSocket.
    Socket,
    /// Server-sent events.
    Sse,
}
