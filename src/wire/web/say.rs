//! The lines that a request says in a room.

use super::{Request, Response, Status};
use crate::protocol::{Body, Nick, Refusal, RoomName};
use crate::wire::Limits;

/// Lines to say in a room, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The room.
    pub room: RoomName,
    /// The speaker's name, if one is given.
    pub name: Option<Nick>,
    /// The lines, at least one.
    pub lines: Vec<Body>,
    /// How a success is answered.
    pub answer: PostAnswer,
}

/// How a success is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostAnswer {
    /// `said 3`
    Count,
    /// `ok`, as Slack does. Alertmanager takes any other text for an error.
    Ok,
}

impl PostAnswer {
    /// The answer, when that many lines were delivered.
    #[must_use]
    pub fn response(self, lines: usize) -> Response {
        match self {
            Self::Count => Response::text(Status::Ok, format_args!("said {lines}")),
            // Slack's answer has no line end, and some senders compare it.
            Self::Ok => Response::new(Status::Ok, super::TEXT, &b"ok"[..]).with("Cache-Control", "no-store"),
        }
    }
}

impl Post {
    /// Reads the body of a request.
    pub(super) fn read(request: &Request, room: RoomName, limits: Limits) -> Result<Self, Response> {
        let wrong = |why: &dyn std::fmt::Display| Response::text(Status::BadRequest, why);
        let name = request.query.name.as_ref().or(request.x_name.as_ref());
        let name = name.map(|name| Nick::parse(name)).transpose().map_err(|refusal| wrong(&refusal))?;
        let lines = lines(&request.body, limits.max_line).map_err(|refusal| wrong(&refusal))?;
        if lines.is_empty() {
            return Err(wrong(&"There is nothing to say; send the lines as the request's body"));
        }
        Ok(Self { room, name, lines, answer: PostAnswer::Count })
    }
}

/// The lines of a text that are not empty.
fn lines(text: &[u8], limit: usize) -> Result<Vec<Body>, Refusal> {
    let mut lines = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > limit {
            return Err(Refusal::TooLong { bytes: line.len() as u64, limit });
        }
        lines.extend(Body::new(&String::from_utf8_lossy(line)));
    }
    Ok(lines)
}
