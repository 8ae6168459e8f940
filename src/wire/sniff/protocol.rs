//! Recognizes other protocols at the text and the relay door, by first bytes or first line: one table.
//!
//! Such a program may send a password, a cookie or a host name, which must not be said in a room. People's
//! lines must stay chat, so each pattern needs the capitals, the number of words or the marks that only
//! the program has.

use crate::protocol::{Refusal, shortened};
use crate::wire::Wire;
use crate::wire::invisible::Opening;

/// Another protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// An HTTP request.
    Http,
    /// A TLS client hello.
    Tls,
    /// Binary data, such as the packets of the other doors.
    Binary,
    /// Mail (SMTP): a first line is refused, a second line ends the session.
    Smtp,
    /// Internet Relay Chat, or a login of FTP or POP3, which begins like one.
    Irc,
    /// A request of the JSON door.
    Json,
    /// A row of `LINES` or `HEADS`, by its name.
    Named(&'static str),
}

/// First bytes of other protocols and of files. A file with a NUL in its first [`HEAD`] bytes needs no
/// row.
const HEADS: [(&[u8], Protocol); 25] = [
    (b"\r\n\r\n\0", Protocol::Named("the PROXY protocol")),
    (b"\xff\xd8\xff", Protocol::Named("a JPEG image")),
    (b"\x89PNG", Protocol::Named("a PNG image")),
    (b"GIF87a", Protocol::Named("a GIF image")),
    (b"GIF89a", Protocol::Named("a GIF image")),
    (b"\x7fELF", Protocol::Named("an ELF program")),
    (b"\xcf\xfa\xed\xfe", Protocol::Named("a Mach-O program")),
    (b"\xca\xfe\xba\xbe", Protocol::Named("a Java class")),
    (b"PK\x03\x04", Protocol::Named("a ZIP archive")),
    (b"PK\x05\x06", Protocol::Named("a ZIP archive")),
    (b"Rar!\x1a", Protocol::Named("a RAR archive")),
    (b"7z\xbc\xaf", Protocol::Named("a 7z archive")),
    (b"!<arch>\n", Protocol::Named("an ar archive")),
    (b"\x1f\x8b", Protocol::Named("gzip data")),
    (b"\x1f\x9d", Protocol::Named("compress data")),
    (b"\xfd7zXZ", Protocol::Named("xz data")),
    (b"\x28\xb5\x2f\xfd", Protocol::Named("zstd data")),
    (b"\x04\x22\x4d\x18", Protocol::Named("LZ4 data")),
    (b"%PDF-", Protocol::Named("a PDF document")),
    (b"%!PS-", Protocol::Named("a PostScript document")),
    (b"\xd0\xcf\x11\xe0", Protocol::Named("an Office document")),
    (b"\x1a\x45\xdf\xa3", Protocol::Named("a Matroska video")),
    (b"ID3\x03", Protocol::Named("an MP3 file")),
    (b"ID3\x04", Protocol::Named("an MP3 file")),
    (b"\x13BitTor", Protocol::Named("BitTorrent")),
];

/// The beginnings of first lines, as programs send them.
const LINES: [(&str, Protocol); 15] = [
    ("MAIL FROM:", Protocol::Smtp),
    ("RCPT TO:", Protocol::Smtp),
    ("EHLO ", Protocol::Smtp),
    ("LHLO ", Protocol::Smtp),
    ("PROXY TCP4", Protocol::Named("the PROXY protocol")),
    ("PROXY TCP6", Protocol::Named("the PROXY protocol")),
    ("PROXY UNKNOWN", Protocol::Named("the PROXY protocol")),
    ("SIP/2.0 ", Protocol::Named("SIP")),
    ("RTSP/1.0 ", Protocol::Named("RTSP")),
    ("RFB 00", Protocol::Named("VNC")),
    ("@RSYNCD:", Protocol::Named("rsync")),
    ("<stream:stream", Protocol::Named("XMPP")),
    ("<policy-file-request/>", Protocol::Named("a Flash policy request")),
    ("CONNECT {\"", Protocol::Named("NATS")),
    ("SQLite format 3", Protocol::Named("an SQLite database")),
];

/// Methods that count without a version after the path (HTTP/0.9, and requests that were cut).
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"];
/// Second lines of SMTP and IRC: logins, mail, channels.
const SMTP_GOES_ON: [&str; 7] = ["AUTH ", "STARTTLS", "DATA", "RSET", "NOOP", "QUIT", "VRFY "];
const IRC_GOES_ON: [&str; 8] = ["USER ", "PASS ", "JOIN ", "PRIVMSG ", "NOTICE ", "MODE ", "AUTHENTICATE ", "QUIT"];

/// How many first bytes are kept. Enough for every row of [`HEADS`], for the header of a frame (8) and for
/// the length of a JSON packet (2 to 7).
pub(super) const HEAD: usize = 8;
/// The highest telnet option in use that may follow `IAC DONT` (49, and 255).
const TELNET_OPTIONS: u8 = 49;

impl Protocol {
    /// The protocol's name, for the log and for the answer.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Binary => "binary data",
            Self::Smtp => "SMTP",
            Self::Irc => "IRC",
            Self::Json => "JSON",
            Self::Named(name) => name,
        }
    }

    /// Whether a first line of this protocol is refused without a close. People type such lines too.
    pub(super) fn may_stay(self) -> bool {
        matches!(self, Self::Smtp | Self::Irc | Self::Json)
    }

    /// The hint in the refusal of a first line of this protocol.
    pub(super) fn refusal(self, line: &str, wire: Wire) -> Refusal {
        let hint = match (self, line.split_ascii_whitespace().collect::<Vec<_>>().as_slice()) {
            _ if wire == Wire::Relay => "This door takes lines of chat".to_owned(),
            (Self::Irc, ["NICK", name]) => {
                let name = shortened(name.trim_start_matches(':'), QUOTED_CHARS);
                format!("To be called {name}: rename|{name}")
            }
            (Self::Irc, _) => "/help lists what can be typed here".to_owned(),
            (Self::Json, _) => "Programs come in by the JSON door".to_owned(),
            _ => "This is a chat for people".to_owned(),
        };
        Refusal::OtherProtocol { name: self.name(), hint }
    }

    /// Whether a second line continues this protocol.
    pub(super) fn goes_on(self, line: &str) -> bool {
        let known: &[&str] = match self {
            Self::Smtp => &SMTP_GOES_ON,
            Self::Irc => &IRC_GOES_ON,
            _ => &[],
        };
        known.iter().any(|beginning| line.starts_with(beginning))
    }

    /// The protocol of a first line that is not blank. `with_cr`: a CR ended it, as programs do. `is_cut`:
    /// only its beginning is known.
    pub(super) fn of_line(line: &str, with_cr: bool, is_cut: bool) -> Option<Self> {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        if let Some((_, protocol)) = LINES.iter().find(|(beginning, _)| line.starts_with(beginning)) {
            return Some(*protocol);
        }
        if let [method, target, .., version] = words.as_slice()
            && is_method(method)
            && (words.len() == 3 && METHODS.contains(method) || is_target(target))
        {
            match version.split_once('/') {
                Some(("HTTP", number)) if is_version(number) => return Some(Self::Http),
                Some(("SIP", "2.0")) => return Some(Self::Named("SIP")),
                Some(("RTSP", "1.0" | "2.0")) => return Some(Self::Named("RTSP")),
                Some(("ICAP", "1.0")) => return Some(Self::Named("ICAP")),
                _ => {}
            }
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match words.as_slice() {
            [method, target] if METHODS.contains(method) && target.starts_with('/') => Some(Self::Http),
            [method, target, ..] if is_cut && METHODS.contains(method) && target.starts_with('/') => Some(Self::Http),
            [version, status, ..] if version.starts_with("HTTP/1.") && status.len() == 3 && is_number(status) => {
                Some(Self::Http)
            }
            ["CAP", "LS" | "REQ" | "END", ..] => Some(Self::Irc),
            ["HELO", _] if with_cr => Some(Self::Smtp),
            ["NICK" | "PASS", _] => Some(Self::Irc),
            ["USER", _] | ["USER", _, _, _, _] if with_cr => Some(Self::Irc),
            ["USER", _, _, _, name, ..] if with_cr && name.starts_with(':') => Some(Self::Irc),
            [tag, "LOGIN", _, _] | [tag, "CAPABILITY"] if with_cr && tag.ends_with(|c: char| c.is_ascii_digit()) => {
                Some(Self::Named("IMAP"))
            }
            [first, ..]
                if first.strip_prefix("SSH-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                Some(Self::Named("SSH"))
            }
            [first, second, ..] if *first == "<?xml" && line.contains("<stream:stream") && !second.is_empty() => {
                Some(Self::Named("XMPP"))
            }
            [first, ..] if first.get(4..).is_some_and(|rest| rest.starts_with("git-")) && is_hex(first.get(..4)) => {
                Some(Self::Named("git"))
            }
            _ => is_json_request(line).then_some(Self::Json),
        }
    }
}

/// Most characters of a name that a hint repeats: the longest valid name.
const QUOTED_CHARS: usize = 24;

fn is_method(word: &str) -> bool {
    (3..=20).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
}

fn is_target(word: &str) -> bool {
    word.starts_with('/') || word == "*" || word.contains(':')
}

/// `1.1`, `2.0`, `2`.
fn is_version(number: &str) -> bool {
    matches!(number.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'9', b'.', b'0'..=b'9'])
}

fn is_hex(word: Option<&str>) -> bool {
    word.is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a line is an object with the key `Act`, in any case and at any place.
fn is_json_request(line: &str) -> bool {
    let Some(inside) = line.strip_prefix('{') else { return false };
    if !inside.trim_start().starts_with('"') {
        return false;
    }
    let lower = inside.to_ascii_lowercase();
    lower
        .match_indices("\"act\"")
        .any(|(at, key)| lower.get(at + key.len()..).is_some_and(|rest| rest.trim_start().starts_with(':')))
}

/// `*N` or `$N`: a Redis client begins each of its first two lines so.
pub(super) fn is_redis(line: &[u8], mark: u8) -> bool {
    line.split_first().is_some_and(|(first, number)| {
        *first == mark && !number.is_empty() && number.len() < 10 && number.iter().all(u8::is_ascii_digit)
    })
}

/// Whether a line would count as another protocol's if it were the first.
pub(in crate::wire) fn is_taken_for_another(line: &str) -> bool {
    let first = Opening::of(line).rest;
    Protocol::of_line(first, true, true).is_some()
        || is_redis(first.trim_ascii_end().as_bytes(), b'*')
        || first.trim_ascii_end() == "{"
        || of_head(line.as_bytes(), Wire::Text).is_some()
        || of_known_head(line.as_bytes()).is_some()
}

/// The protocol or file of a row of [`HEADS`] with which a first line, without its end, begins.
pub(super) fn of_known_head(bytes: &[u8]) -> Option<Protocol> {
    HEADS.iter().find(|(beginning, _)| bytes.starts_with(beginning.trim_ascii_end())).map(|(_, protocol)| *protocol)
}

/// The protocol of a stream that begins with these bytes.
pub(super) fn of_head(head: &[u8], wire: Wire) -> Option<Protocol> {
    let known = HEADS.iter().find(|(beginning, _)| head.starts_with(beginning)).map(|(_, protocol)| *protocol);
    known.or_else(|| match head {
        // A record of type 22 (handshake), major version 3; whole, it is a client hello.
        [0x16, 3, 0..=4, _, _, 1, ..] => Some(Protocol::Tls),
        [0x16, 3, ..] if wire == Wire::Text => Some(Protocol::Tls),
        [0x80, _, 1, 0 | 3, ..] => Some(Protocol::Tls), // a hello in the form of SSL 2
        [b'0', _, 2, 1, ..] => Some(Protocol::Named("LDAP")),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', ..] => Some(Protocol::Named("bzip2 data")),
        [0xfe, 0xff, high, low, ..] if (*high, *low) != (0xff, 0xff) => Some(Protocol::Named("UTF-16")),
        // To telnet, a byte order mark of UTF-16 is `IAC DONT`. In telnet an option in use follows, then more
        // telnet or text.
        [0xff, 0xfe, option, next, ..] => {
            let is_telnet = (*option <= TELNET_OPTIONS || *option == 0xff)
                && matches!(next, 0xff | b'\r' | b'\n' | b'\t' | b' '..=b'~');
            (!is_telnet).then_some(Protocol::Named("UTF-16"))
        }
        _ => None,
    })
}

/// Whether more bytes are needed to decide: these are letters, or would be read as telnet or a line end.
pub(super) fn is_undecided(head: &[u8]) -> bool {
    match head {
        [0xff | 0xfe | 0x16] | [0xff, 0xd8 | 0xfe] | [0xff, 0xfe, _] | [0xfe, 0xff] | [0xfe, 0xff, _] => true,
        [0x16, 3] => true,
        [0x16, 3, 0..=4, ..] => head.len() < 6,
        _ => false,
    }
}

/// Whether fewer bytes than two characters may still be UTF-16. A SOCKS client sends three bytes and waits for
/// the answer.
pub(super) fn may_become_utf16(head: &[u8]) -> bool {
    match *head {
        [] | [_] | [_, _] => true,
        [first, second, third] => (0..=u8::MAX).any(|fourth| is_utf16(&[first, second, third, fourth])),
        _ => false,
    }
}

/// Whether bytes are at least two characters of UTF-16 without a byte order mark. The upper halves are all
/// NUL (Latin), or all the same control character (other alphabets).
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    let mut pairs = bytes.chunks_exact(2).take(HEAD / 2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let (Some(first), Some(second)) = (pairs.next(), pairs.next()) else { return false };
    let is_latin = |low: u8| matches!(low, b'\r' | b'\n' | b'\t' | b' '..=b'~');
    let is_text = |high: u8, low: u8| match high {
        0 => is_latin(low),
        1..=8 | 0x0b | 0x0c | 0x0e | 0x0f => low != 0,
        _ => false,
    };
    let all: Vec<_> = [first, second].into_iter().chain(pairs).collect();
    let [big, little] = [0, 1].map(|upper: usize| {
        let halves = |pair: &[u8; 2]| if upper == 0 { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
        let (high, _) = halves(&first);
        // After the first two, a blank or a line end may stand among letters of another alphabet.
        let (start, rest) = all.split_at(2);
        start.iter().map(halves).all(|(upper, low)| upper == high && is_text(upper, low))
            && rest.iter().map(halves).all(|(upper, low)| matches!(upper, 0) || upper == high && is_text(upper, low))
    });
    big || little
}
