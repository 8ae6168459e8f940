//! Finds what a request asks for, by its method and its path.
//!
//! `/`, `/ws`, `/healthz`, `/readyz` and `/metrics` are fixed. `/ROOM` takes lines, `/ROOM/raw`, `/ROOM/json` and
//! `/ROOM/sse` stream them. A room that has a fixed name is written with its `#`: `POST /%23ws`.

use super::handshake::accept;
use super::say::Post;
use super::{Feed, Method, Request, Response, Status};
use crate::protocol::{BadRoomName, RoomName, clean, shortened};
use crate::wire::Limits;

/// Most characters of a path that an answer repeats.
const QUOTED_CHARS: usize = 40;

/// The thing that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The page.
    Page,
    /// A WebSocket.
    Socket {
        /// The value of `Sec-WebSocket-Accept`.
        accept: String,
    },
    /// Whether the manager answers.
    Health,
    /// Whether callers are let in.
    Ready,
    /// The counters.
    Metrics,
    /// To say lines in a room.
    Say(Post),
    /// The lines of a room, as they come.
    Stream {
        /// The room.
        room: RoomName,
        /// How they are written.
        feed: Feed,
        /// The number of the last line that the client has: those behind it come first.
        after: Option<u64>,
        /// Whether the stream ends after the lines that there are.
        ends: bool,
    },
}

/// The fixed paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fixed {
    Page,
    Socket,
    Health,
    Ready,
    Metrics,
}

impl Fixed {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Page,
            "/ws" => Self::Socket,
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ => return None,
        })
    }

    fn route(self, request: &Request) -> Result<Route, Response> {
        let reads = match self {
            Self::Socket => request.method == Method::Get,
            _ => reads(request),
        };
        if !reads {
            let allow = if self == Self::Socket { "GET" } else { "GET, HEAD" };
            let line = match request.path.strip_prefix('/') {
                Some("") | None => format!("/ takes {allow}; POST /ROOM says lines"),
                Some(name) => format!("/{name} takes {allow}; a room of that name is /%23{name}"),
            };
            return Err(not_allowed(allow, line));
        }
        Ok(match self {
            Self::Page => Route::Page,
            Self::Socket => Route::Socket { accept: accept(request)? },
            Self::Health => Route::Health,
            Self::Ready => Route::Ready,
            Self::Metrics => Route::Metrics,
        })
    }
}

/// Finds what a request asks for. `limits` bound the lines that are said.
///
/// # Errors
/// The answer: 404, 405, or 400 with what is wrong.
pub fn route(request: &Request, limits: Limits) -> Result<Route, Response> {
    if let Some(fixed) = Fixed::of(&request.path) {
        return fixed.route(request);
    }
    let mut parts = request.path.strip_prefix('/').unwrap_or_default().splitn(2, '/');
    let (room, feed) = (parts.next().unwrap_or_default(), parts.next());
    let room = RoomName::parse(room).map_err(|bad| unknown(request, Some(bad)));
    let Some(feed) = feed else {
        let room = room?;
        if request.method != Method::Post {
            let path = shown(&request.path);
            return Err(not_allowed(
                "POST",
                format!("{path} takes POST with the lines to say; {path}/raw streams the room, / is the page"),
            ));
        }
        return Post::read(request, room, limits).map(Route::Say);
    };
    let feed = match feed {
        "raw" => Feed::Raw,
        "json" => Feed::Json,
        "sse" => Feed::Sse,
        _ => return Err(unknown(request, None)),
    };
    let room = room?;
    if !reads(request) {
        let room = room.as_str();
        let mark = if FIXED.contains(&room) { "%23" } else { "" };
        return Err(not_allowed("GET, HEAD", format!("A stream takes GET; POST /{mark}{room} says lines")));
    }
    Ok(Route::Stream { room, feed, after: after(request)?, ends: ends(request)? })
}

/// Names that a path to a room writes with `%23` before it.
const FIXED: [&str; 4] = ["ws", "healthz", "readyz", "metrics"];

/// Whether the method only reads.
fn reads(request: &Request) -> bool {
    matches!(request.method, Method::Get | Method::Head)
}

/// The line to go on behind. A browser repeats the URL when it connects again, so its header goes first.
fn after(request: &Request) -> Result<Option<u64>, Response> {
    let header = request.last_event_id.as_deref().filter(|id| !id.is_empty());
    let number = header.or(request.query.after.as_deref());
    let wrong = "after and Last-Event-ID are the number of a line, in digits, as in ?after=57";
    number.map(|digits| digits.parse().map_err(|_| Response::text(Status::BadRequest, wrong))).transpose()
}

fn ends(request: &Request) -> Result<bool, Response> {
    match request.query.poll.as_deref() {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(Response::text(Status::BadRequest, "poll is 1 (end after the lines that there are) or 0")),
    }
}

/// A path as an answer repeats it.
fn shown(path: &str) -> String {
    shortened(&clean(path.as_bytes()), QUOTED_CHARS)
}

fn not_allowed(allow: &'static str, line: String) -> Response {
    Response::text(Status::MethodNotAllowed, line).with("Allow", allow)
}

/// 404: neither a fixed path nor a room's.
fn unknown(request: &Request, bad: Option<BadRoomName>) -> Response {
    let why = bad.map_or_else(|| "A room has /ROOM/raw, /ROOM/json and /ROOM/sse".to_owned(), |bad| bad.to_string());
    Response::text(Status::NotFound, format!("There is no {}. {why}", shown(&request.path)))
}
