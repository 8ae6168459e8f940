//! The wire format of each door, as far as a soak needs it: commands out, whole lines and packets in.

use std::net::SocketAddr;

use byteorder::{BigEndian, ByteOrder, LittleEndian};

use parlor::protocol::CommandSpec;

/// The room that text sessions are in at once.
pub(super) const LOBBY: &str = "lobby";

/// A door, and at the JSON door the framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Text,
    Relay,
    /// One object a line.
    Json,
    /// Packets of gtcp v2: two bytes of length before the object.
    Packets,
    Frame,
}

impl Door {
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Relay, Self::Json, Self::Packets, Self::Frame];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json => "json",
            Self::Packets => "json (packets)",
            Self::Frame => "frame",
        }
    }

    /// Its address among those of the text, relay, JSON and frame doors.
    pub(super) fn of(self, doors: &[SocketAddr; 4]) -> SocketAddr {
        match self {
            Self::Text => doors[0],
            Self::Relay => doors[1],
            Self::Json | Self::Packets => doors[2],
            Self::Frame => doors[3],
        }
    }

    /// Whether its sessions hear their own lines.
    pub(super) fn echoes(self) -> bool {
        self != Self::Relay
    }

    /// Appends the commands by which a session joins a room and is never idle.
    pub(super) fn hello(self, room: &str, out: &mut Vec<u8>) {
        match self {
            Self::Text if room == LOBBY => out.extend_from_slice(b"/stay\n"),
            Self::Text => out.extend_from_slice(format!("/stay\n/join {room}\n").as_bytes()),
            Self::Relay => {}
            Self::Json | Self::Packets | Self::Frame => self.act("join", room, out),
        }
    }

    /// The words by which the server tells that the session has joined.
    pub(super) fn welcome(self, room: &str) -> &'static [u8] {
        match self {
            Self::Text if room == LOBBY => b"*** You may stay silent",
            Self::Text => b"*** You are in #",
            // This door greets nobody. A session that receives a line is in the room.
            Self::Relay => b"`",
            Self::Json | Self::Packets | Self::Frame => b"\"Act\":\"join\"",
        }
    }

    /// Appends a line for the room. The line needs no escapes in JSON.
    pub(super) fn say(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Text | Self::Relay => {
                out.extend_from_slice(text.as_bytes());
                out.push(b'\n');
            }
            Self::Json | Self::Packets | Self::Frame => self.act("say", text, out),
        }
    }

    /// Appends a command.
    pub(super) fn act(self, act: &str, data: &str, out: &mut Vec<u8>) {
        match self {
            Self::Text | Self::Relay => out.extend_from_slice(format!("/{act} {data}\n").as_bytes()),
            Self::Json | Self::Packets => {
                let object = format!("{{\"Act\":\"{act}\",\"Data\":\"{data}\"}}");
                let mut length = [0; 2];
                BigEndian::write_u16(&mut length, object.len() as u16);
                if self == Self::Packets {
                    out.extend_from_slice(&length);
                }
                out.extend_from_slice(object.as_bytes());
                if self == Self::Json {
                    out.push(b'\n');
                }
            }
            Self::Frame => {
                let route = CommandSpec::of_act(act).map_or(0, |row| row.route);
                let mut head = [0; 8];
                LittleEndian::write_u32(&mut head[..4], route);
                LittleEndian::write_u32(&mut head[4..], data.len() as u32);
                out.extend_from_slice(&head);
                out.extend_from_slice(data.as_bytes());
            }
        }
    }

    /// Takes whole lines or packets from the beginning of `bytes`, and gives each of them to `each`.
    pub(super) fn take_units(self, bytes: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let unit = match self {
                Self::Text | Self::Relay | Self::Json => memchr::memchr(b'\n', rest).map(|end| (0, end, end + 1)),
                Self::Packets => (rest.len() >= 2).then(|| usize::from(BigEndian::read_u16(rest))).map(packet::<2>),
                Self::Frame => (rest.len() >= 8).then(|| LittleEndian::read_u32(&rest[4..]) as usize).map(packet::<8>),
            };
            match unit {
                Some((from, to, next)) if next <= rest.len() => {
                    each(&rest[from..to]);
                    at += next;
                }
                _ => break,
            }
        }
        bytes.drain(..at);
    }
}

/// The offsets at which a packet's data begins and ends, and the next packet begins.
fn packet<const HEAD: usize>(length: usize) -> (usize, usize, usize) {
    (HEAD, HEAD + length, HEAD + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_in_single_bytes_is_taken_whole() {
        for door in Door::ALL {
            let mut stream = Vec::new();
            door.say("one", &mut stream);
            door.say("two", &mut stream);
            let (mut bytes, mut units) = (Vec::new(), Vec::new());
            for byte in stream {
                bytes.push(byte);
                door.take_units(&mut bytes, |unit| units.push(String::from_utf8_lossy(unit).into_owned()));
            }
            assert_eq!((units.len(), bytes.len()), (2, 0), "{}", door.name());
            assert!(units[0].contains("one") && units[1].contains("two"), "{units:?}");
        }
    }
}
