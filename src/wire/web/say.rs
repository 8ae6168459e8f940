//! Reads the body of a POST: the lines that it says in a room.

use std::fmt::Display;

use super::webhook::Message;
use super::{Request, Response, Status};
use crate::protocol::{Body, Nick, Refusal, RoomName, clean, shortened};
use crate::wire::Limits;

/// Most characters of a header's value that an answer repeats.
const QUOTED_CHARS: usize = 40;

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
            Self::Ok => Response::new(Status::Ok, super::TEXT, &b"ok"[..]).with("Cache-Control", "no-store"),
        }
    }
}

/// The kind of a body, by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    /// `curl -d` says so of whatever it sends.
    Form,
}

impl Kind {
    fn of(content_type: &str) -> Option<Self> {
        let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "" | "application/octet-stream" => Self::Text,
            name if name.starts_with("text/") => Self::Text,
            _ => return None,
        })
    }
}

impl Post {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// The answer: 400 with what is wrong, or 415 for a body of another type or in a compressed form.
    pub(super) fn read(request: &Request, room: RoomName, limits: Limits) -> Result<Self, Response> {
        if let Some(encoding) = &request.content_encoding
            && !encoding.is_empty()
            && !encoding.eq_ignore_ascii_case("identity")
        {
            return Err(no_text(format_args!("in encoding {}", quoted(encoding))));
        }
        let content_type = request.content_type.as_deref().unwrap_or_default();
        let kind = Kind::of(content_type).ok_or_else(|| no_text(format_args!("of type {}", quoted(content_type))))?;
        let message = match kind {
            Kind::Text => None,
            Kind::Json => Some(Message::of_json(&request.body)),
            Kind::Form => Message::of_form(&request.body),
        };
        let message =
            message.transpose().map_err(|why| wrong(format_args!("Not a message as Slack takes it: {why}")))?;
        let given = request.query.name.as_deref().or(request.x_name.as_deref());
        let name = given.map(Nick::parse).transpose().map_err(wrong)?;
        let (name, lines, answer) = match message {
            Some(message) => (name.or(message.name), cut_lines(&message.text, limits.max_line), PostAnswer::Ok),
            None => (name, lines(&request.body, limits.max_line).map_err(wrong)?, PostAnswer::Count),
        };
        match (lines.is_empty(), answer) {
            (false, _) => Ok(Self { room, name, lines, answer }),
            (true, PostAnswer::Count) => Err(wrong("There is nothing to say; send the lines as the request's body")),
            (true, PostAnswer::Ok) => Err(wrong("There is nothing to say; send {\"text\":\"…\"}")),
        }
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
        lines.extend(Body::new(&clean(line)));
    }
    Ok(lines)
}

/// The lines of a program's text. Longer ones are cut: the program cannot read a refusal.
fn cut_lines(text: &str, limit: usize) -> Vec<Body> {
    let cut = |line: &str| match line.get(..line.floor_char_boundary(limit.saturating_sub('…'.len_utf8()))) {
        Some(beginning) if line.len() > limit => Body::new(&format!("{beginning}…")),
        _ => Body::new(line),
    };
    text.lines().filter_map(cut).collect()
}

fn wrong(why: impl Display) -> Response {
    Response::text(Status::BadRequest, why)
}

/// The answer to a body of which the text is not known.
fn no_text(what: impl Display) -> Response {
    let line = format!(
        "A body {what} is not said; send text/plain, or application/json as Slack takes it, without compression"
    );
    Response::text(Status::UnsupportedMediaType, line)
}

fn quoted(value: &str) -> String {
    shortened(&clean(value.as_bytes()), QUOTED_CHARS)
}
