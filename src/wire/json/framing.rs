//! How JSON packets are delimited: the five framings that goframe's gtcp has used, and lines.
//!
//! Sources: the headers that gtcp's releases write (`gtcp_conn_pkg.go`): two bytes of length by
//! default since v1.8, three in v1.6.17 to v1.7, and until v1.6.16 a three-byte total length with a
//! four-byte sum of the data; one and four bytes by its `PkgOption`. All numbers are big-endian.

use byteorder::{ByteOrder, NetworkEndian};

use crate::protocol::Malformed;

/// How packets are told from one another on a JSON door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// u8 length of data.
    Gf1,
    /// u16 length of data.
    Gf2,
    /// u24 length of data.
    Gf3,
    /// u32 length of data.
    Gf4,
    /// u24 total length (7 + data), u32 sum of the data's bytes.
    Gf7,
    /// One object a line.
    Lines,
}

/// The header of a packet, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// More bytes are needed.
    Partial,
    /// A packet of `header` + `data` bytes begins here; `sum` is what its bytes must add up to.
    Packet { header: usize, data: usize, sum: Option<u32> },
    /// No packet begins like this.
    Broken(Malformed),
}

impl Framing {
    /// Every framing.
    pub const ALL: [Self; 6] = [Self::Gf1, Self::Gf2, Self::Gf3, Self::Gf4, Self::Gf7, Self::Lines];

    /// Its name, as in the scheme `json+gf3://`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gf1 => "gf1",
            Self::Gf2 => "gf2",
            Self::Gf3 => "gf3",
            Self::Gf4 => "gf4",
            Self::Gf7 => "gf7",
            Self::Lines => "lines",
        }
    }

    /// Bytes before the data.
    pub(super) fn header(self) -> usize {
        match self {
            Self::Gf1 => 1,
            Self::Gf2 => 2,
            Self::Gf3 => 3,
            Self::Gf4 => 4,
            Self::Gf7 => 7,
            Self::Lines => 0,
        }
    }

    /// Longest data that a client in this framing takes, in bytes: what the header can say, and
    /// gtcp's own default limit.
    pub(in crate::wire) fn longest(self) -> usize {
        match self {
            Self::Gf1 => 0xff,
            Self::Gf2 | Self::Gf3 | Self::Gf4 | Self::Gf7 => 0xffff,
            Self::Lines => usize::MAX,
        }
    }

    /// Reads a packet's header; lines have none. What is too long is told as soon as the length is
    /// known, though the sum behind it has not come.
    fn head(self, bytes: &[u8], max_packet: usize) -> Head {
        let header = self.header();
        let number = |length: usize| bytes.get(..length).map(|head| NetworkEndian::read_uint(head, length) as usize);
        let data = match self {
            Self::Lines => return Head::Partial,
            Self::Gf7 => match number(3).map(|total| total.checked_sub(header)) {
                Some(None) => return Head::Broken(Malformed::PacketTooShort),
                Some(data) => data,
                None => None,
            },
            plain => number(plain.header()),
        };
        match (data, bytes.get(..header)) {
            (Some(data), _) if data > max_packet => Head::Broken(Malformed::PacketTooLong),
            (Some(data), Some(head)) => {
                let sum = (self == Self::Gf7).then(|| head.get(3..).map(NetworkEndian::read_u32)).flatten();
                Head::Packet { header, data, sum }
            }
            _ => Head::Partial,
        }
    }

    /// The whole packet that `bytes` begin with, its checksum looked at: how long it is with its
    /// header, and its data. `None`: more bytes are needed. Lines have no packets.
    ///
    /// # Errors
    /// If no packet begins like this, or its checksum is wrong.
    pub(in crate::wire) fn packet(self, bytes: &[u8], max_packet: usize) -> Result<Option<(usize, &[u8])>, Malformed> {
        match self.head(bytes, max_packet) {
            Head::Partial => Ok(None),
            Head::Broken(why) => Err(why),
            Head::Packet { header, data: length, sum: wanted } => {
                let Some(data) = bytes.get(header..header + length) else { return Ok(None) };
                if wanted.is_some_and(|wanted| wanted != sum(data)) {
                    return Err(Malformed::Checksum);
                }
                Ok(Some((header + length, data)))
            }
        }
    }

    /// Appends `object` as one packet. It must not be longer than [`Framing::longest`].
    pub(in crate::wire) fn put(self, object: &[u8], out: &mut Vec<u8>) {
        let header = self.header();
        let start = out.len();
        out.resize(start + header, 0);
        if let Some(head) = out.get_mut(start..) {
            match self {
                Self::Lines => {}
                Self::Gf7 => {
                    NetworkEndian::write_uint(head, (object.len() + header) as u64, 3);
                    if let Some(rest) = head.get_mut(3..) {
                        NetworkEndian::write_u32(rest, sum(object));
                    }
                }
                plain => NetworkEndian::write_uint(head, object.len() as u64, plain.header()),
            }
        }
        out.extend_from_slice(object);
        if self == Self::Lines {
            out.push(b'\n');
        }
    }

    /// The framing whose header has `length` bytes, and the length of the data after it; `None` if no packet
    /// begins so.
    pub(super) fn of_header(bytes: &[u8], length: usize, max_packet: usize) -> Option<(Self, usize)> {
        let framing = Self::ALL.into_iter().find(|framing| framing.header() == length)?;
        match framing.head(bytes, max_packet) {
            Head::Packet { data, .. } => Some((framing, data)),
            Head::Partial | Head::Broken(_) => None,
        }
    }

    /// Tells the framing of a stream from its beginning. `None`: more bytes are needed.
    ///
    /// The data of a first packet is an object, so it begins with `{` and then a quote, a brace or
    /// white space. Where that stands, and whether the bytes before it are a possible header,
    /// tells the framings apart, with lengths up to 65,535. One beginning fits two of them: `7b 22` is
    /// `{"` and a length of `gf2`; then it is told by whether an object begins behind it, for no key does.
    ///
    /// # Errors
    /// If no framing begins like this.
    pub(super) fn detect(bytes: &[u8], max_packet: usize) -> Result<Option<Self>, Malformed> {
        let opens = |at: usize| match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) | (Some(b'{'), None) => None,
            (Some(b'{'), Some(b'"' | b'}' | b' ' | b'\t' | b'\r' | b'\n')) => Some(true),
            _ => Some(false),
        };
        let mut undecided = false;
        // Six lengths of `gf2` look like the beginning of a line; a line that goes on with another
        // object's beginning would be none.
        let spells_an_object = opens(Self::Gf2.header());
        for framing in [Self::Lines, Self::Gf1, Self::Gf2, Self::Gf3, Self::Gf4, Self::Gf7] {
            let fits = match framing {
                Self::Lines => spells_an_object != Some(true),
                other => match other.head(bytes, max_packet) {
                    Head::Packet { data, .. } => data >= 2,
                    Head::Partial => true,
                    Head::Broken(_) => false,
                },
            };
            match opens(framing.header()) {
                Some(true) if framing == Self::Lines && spells_an_object.is_none() => undecided = true,
                Some(true) if fits => return Ok(Some(framing)),
                None if fits => undecided = true,
                _ => {}
            }
        }
        if undecided {
            return Ok(None);
        }
        if bytes.first() == Some(&b'{') {
            return Ok(Some(Self::Lines)); // JSON from memory: the line is refused, its writer may try again
        }
        // A packet that holds no object, in the framing of today's clients: it is told what is wrong.
        match (Self::Gf2.head(bytes, max_packet), bytes.get(2)) {
            (Head::Packet { data: 1.., .. }, Some(b' '..=b'~')) if bytes.first().is_some_and(|high| *high < b' ') => {
                Ok(Some(Self::Gf2))
            }
            _ => Err(Malformed::NoPacket),
        }
    }
}

/// The checksum of `gf7`: all bytes added up.
fn sum(data: &[u8]) -> u32 {
    data.iter().fold(0, |sum, byte| sum.wrapping_add(u32::from(*byte)))
}
