//! Shared by the fuzz targets: how an input is read, and the rules of every decoder and encoder.
//!
//! An input is `SETUP COUNT STEP… STREAM`: a byte that chooses the limits and, on the JSON door, a
//! fixed framing; how many steps follow (its low four bits); the sizes of the reads that the stream
//! arrives in, over and over (0 is 256; without steps it comes byte by byte); and the bytes of the
//! peer. So a recorded packet is a corpus file with two bytes before it: `00 00`.
//!
//! ```text
//! cargo install cargo-fuzz
//! scripts/fuzz.sh --seconds 600 json
//! ```
//!
//! A run learns for one machine. Of its finds, commit to `corpus/` the few
//! that are worth a name.

use parlor::wire::{Decode, Encoding, Framing, Inbound, Limits, Style, Wire, WireError};

/// A long stream in tiny reads costs a hundred times what it costs whole, and finds little more.
const MOST_READS: usize = 100;

/// One input, taken apart.
#[derive(Debug)]
pub struct Input<'a> {
    /// Bits 0–2: a fixed framing; bit 3: small limits; bit 4: the stream does not end; bits 5–7: a door.
    pub setup: u8,
    steps: &'a [u8],
    /// The peer's bytes.
    pub stream: &'a [u8],
}

impl<'a> Input<'a> {
    /// Takes an input apart; `None` where it is too short to be one.
    pub fn read(data: &'a [u8]) -> Option<Self> {
        let (&[setup, count], rest) = data.split_first_chunk::<2>()?;
        let (steps, stream) = rest.split_at_checked(usize::from(count & 15))?;
        Some(Self { setup, steps, stream })
    }

    /// The same with another stream.
    pub fn with_stream<'b>(&self, stream: &'b [u8]) -> Input<'b>
    where
        'a: 'b,
    {
        Input { setup: self.setup, steps: self.steps, stream }
    }

    /// Limits as they are by default, or so small that short inputs reach them.
    pub fn limits(&self) -> Limits {
        if self.setup & 8 == 0 {
            Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 }
        } else {
            Limits { max_line: 20, max_packet: 60, max_frame: 40 }
        }
    }

    /// The framing that a JSON door is fixed to, if it is.
    pub fn framing(&self) -> Option<Framing> {
        Framing::ALL.get(usize::from(self.setup & 7)).copied().filter(|_| self.setup & 7 != 0)
    }

    /// One of the doors.
    pub fn wire(&self) -> Wire {
        match Wire::ALL[usize::from(self.setup >> 5) % Wire::ALL.len()] {
            Wire::Json(_) => Wire::Json(self.framing()),
            wire => wire,
        }
    }

    /// Whether the peer ends its input.
    pub fn ends(&self) -> bool {
        self.setup & 16 == 0
    }

    /// The stream in the reads that the fuzzer chose; after so many of them, the rest in one.
    pub fn reads(&self) -> Vec<&'a [u8]> {
        let mut reads = Vec::new();
        let mut rest = self.stream;
        let mut steps = self.steps.iter().cycle();
        while !rest.is_empty() && reads.len() < MOST_READS {
            let step = steps.next().map_or(1, |step| if *step == 0 { 256 } else { usize::from(*step) });
            let (read, behind) = rest.split_at(step.min(rest.len()));
            reads.push(read);
            rest = behind;
        }
        reads.extend(Some(rest).filter(|rest| !rest.is_empty()));
        reads
    }
}

/// Everything that a decoder makes of some reads, and how it ended.
pub fn decode(wire: Wire, limits: Limits, reads: &[&[u8]], ends: bool) -> (Vec<Inbound>, Result<(), WireError>) {
    let mut decoder = wire.decoder(limits);
    let mut items = Vec::new();
    for read in reads {
        decoder.feed(read);
        if let Err(error) = drain(&mut *decoder, &mut items) {
            return (items, Err(error));
        }
    }
    if ends {
        decoder.end();
    }
    let ended = drain(&mut *decoder, &mut items);
    (items, ended)
}

fn drain(decoder: &mut dyn Decode, items: &mut Vec<Inbound>) -> Result<(), WireError> {
    while let Some(item) = decoder.next()? {
        items.push(item);
    }
    Ok(())
}

/// Whether reads may end anywhere. On the text door a bare CR at the end of a read is a line end before the
/// first LF, and a bare `quit` is one where nothing follows it in its read.
fn reads_matter(wire: Wire, stream: &[u8]) -> bool {
    let first = stream.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let says = |word: &[u8]| stream.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    wire == Wire::Text && (first.contains(&b'\r') || says(b"quit") || says(b"exit"))
}

/// Wherever the reads end, a decoder must make the same of them. Returns what that is.
pub fn same_in_any_reads(wire: Wire, input: &Input<'_>) -> Vec<Inbound> {
    let (limits, ends) = (input.limits(), input.ends());
    let whole = decode(wire, limits, &[input.stream], ends);
    if reads_matter(wire, input.stream) {
        decode(wire, limits, &input.reads(), ends);
        return whole.0;
    }
    let chosen = decode(wire, limits, &input.reads(), ends);
    assert_eq!(whole, chosen, "whole, and in reads of {:?}", input.steps);
    whole.0
}

/// Characters that would act on a terminal, or end a line.
pub fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0a'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The lines of a text encoder's output, which holds nothing else.
pub fn lines_of<'a>(encoding: Encoding, bytes: &'a [u8]) -> Vec<&'a str> {
    let is_lf = matches!(encoding, Encoding::Text(Style { crlf: false, .. }));
    let eol = if is_lf { "\n" } else { "\r\n" };
    let text = std::str::from_utf8(bytes).expect("a text door is sent UTF-8");
    let Some(text) = text.strip_suffix(eol) else {
        assert_eq!(text, "", "what a text door is sent ends its line");
        return Vec::new();
    };
    let lines: Vec<_> = text.split(eol).collect();
    for line in &lines {
        assert!(!line.chars().any(is_forbidden), "{line:?}");
    }
    lines
}

/// The packets of a JSON encoder's output: whole ones, and nothing behind them.
pub fn objects_of(framing: Framing, mut bytes: &[u8]) -> Vec<serde_json::Value> {
    let mut objects = Vec::new();
    while !bytes.is_empty() {
        let number = |length: usize| bytes[..length].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (header, length) = match framing {
            Framing::Gf1 => (1, number(1)),
            Framing::Gf2 => (2, number(2)),
            Framing::Gf3 => (3, number(3)),
            Framing::Gf4 => (4, number(4)),
            Framing::Gf7 => (7, number(3) - 7),
            Framing::Lines => (0, bytes.iter().position(|byte| *byte == b'\n').expect("a line ends")),
        };
        let data = &bytes[header..header + length];
        if framing == Framing::Gf7 {
            let sum = bytes[3..7].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            assert_eq!(sum, data.iter().fold(0, |sum: u32, byte| sum.wrapping_add(u32::from(*byte))));
        }
        assert!(framing == Framing::Lines || length <= 65_535);
        objects.push(serde_json::from_slice(data).expect("a packet holds JSON"));
        bytes = &bytes[header + length + usize::from(framing == Framing::Lines)..];
    }
    objects
}
