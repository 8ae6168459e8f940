//! Refusals: a request was not done, nothing was sent, and the session stays.
//!
//! The text says what to do instead. It is for people and may change. The codes are for programs and never change.

use std::fmt;
use std::net::IpAddr;

use super::{BadRoomName, Code, RoomName};

/// The reason for which a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A line longer than the limit was thrown away.
    TooLong {
        /// Its length in bytes, without the line end.
        bytes: u64,
        /// `--max-line`.
        limit: usize,
    },
    /// No such command.
    UnknownCommand {
        /// The word after the slash, as typed.
        word: String,
        /// The line to type to send the whole as text, shortened; empty if it was not meant as text.
        literally: String,
        /// The command of which the word is a near miss.
        like: Option<&'static str>,
    },
    /// The line was neither obeyed nor said: something like a command's name follows another slash than
    /// `/`, or bytes that are not UTF-8.
    LooksLikeCommand,
    /// No character set that a session can have.
    NoCharset {
        /// Its label, as typed.
        label: String,
    },
    /// A line of another protocol.
    OtherProtocol {
        /// The protocol.
        name: &'static str,
        /// Advice for that protocol's users.
        hint: String,
    },
    /// The beginning of more than one command.
    Ambiguous {
        /// The word after the slash, as typed.
        word: String,
        /// The commands that begin with it.
        among: Vec<&'static str>,
    },
    /// A known command whose words do not fit.
    Usage {
        /// The form of the command.
        usage: String,
    },
    /// `rename|` without a name.
    NoName,
    /// Not a name.
    BadName {
        /// A valid name near it.
        instead: Option<String>,
    },
    /// A name shaped like an address or an id.
    AddressName {
        /// The name.
        name: String,
    },
    /// A name that mixes scripts which are not written together.
    MixedScripts {
        /// The name.
        name: String,
    },
    /// A name that would speak for the server or for everyone.
    Reserved {
        /// The name.
        name: String,
    },
    /// Another person has that name.
    Taken {
        /// The name.
        name: String,
        /// Up to three free names near it.
        free: Vec<String>,
    },
    /// Another person has a name that looks the same.
    LooksLike {
        /// The name.
        name: String,
        /// The other person's name.
        present: String,
    },
    /// No such person.
    NobodyCalled {
        /// The name, as it was written.
        name: String,
        /// A present name near it.
        like: Option<String>,
    },
    /// `/reply`, but no other session has written, or the writer has left.
    NobodyToAnswer,
    /// `/reply` is ambiguous: another person than before has just written.
    TwoWrote {
        /// The name of the earlier writer.
        before: String,
        /// The name of the last writer; the next `/reply` goes there.
        last: String,
    },
    /// Not a room's name.
    BadRoom,
    /// Another room's name looks the same.
    RoomLooksLike {
        /// The name.
        room: RoomName,
        /// The other room's name.
        present: RoomName,
    },
    /// No such room.
    NoRoom {
        /// Its name.
        room: RoomName,
    },
    /// The request names another room than the asker's.
    OtherRoom {
        /// The room that was named.
        named: RoomName,
        /// The room that the asker is in, or enters with its first line.
        present: RoomName,
    },
    /// A room to leave that the session is not in.
    NotInRoom {
        /// Its name.
        room: RoomName,
    },
    /// No more rooms for one session.
    TooManyJoined {
        /// The limit.
        limit: usize,
    },
    /// No more rooms: `--max-rooms`.
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// A session cannot ignore itself.
    IgnoresItself,
    /// The session ignores as many people as it may.
    IgnoresTooMany {
        /// The limit.
        limit: usize,
    },
    /// A packet that this door does not take.
    BadPacket {
        /// The error in it.
        why: String,
    },
    /// A packet with an act that neither the chat nor a handler serves.
    UnknownAct {
        /// The act.
        act: String,
    },
    /// A frame for a route that neither the chat nor a handler serves.
    UnknownRoute {
        /// The route.
        route: u32,
    },
    /// No slot is free: `--max-clients`, or what the machine allows.
    Full {
        /// The number of slots.
        limit: usize,
    },
    /// Too many connections have sent nothing yet: `--max-silent`.
    TooManySilent {
        /// The limit.
        limit: usize,
    },
    /// Too many connections come from one address: `--max-per-address`.
    TooManyFrom {
        /// The address; of IPv6 only the first 64 bits, which are counted together.
        address: IpAddr,
        /// The limit.
        limit: usize,
    },
    /// The operating system is short of a resource.
    Busy {
        /// The resource.
        lack: Resource,
    },
}

/// A resource of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A file descriptor.
    Descriptor,
    /// A thread.
    Thread,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptor => "descriptor",
            Self::Thread => "thread",
        })
    }
}

impl From<BadRoomName> for Refusal {
    fn from(_: BadRoomName) -> Self {
        Self::BadRoom
    }
}

impl Refusal {
    /// The stable code that programs may rely on.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } => Code::TooLong,
            Self::UnknownCommand { .. }
            | Self::Ambiguous { .. }
            | Self::UnknownAct { .. }
            | Self::UnknownRoute { .. } => Code::Unknown,
            Self::Usage { .. }
            | Self::BadPacket { .. }
            | Self::LooksLikeCommand
            | Self::NoCharset { .. }
            | Self::OtherProtocol { .. } => Code::Usage,
            Self::BadRoom | Self::RoomLooksLike { .. } | Self::MixedScripts { .. } => Code::BadName,
            Self::NoRoom { .. } | Self::OtherRoom { .. } | Self::NotInRoom { .. } => Code::NoRoom,
            Self::TooManyRooms { .. } | Self::TooManyJoined { .. } => Code::Full,
            Self::IgnoresItself | Self::IgnoresTooMany { .. } => Code::Usage,
            Self::NoName | Self::BadName { .. } | Self::AddressName { .. } => Code::BadName,
            Self::Reserved { .. } => Code::Reserved,
            Self::Taken { .. } | Self::LooksLike { .. } => Code::Taken,
            Self::NobodyCalled { .. } | Self::NobodyToAnswer | Self::TwoWrote { .. } => Code::Nobody,
            Self::Full { .. } | Self::TooManySilent { .. } | Self::TooManyFrom { .. } | Self::Busy { .. } => Code::Full,
        }
    }
}

impl fmt::Display for Refusal {
    /// The text for people. The text door puts `!!! ` before it and after each `\n`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => {
                write!(f, "Line too long: {bytes} bytes, the limit is {limit}. Nothing was sent.")
            }
            Self::UnknownCommand { word, literally, like } => {
                write!(f, "No command /{word}. ")?;
                match like {
                    Some(like) => write!(f, "Did you mean /{like}?")?,
                    None => f.write_str("/help lists them.")?,
                }
                f.write_str(" Nothing was sent")?;
                if literally.is_empty() { Ok(()) } else { write!(f, "\nTo say it as text: {literally}") }
            }
            Self::LooksLikeCommand => f.write_str("Not sent: it looks like a command. /… runs it, //… says it"),
            Self::NoCharset { .. } if cfg!(not(feature = "charset")) => {
                f.write_str("This server reads and writes UTF-8 only")
            }
            Self::NoCharset { label } => {
                write!(f, "{label} is no character set here. Try /charset windows-1251")
            }
            Self::OtherProtocol { name, hint } => write!(f, "That is {name}; nothing was sent. {hint}"),
            Self::Ambiguous { word, among } => {
                write!(f, "/{word} could be /{}; nothing was sent", among.join(" or /"))
            }
            Self::Usage { usage } => write!(f, "Usage: {usage}"),
            Self::NoName => f.write_str("No name given: rename|NAME"),
            Self::BadName { instead } => {
                f.write_str("Names have 1 to 24 letters, digits, _ - . and no blanks")?;
                match instead {
                    Some(instead) => write!(f, "; try {instead}"),
                    None => f.write_str(", the first a letter or digit"),
                }
            }
            Self::AddressName { name } => {
                write!(f, "{name} looks like an address or an id; choose a name with a letter in it")
            }
            Self::MixedScripts { name } => write!(f, "{name} mixes letters of several scripts; write it in one"),
            Self::Reserved { name } => write!(f, "{name} is reserved"),
            Self::Taken { name, free } if free.is_empty() => write!(f, "{name} is taken"),
            Self::Taken { name, free } => write!(f, "{name} is taken. Free: {}", free.join(", ")),
            Self::LooksLike { name, present } => write!(f, "{name} looks like {present}, who is here"),
            Self::NobodyCalled { name, like } => {
                write!(f, "Nobody here is called {name}.")?;
                match like {
                    Some(like) => write!(f, " Did you mean {like}?"),
                    None => f.write_str(" who = who is here"),
                }
            }
            Self::TwoWrote { before, last } => write!(
                f,
                "Two wrote to you: {before} and {last}. Nothing was sent: /reply again goes to {last}, /msg NAME TEXT says which"
            ),
            Self::NobodyToAnswer => f.write_str("Nobody here has written to you; /msg NAME TEXT writes to somebody"),
            Self::BadRoom => BadRoomName.fmt(f),
            Self::RoomLooksLike { room, present } => {
                write!(f, "{room} looks like {present}, which is there; choose another name, or /join {present}")
            }
            Self::NoRoom { room } => write!(f, "There is no room {room}. /rooms lists them, /join makes one"),
            Self::OtherRoom { named, present } => {
                write!(f, "You are in {present}, not in {named}; nothing was sent. join goes there")
            }
            Self::NotInRoom { room } => write!(f, "You are not in {room}"),
            Self::TooManyJoined { limit } => {
                write!(f, "You are in {limit} rooms, which is the limit. leave with Room leaves one")
            }
            Self::TooManyRooms { limit } => {
                write!(f, "No more rooms can be made (the limit is {limit}). /rooms lists them")
            }
            Self::IgnoresItself => f.write_str("You cannot ignore yourself; /echo off hides your own lines"),
            Self::IgnoresTooMany { limit } => write!(f, "You ignore {limit} people already; /unignore NAME first"),
            Self::BadPacket { why } => f.write_str(why),
            Self::UnknownAct { act } => {
                write!(f, "No act {act:?}; acts are named as the commands: say, msg, nick, who, join …")
            }
            Self::UnknownRoute { route } => write!(f, "router id: {route} error"),
            Self::Full { limit } => write!(f, "Parlor is full ({limit} here), try again later"),
            Self::TooManySilent { limit } => {
                write!(f, "Too many connections here have said nothing yet ({limit}), try again later")
            }
            Self::TooManyFrom { address, limit } => {
                let prefix = if address.is_ipv6() { "/64" } else { "" };
                write!(f, "Too many connections from {address}{prefix} ({limit})")
            }
            Self::Busy { lack } => write!(f, "Parlor is busy (the machine has no {lack} to spare), try again later"),
        }
    }
}
