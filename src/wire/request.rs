//! Encodes a client's requests in each wire format.

use std::borrow::Cow;

use super::client::CLIENT_FRAMING;
use super::json::Request;
use super::{Wire, frame, text};
use crate::protocol::{Command, Refusal, RoomName, VisitTo, Words, clean};

/// Longest object that a client sends as a line or in a frame, in bytes: the defaults of `--max-packet`
/// and `--max-frame`. A server closes the connection for a longer one, and what follows it is lost.
const MAX_SENT_LINE: usize = 65_535;
/// See [`MAX_SENT_LINE`].
const MAX_SENT_FRAME: usize = 65_536;

impl Wire {
    /// Appends the request for `command`. If the format has marks, it carries `tag`, which the answer
    /// returns.
    ///
    /// # Errors
    /// If this door has no such request, or the request is too long for a packet. On the text door also if
    /// the receiver's name has a blank, since the name would end there. Nothing is appended then.
    pub fn encode_request(self, command: &Command, tag: u64, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let name = command.spec().name;
        let unknown = || Refusal::UnknownAct { act: name.to_owned() };
        let route = || Some(command.spec().route).filter(|_| command.spec().is_for_programs());
        let mut request = request(command);
        (request.act, request.tag) = (Some(name.into()), Some(tag.to_string().into()));
        match self {
            Self::Text => {
                // `/msg a b hi` goes to a. No name has a blank in it.
                if let Command::Msg { to, .. } = command
                    && (to.is_empty() || clean(to.as_bytes()).contains(char::is_whitespace))
                {
                    return Err(Refusal::NobodyCalled { name: to.clone(), like: None });
                }
                let line = line(command, name, &request).ok_or_else(unknown)?;
                // A client does not parse names before sending; cleaned, a name cannot start a second line.
                out.extend_from_slice(clean(line.as_bytes()).as_bytes());
                out.push(b'\n');
            }
            Self::Relay => match command {
                Command::Say(body) => {
                    out.extend_from_slice(body.as_str().as_bytes());
                    out.push(b'\n');
                }
                _ => return Err(unknown()),
            },
            Self::Json(framing) => {
                let framing = framing.unwrap_or(CLIENT_FRAMING);
                route().ok_or_else(unknown)?;
                framing.put(&object(&request, framing.longest().min(MAX_SENT_LINE))?, out);
            }
            Self::Frame => frame::put(route().ok_or_else(unknown)?, &object(&request, MAX_SENT_FRAME)?, out),
            #[cfg(feature = "web")]
            Self::Web(_) => return Err(unknown()),
        }
        Ok(())
    }

    /// Appends a keep-alive that the server does not answer.
    pub fn encode_keep_alive(self, out: &mut Vec<u8>) {
        match self {
            Self::Text | Self::Relay => out.push(b'\n'),
            Self::Json(framing) => {
                framing.unwrap_or(CLIENT_FRAMING).put(br#"{"Act":"heartbeat","Data":""}"#, out);
            }
            Self::Frame => out.extend_from_slice(&frame::HEARTBEAT),
            #[cfg(feature = "web")]
            Self::Web(_) => {}
        }
    }
}

/// The object of a request, if it is no longer than `limit`.
fn object(request: &Request<'_>, limit: usize) -> Result<Vec<u8>, Refusal> {
    let object = request.object();
    if object.len() > limit {
        return Err(Refusal::TooLong { bytes: object.len() as u64, limit });
    }
    Ok(object)
}

/// The keys of a request, without its `Act`.
fn request(command: &Command) -> Request<'_> {
    let data = match command.words() {
        Words::Nothing => None,
        Words::Text(text) => Some(text.into()),
        Words::Number(number) => Some(number.to_string().into()),
        Words::Body(body) => Some(body.as_str().into()),
    };
    let request = Request { data, ..Request::default() };
    match command {
        Command::In(room, command) => Request { room: Some(room.as_str().into()), ..self::request(command) },
        Command::Msg { to, .. } => Request { to: Some(to.into()), ..request },
        Command::Visit { name, to, .. } => {
            let visit = Request { name: name.as_ref().map(|name| name.as_str().into()), visit: true, ..request };
            match to {
                VisitTo::Room(named) | VisitTo::Action(named) => Request { room: named.as_ref().map(name_of), ..visit },
                VisitTo::Person(to) => Request { to: Some(to.into()), ..visit },
            }
        }
        Command::JoinAlso(_) => Request { also: true, ..request },
        Command::LeaveRoom(room) => Request { room: Some(name_of(room)), ..request },
        Command::HistoryAfter(named, after) => {
            Request { room: named.as_ref().map(name_of), after: Some(*after), ..request }
        }
        _ => request,
    }
}

fn name_of(room: &RoomName) -> Cow<'_, str> {
    room.as_str().into()
}

/// The command as a person would type it; `None` if the text door has no such command.
fn line(command: &Command, name: &str, request: &Request<'_>) -> Option<String> {
    let data = request.data.as_deref().unwrap_or_default();
    Some(match command {
        Command::HistoryAfter(..)
        | Command::In(..)
        | Command::Visit { .. }
        | Command::JoinAlso(_)
        | Command::LeaveRoom(_) => return None,
        // A client knows its own lines by their address, and reads UTF-8.
        Command::Address(_) | Command::Charset(_) => return None,
        // The old chat room's commands, whose answers the slashed commands do not give.
        Command::UserList => "who".to_owned(),
        Command::Rename(_) => format!("rename|{data}"),
        // Escape the line so that it is said as it stands.
        Command::Say(_) if text::is_special(data) => format!("\\{data}"),
        Command::Say(_) => data.to_owned(),
        _ => {
            let words = [request.to.as_deref().unwrap_or_default(), data];
            words.iter().filter(|word| !word.is_empty()).fold(format!("/{name}"), |line, word| line + " " + word)
        }
    })
}
