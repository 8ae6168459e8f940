//! Ways in which input can break its wire format. The session ends: what follows cannot be understood.

use std::fmt;

use super::Code;

/// How input breaks its wire format. The text is for the peer and for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A telnet subnegotiation is longer than 4096 bytes.
    SubnegotiationTooLong,
    /// A line at the relay door is longer than 65,535 bytes.
    RelayLineTooLong,
    /// A packet at the JSON door is longer than `--max-packet`.
    PacketTooLong,
    /// An object as text at the JSON door is longer than `--max-packet`.
    ObjectTooLong,
    /// The length in a packet's header is less than the header's own.
    PacketTooShort,
    /// The checksum of a packet is wrong.
    Checksum,
    /// The first bytes at the JSON door begin no packet in any framing.
    NoPacket,
    /// A packet was not finished in time.
    UnfinishedPacket,
    /// A frame is longer than `--max-frame`. The decoder has told the peer already, with the numbers.
    FrameTooLong,
    /// A frame was not finished in time.
    UnfinishedFrame,
    /// A WebSocket breaks RFC 6455, or sends what this server does not take.
    WebSocket(BadFrame),
    /// A request that the HTTP door does not take. It has answered already, with the reason.
    BadRequest,
    /// A request was not finished in time.
    UnfinishedRequest,
    /// A server has sent this client a line of more than 1 MiB.
    ServerLineTooLong,
    /// A server has sent this client a frame of more than 16 MiB.
    ServerFrameTooLong,
}

/// The reason why the frame of a WebSocket cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFrame {
    /// A client has to mask its frames.
    Unmasked,
    /// A reserved bit is set, though no extension was agreed on.
    ReservedBits,
    /// The opcode is reserved.
    Opcode,
    /// A control frame is a fragment, or longer than 125 bytes.
    Control,
    /// A fragment continues nothing, or a message begins within another.
    Sequence,
    /// A close frame has half a code.
    Close,
    /// A text is not UTF-8.
    NotUtf8,
    /// A message is longer than `--max-packet`.
    TooLong,
    /// A message is binary.
    Binary,
    /// A message was not finished in time.
    Unfinished,
}

impl BadFrame {
    fn text(self) -> &'static str {
        match self {
            Self::Unmasked => "a WebSocket frame that is not masked",
            Self::ReservedBits => "a WebSocket frame with a reserved bit; no extension is in use",
            Self::Opcode => "a WebSocket frame with a reserved opcode",
            Self::Control => "a WebSocket control frame that is a fragment or longer than 125 bytes",
            Self::Sequence => "fragments of a WebSocket message out of order",
            Self::Close => "a WebSocket close frame with half a code",
            Self::NotUtf8 => "a WebSocket text that is not UTF-8",
            Self::TooLong => "a WebSocket message longer than --max-packet",
            Self::Binary => "a binary WebSocket message; send each JSON object as a text message",
            Self::Unfinished => "a WebSocket message that was not finished within 10 s",
        }
    }
}

impl Malformed {
    /// The code of the error that a program is told.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::PacketTooLong | Self::ObjectTooLong | Self::WebSocket(BadFrame::TooLong) => Code::TooLong,
            _ => Code::Usage,
        }
    }

    /// The text for the peer and for the log.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::SubnegotiationTooLong => "a telnet subnegotiation longer than 4096 bytes",
            Self::RelayLineTooLong => "a line longer than 65535 bytes",
            Self::PacketTooLong => "a packet longer than --max-packet",
            Self::ObjectTooLong => "a line longer than --max-packet",
            Self::PacketTooShort => "a packet shorter than its own header",
            Self::Checksum => "a packet whose checksum is wrong",
            Self::NoPacket => {
                "these bytes begin no packet; send JSON objects, one a line, or with a length before each"
            }
            Self::UnfinishedPacket => "a packet that was not finished within 10 s",
            Self::FrameTooLong => "a frame longer than --max-frame",
            Self::UnfinishedFrame => "a frame that was not finished within 10 s",
            Self::WebSocket(what) => what.text(),
            Self::BadRequest => "no request that this door takes",
            Self::UnfinishedRequest => "a request that was not finished within 10 s",
            Self::ServerLineTooLong => "a line of more than 1 MiB",
            Self::ServerFrameTooLong => "a frame of more than 16 MiB",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
