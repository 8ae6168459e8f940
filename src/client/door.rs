//! The differences between the doors, as far as a client must know them.

use crate::wire::Wire;

/// The properties of a door that a client must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Door {
    /// It greets a session, and puts it into #lobby.
    pub greets: bool,
    /// Its answers carry the mark of the request.
    pub marks_answers: bool,
    /// The fact that stays unknown if no answer to the first request comes, in words.
    pub doubt: &'static str,
}

impl Door {
    /// The properties of a door with this wire format.
    pub(super) fn of(wire: Wire) -> Self {
        match wire {
            Wire::Text => Self { greets: true, marks_answers: false, doubt: "is a text door there?" },
            Wire::Frame => Self { greets: false, marks_answers: true, doubt: "is a frame door there?" },
            #[cfg(feature = "web")]
            Wire::Web(_) => Self { greets: false, marks_answers: false, doubt: "the client does not speak HTTP" },
            Wire::Json(_) | Wire::Relay => Self { greets: false, marks_answers: true, doubt: "is a json door there?" },
        }
    }
}
