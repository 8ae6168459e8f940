//! The protocols of the servers that are measured: joining, saying a line, leaving.

use std::net::{Ipv4Addr, SocketAddr};

use byteorder::{ByteOrder, LittleEndian};
use clap::ValueEnum;
use memchr::memmem;

use parlor::protocol::CommandSpec;

use super::websocket;

/// A door of Parlor, or another server's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Wire {
    /// Parlor's text door.
    Text,
    /// Parlor's relay door.
    Relay,
    /// Parlor's JSON door, an object a line.
    Json,
    /// Parlor's frame door.
    Frame,
    /// WebSocket at Parlor's HTTP door: the objects of the JSON door.
    Ws,
    /// An IRC server (RFC 1459), all in one channel.
    Irc,
    /// Redis, publish and subscribe.
    Redis,
    /// NATS, publish and subscribe.
    Nats,
    /// The floor that this program serves itself.
    Floor,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Talker,
    /// A reader in the other room of this number.
    OtherRoom(u32),
}

/// Which lines the server sends to talkers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TalkersHear {
    Everything,
    EachOther,
    Nothing,
}

impl Wire {
    /// The name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json => "json",
            Self::Frame => "frame",
            Self::Ws => "ws",
            Self::Irc => "irc",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Floor => "floor",
        }
    }

    /// Where its server usually listens.
    pub(super) fn usual_address(self) -> SocketAddr {
        let port = match self {
            Self::Text => 8000,
            Self::Relay => 8888,
            Self::Json => 8999,
            Self::Frame => 9999,
            Self::Ws => 8088,
            Self::Irc => 6667,
            Self::Redis => 6379,
            Self::Nats => 4222,
            Self::Floor => 8777,
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Whether the server is a Parlor.
    pub(super) fn is_of_parlor(self) -> bool {
        matches!(self, Self::Text | Self::Relay | Self::Json | Self::Frame | Self::Ws)
    }

    fn talkers_hear(self) -> TalkersHear {
        match self {
            Self::Text | Self::Json | Self::Frame | Self::Ws | Self::Floor => TalkersHear::Everything,
            Self::Relay | Self::Irc => TalkersHear::EachOther,
            // Redis takes no PUBLISH from a subscriber; NATS is treated alike.
            Self::Redis | Self::Nats => TalkersHear::Nothing,
        }
    }

    /// The number of talkers that receive one line.
    pub(super) fn talkers_per_line(self, talkers: u64) -> u64 {
        match self.talkers_hear() {
            TalkersHear::Everything => talkers,
            TalkersHear::EachOther => talkers.saturating_sub(1),
            TalkersHear::Nothing => 0,
        }
    }

    /// Whether the talker of this number hears a line of the first talker.
    pub(super) fn talker_hears_first(self, talker: usize) -> bool {
        match self.talkers_hear() {
            TalkersHear::Everything => true,
            TalkersHear::EachOther => talker > 0,
            TalkersHear::Nothing => false,
        }
    }

    /// Whether its server has more rooms than one.
    pub(super) fn has_rooms(self) -> bool {
        !matches!(self, Self::Relay | Self::Floor)
    }

    /// Appends the bytes that a connection sends first, by WebSocket after the upgrade.
    pub(super) fn hello(self, role: Role, number: usize, out: &mut Vec<u8>) {
        let other = match role {
            Role::OtherRoom(room) => Some(format!("b{room}")),
            Role::Reader | Role::Talker => None,
        };
        let room = |main| other.as_deref().unwrap_or(main);
        match (self, role) {
            // A talker has a short name, as the others' subject and channel are short.
            (Self::Text, Role::Talker) => out.extend_from_slice(format!("/nick t{number}\n").as_bytes()),
            (Self::Text, Role::OtherRoom(_)) => out.extend_from_slice(format!("/join {}\n", room("")).as_bytes()),
            (Self::Json, _) => {
                if role == Role::Talker {
                    out.extend_from_slice(format!("{{\"Act\":\"nick\",\"Data\":\"t{number}\"}}\n").as_bytes());
                }
                let join = format!("{{\"Act\":\"join\",\"Data\":\"{}\"}}\n", room("lobby"));
                out.extend_from_slice(join.as_bytes());
            }
            (Self::Ws, _) => {
                if role == Role::Talker {
                    websocket::put_text(format!("{{\"Act\":\"nick\",\"Data\":\"t{number}\"}}").as_bytes(), out);
                }
                let join = format!("{{\"Act\":\"join\",\"Data\":\"{}\"}}", room("lobby"));
                websocket::put_text(join.as_bytes(), out);
            }
            (Self::Frame, _) => {
                if role == Role::Talker {
                    frame("nick", &format!("t{number}"), out);
                }
                frame("join", room("lobby"), out);
            }
            (Self::Irc, _) => {
                let hello = format!("NICK b{number}\r\nUSER b b b b\r\nJOIN #{}\r\n", room("bench"));
                out.extend_from_slice(hello.as_bytes());
            }
            (Self::Redis, Role::Talker) => out.extend_from_slice(b"PING\r\n"),
            (Self::Redis, _) => out.extend_from_slice(format!("SUBSCRIBE {}\r\n", room("b")).as_bytes()),
            (Self::Nats, _) => {
                out.extend_from_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
                if role != Role::Talker {
                    out.extend_from_slice(format!("SUB {} 1\r\n", room("b")).as_bytes());
                }
                out.extend_from_slice(b"PING\r\n");
            }
            (Self::Text, Role::Reader) | (Self::Relay | Self::Floor, _) => {}
        }
    }

    /// The words by which the server tells that the session has joined. `None`: it does not tell.
    fn welcome(self, role: Role) -> Option<&'static [u8]> {
        match (self, role) {
            (Self::Text, Role::OtherRoom(_)) => Some(b"*** You are in #b"),
            (Self::Text, _) => Some(b"*** who lists people"),
            (Self::Relay, _) => None,
            (Self::Json | Self::Frame | Self::Ws, _) => Some(b"\"Act\":\"join\""),
            (Self::Irc, _) => Some(b" 366 "),
            (Self::Redis, Role::Reader | Role::OtherRoom(_)) => Some(b"subscribe\r\n"),
            (Self::Redis, Role::Talker) => Some(b"PONG"),
            (Self::Nats, _) => Some(b"PONG"),
            (Self::Floor, _) => Some(b"hello"),
        }
    }

    /// Whether the session has joined, by all bytes received so far.
    pub(super) fn is_welcome(self, role: Role, heard: &[u8]) -> bool {
        self.welcome(role).is_none_or(|words| memmem::find(heard, words).is_some())
    }

    /// Appends one line with this payload.
    pub(super) fn say(self, payload: &[u8], out: &mut Vec<u8>) {
        let (before, after): (&[u8], &[u8]) = match self {
            Self::Text | Self::Relay | Self::Floor => (b"", b"\n"),
            Self::Json => (b"{\"Act\":\"say\",\"Data\":\"", b"\"}\n"),
            Self::Frame => {
                frame("say", std::str::from_utf8(payload).unwrap_or_default(), out);
                return;
            }
            Self::Ws => {
                let object = [b"{\"Act\":\"say\",\"Data\":\"", payload, b"\"}"].concat();
                websocket::put_text(&object, out);
                return;
            }
            Self::Irc => (b"PRIVMSG #bench :", b"\r\n"),
            Self::Redis => {
                let head = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nb\r\n${}\r\n", payload.len());
                out.extend_from_slice(head.as_bytes());
                (b"", b"\r\n")
            }
            Self::Nats => {
                out.extend_from_slice(format!("PUB b {}\r\n", payload.len()).as_bytes());
                (b"", b"\r\n")
            }
        };
        out.extend_from_slice(before);
        out.extend_from_slice(payload);
        out.extend_from_slice(after);
    }

    /// The bytes that a connection sends to leave. If there are none, it ends its sending side.
    pub(super) fn goodbye(self) -> &'static [u8] {
        match self {
            Self::Text => b"/quit\n",
            Self::Ws => websocket::GOODBYE,
            Self::Irc | Self::Redis => b"QUIT\r\n",
            Self::Relay | Self::Json | Self::Frame | Self::Nats | Self::Floor => b"",
        }
    }
}

/// Appends a frame for the command of this name. The server takes plain text for its `Data`.
fn frame(act: &str, data: &str, out: &mut Vec<u8>) {
    let route = CommandSpec::of_act(act).map_or(0, |row| row.route);
    let mut header = [0; 8];
    LittleEndian::write_u32(&mut header[..4], route);
    LittleEndian::write_u32(&mut header[4..], data.len() as u32);
    out.extend_from_slice(&header);
    out.extend_from_slice(data.as_bytes());
}
