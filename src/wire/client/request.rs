//! What a client asks for, as bytes of each wire format.

use super::CLIENT_FRAMING;
use crate::protocol::{COMMANDS, Command, Refusal, Switch, VisitTo, clean};
use crate::wire::packet::Request;
use crate::wire::{Wire, frame, typed};

/// Longest object that a client sends as a line or in a frame, in bytes, for want of a length that
/// those cannot say: what `--max-packet` and `--max-frame` are when nobody has set them. A server
/// closes for more, and what was behind it is lost.
const MAX_SENT_LINE: usize = 65_535;
/// See [`MAX_SENT_LINE`].
const MAX_SENT_FRAME: usize = 65_536;

impl Wire {
    /// Appends the request for `command`. Where the format can, it carries `tag`, which the answer
    /// brings back.
    ///
    /// # Errors
    /// If this cannot be asked for at such a door, it is too long for a packet, or, on the text door,
    /// the receiver's name has a blank, where another name would end; nothing is appended then.
    pub fn encode_request(self, command: &Command, tag: u64, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let name = command.spec().map_or("", |spec| spec.name);
        let unknown = || Refusal::UnknownAct { act: name.to_owned() };
        let route = || COMMANDS.iter().find(|spec| spec.name == name && spec.route != 0).map(|spec| spec.route);
        let mut request = request(command);
        (request.act, request.tag) = (Some(name.into()), Some(tag.to_string().into()));
        match self {
            Self::Text => {
                // `/msg a b hi` is for a, whoever was meant; nobody has a name with a blank in it.
                if let Command::Msg { to, .. } = command
                    && (to.is_empty() || clean(to.as_bytes()).contains(char::is_whitespace))
                {
                    return Err(Refusal::NobodyCalled { name: to.clone(), like: None });
                }
                let line = line(command, name, &request).ok_or_else(unknown)?;
                // A name is not parsed before it is sent; here it cannot become a second line.
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
        }
        Ok(())
    }

    /// Appends what shows the server that this client is still there, and is not answered.
    pub fn encode_keep_alive(self, out: &mut Vec<u8>) {
        match self {
            Self::Text | Self::Relay => out.push(b'\n'),
            Self::Json(framing) => {
                framing.unwrap_or(CLIENT_FRAMING).put(br#"{"Act":"heartbeat","Data":""}"#, out);
            }
            Self::Frame => out.extend_from_slice(&frame::HEARTBEAT),
        }
    }
}

/// The object by which a client asks, if it is no longer than `limit`.
fn object(request: &Request<'_>, limit: usize) -> Result<Vec<u8>, Refusal> {
    let object = request.object();
    if object.len() > limit {
        return Err(Refusal::TooLong { bytes: object.len() as u64, limit });
    }
    Ok(object)
}

/// What a command asks for, without its name.
fn request(command: &Command) -> Request<'_> {
    let data = |text| Request { data: Some(text), ..Request::default() };
    match command {
        Command::Say(body)
        | Command::Me(body)
        | Command::Reply(body)
        | Command::Topic(Some(body))
        | Command::Away(Some(body))
        | Command::Quit(Some(body)) => data(body.as_str().into()),
        Command::Msg { to, body } => Request { to: Some(to.into()), ..data(body.as_str().into()) },
        Command::Visit { name, to, body } => {
            let visit = Request {
                name: name.as_ref().map(|name| name.as_str().into()),
                visit: true,
                ..data(body.as_str().into())
            };
            match to {
                VisitTo::Room(room) | VisitTo::Action(room) => {
                    Request { room: room.as_ref().map(|room| room.as_str().into()), ..visit }
                }
                VisitTo::Person(to) => Request { to: Some(to.into()), ..visit },
            }
        }
        Command::Nick(nick) | Command::Rename(nick) => data(nick.as_str().into()),
        Command::In(room, command) => Request { room: Some(room.as_str().into()), ..request(command) },
        Command::Join(room) | Command::Who(Some(room)) => data(room.as_str().into()),
        Command::History(lines) => data(lines.to_string().into()),
        Command::HistoryAfter(room, after) => {
            Request { room: room.as_ref().map(|room| room.as_str().into()), after: Some(*after), ..Request::default() }
        }
        Command::Whois(name) | Command::Ignore(name) | Command::Unignore(name) => data(name.into()),
        Command::Help(Some(spec)) => data(spec.name.into()),
        Command::Echo(switch) | Command::Quiet(switch) | Command::Time(switch) => {
            data(if *switch == Switch::On { "on" } else { "off" }.into())
        }
        Command::Leave
        | Command::Rooms
        | Command::Topic(None)
        | Command::Away(None)
        | Command::Back
        | Command::Who(None)
        | Command::UserList
        | Command::Help(None)
        | Command::Stay
        | Command::Ping
        | Command::Version
        | Command::Uptime
        | Command::Quit(None) => Request::default(),
    }
}

/// A command as a person would type it; `None` where people cannot ask for it.
fn line(command: &Command, name: &str, request: &Request<'_>) -> Option<String> {
    let data = request.data.as_deref().unwrap_or_default();
    Some(match command {
        Command::HistoryAfter(..) | Command::In(..) | Command::Visit { .. } => return None,
        // The room's own answers, which the slashed commands do not give.
        Command::UserList => "who".to_owned(),
        Command::Rename(_) => format!("rename|{data}"),
        // What is said is said as it stands, whatever it looks like.
        Command::Say(_) if typed::is_special(data) => format!("\\{data}"),
        Command::Say(_) => data.to_owned(),
        _ => {
            let words = [request.to.as_deref().unwrap_or_default(), data];
            words.iter().filter(|word| !word.is_empty()).fold(format!("/{name}"), |line, word| line + " " + word)
        }
    })
}
