//! Objects as text on the JSON door: white space anywhere, several in a line, one over several lines;
//! and the packets whose length looks like white space. Pure: no socket, only `parlor::wire`.

use parlor::protocol::{Malformed, Refusal};
use parlor::wire::{Encoding, Framing, Inbound, Limits, Wire, WireError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::packets::{LIMITS, packet};
use crate::support::values::say;
use crate::wire::packets::{decode, in_all_ways, in_all_ways_within};

const MARK: &str = "\u{feff}";

fn lines() -> Inbound {
    Inbound::Switch(Encoding::Json(Framing::Lines))
}

fn saying(text: &str) -> String {
    json!({"Act": "say", "Data": text}).to_string()
}

/// An object of just so many bytes.
fn of_length(length: usize) -> Vec<u8> {
    let around = r#"{"Act":"x","Data":""}"#.len();
    let object = match length.checked_sub(around) {
        Some(more) => json!({"Act": "x", "Data": "y".repeat(more)}).to_string(),
        None => format!("{{{}}}", " ".repeat(length - 2)),
    };
    assert_eq!(object.len(), length);
    object.into_bytes()
}

/// Refusals of packets, without their words.
fn refusals(items: &[Inbound]) -> usize {
    items.iter().filter(|item| matches!(item, Inbound::Refused(Refusal::BadPacket { .. }))).count()
}

#[test]
fn leading_white_space_is_skipped() {
    for before in [
        "\n",
        "\r\n",
        "\t",
        " ",
        MARK,
        "\n\n",
        "\r\n\r\n",
        "  ",
        "\u{feff}\n",
        "\n\u{feff}",
        "\t\t\t",
        "\n\n\n\n",
        "       ",
        "\n \t\r\n \t\r\n \t\n",
    ] {
        for end in ["\n", ""] {
            let stream = format!("{before}{}{end}", saying("hi"));
            assert_eq!(
                in_all_ways(Wire::Json(None), stream.as_bytes()),
                (vec![lines(), say("hi")], Ok(())),
                "{stream:?}"
            );
        }
        // It is answered as soon as it is whole, though no line has ended and nothing more comes.
        let mut decoder = Wire::Json(None).decoder(LIMITS);
        decoder.feed(format!("{before}{}", saying("hi")).as_bytes());
        assert_eq!((decoder.next(), decoder.next()), (Ok(Some(lines())), Ok(Some(say("hi")))), "{before:?}");
    }
}

/// A first packet whose length is written with blanks and line ends stays a packet, however its object looks.
#[test]
fn packet_with_white_space_length_is_packet() {
    let blanks = [b' ', b'\t', b'\r', b'\n'];
    let two = blanks.iter().flat_map(|high| blanks.map(|low| usize::from(*high) << 8 | usize::from(low)));
    let cases =
        two.map(|length| (Framing::Gf2, length)).chain(blanks.map(|length| (Framing::Gf1, usize::from(length))));
    for (framing, length) in cases {
        let stream = [packet(framing, of_length(length)), packet(framing, saying("hi"))].concat();
        let (items, ended) = decode(Wire::Json(None), [stream.as_slice()]);
        assert_eq!((items.len(), ended), (3, Ok(())), "{framing:?} {length}");
        assert_eq!((&items[0], &items[2]), (&Inbound::Switch(Encoding::Json(framing)), &say("hi")));
        assert_eq!(decode(Wire::Json(None), stream.chunks(1)).0, items, "{framing:?} {length} in crumbs");
    }
}

/// The same bytes with an object that is shorter or longer are text.
#[test]
fn object_of_other_length_is_text() {
    for (before, length) in [("\n\n", 2570), ("\r\n", 3338), ("  ", 8224), ("\r", 13), ("\n", 10), (" ", 32)] {
        for other in [length - 1, length + 1, length + 100] {
            let stream = [before.as_bytes(), &of_length(other), b"\n", saying("hi").as_bytes()].concat();
            let (items, ended) = decode(Wire::Json(None), [stream.as_slice()]);
            assert_eq!((items.len(), ended), (3, Ok(())), "{before:?} {other}");
            assert_eq!((&items[0], &items[2]), (&lines(), &say("hi")), "{before:?} {other}");
            assert_eq!(decode(Wire::Json(None), stream.chunks(1)).0, items, "{before:?} {other} in crumbs");
        }
    }
}

#[test]
fn white_space_alone_waits_for_object() {
    for stream in ["\n", "  \r\n", MARK, "\n\n\n\n\n\n\n\n\n\n"] {
        let (items, ended) = in_all_ways(Wire::Json(None), stream.as_bytes());
        assert!(items.iter().all(|item| *item == lines()) && ended == Ok(()), "{stream:?}: {items:?}");
    }
    // JSON from memory is told what is wrong with it, behind white space too.
    let (items, ended) = in_all_ways(Wire::Json(None), b"\n{Act:\"say\"}\n{\"Act\":\"say\",\"Data\":\"hi\"}\n");
    assert_eq!((items.len(), refusals(&items), items.last(), ended), (3, 1, Some(&say("hi")), Ok(())));
}

#[test]
fn objects_follow_each_other_without_line_ends() {
    let pretty = serde_json::to_string_pretty(&json!({"Act": "say", "Data": "c"})).expect("an object");
    let stream = format!("{}{} \t{}{MARK}{pretty}\r\n{pretty}", saying("a"), saying("b"), saying("}{"));
    let wanted = ["a", "b", "}{", "c", "c"].map(say);
    for wire in [Wire::Json(None), Wire::Json(Some(Framing::Lines))] {
        let (items, ended) = in_all_ways(wire, stream.as_bytes());
        let skipped = usize::from(wire == Wire::Json(None));
        assert_eq!((&items[skipped..], ended), (&wanted[..], Ok(())));
    }
}

/// Each broken object costs one refusal, and what comes behind it is served.
#[test]
fn reading_goes_on_behind_a_broken_object() {
    let hi = saying("hi");
    for (stream, refused, served) in [
        (format!("{{\"Act\":\"say\"\n{hi}\n"), 1, 1),
        (format!("{{\"Act\":\"say\",\n{hi}\n"), 1, 1),
        (format!("{{\"Act\":\"say\",\"Data\":\"half\n{hi}\n"), 1, 1),
        (format!("{{\"Act\":\"say\",\"Data\":\"half\nhello\n{hi}\n"), 2, 1),
        (format!("{{x}} {hi}\n{hi}\n"), 1, 1),
        (format!("{{\n  \"Act\": say!,\n  \"x\": {{\n{{\n  }}\n}}\n{hi}\n"), 3, 1),
        (format!("{{\n\"Act\": \"say\";\n \"Data\": {{}}\n}}\nhello\n{hi}\n"), 1, 1),
        (format!("{hi} x {hi}\n{hi}"), 1, 2),
        (format!("{hi}}}\n{hi}"), 1, 2),
        (format!("[1]\n\n\"say\"\n7\n{hi}"), 3, 1),
        (format!("{{\"Act\":\"say\",\"Data\":[1}}\n{hi}"), 1, 1),
    ] {
        let (items, ended) = in_all_ways(Wire::Json(Some(Framing::Lines)), stream.as_bytes());
        let heard = items.iter().filter(|item| **item == say("hi")).count();
        assert_eq!((refusals(&items), heard, ended), (refused, served, Ok(())), "{stream}: {items:?}");
    }
}

/// An object that stays open is given up by the reader's clock; what comes of it later is passed over.
#[test]
fn open_object_is_refused_with_its_ref() {
    for (wire, before) in [(Wire::Json(None), ""), (Wire::Json(None), "\n\n"), (Wire::Json(Some(Framing::Lines)), " ")]
    {
        let mut decoder = wire.decoder(LIMITS);
        let mut next = |bytes: &str, gives_up: bool| {
            decoder.feed(bytes.as_bytes());
            let mut items = Vec::new();
            while let Some(item) = decoder.next().expect("a stream that goes on") {
                items.push(item);
            }
            if gives_up {
                assert!(decoder.is_open() && !decoder.is_midway());
                decoder.give_up();
                while let Some(item) = decoder.next().expect("a stream that goes on") {
                    items.push(item);
                }
            }
            assert!(!decoder.is_open());
            items.retain(|item| *item != lines());
            items
        };
        let items = next(&format!("{before}{{\"Ref\":7,\"Act\":\"say\",\n\"Data\":\"ha"), true);
        let [Inbound::Tag(tag), Inbound::Refused(Refusal::BadPacket { why })] = items.as_slice() else {
            unreachable!("{items:?}");
        };
        assert!(&**tag == "7" && why.contains("60 s"), "{items:?}");
        assert_eq!(next(&format!("lf\"}} {}\n", saying("lost")), false), []);
        assert_eq!(next(&format!("more\n  {}\n", saying("indented")), false), []);
        assert_eq!(next(&format!("{}\n", saying("hi")), false), [say("hi")]);
    }
    // Packets have a clock of their own.
    let mut decoder = Wire::Json(None).decoder(LIMITS);
    decoder.feed(b"\0\x20{\"Act\"");
    assert_eq!(decoder.next(), Ok(Some(Inbound::Switch(Encoding::Json(Framing::Gf2)))));
    assert!(decoder.next() == Ok(None) && decoder.is_midway() && !decoder.is_open());
}

#[test]
fn object_over_packet_limit_ends_stream() {
    let limits = Limits { max_packet: 64, ..LIMITS };
    let too_long = WireError::Malformed(Malformed::ObjectTooLong);
    for (object, fits) in [(of_length(64), true), (of_length(65), false), (of_length(65)[..65].to_vec(), false)] {
        for before in ["", " ", "\n\n"] {
            let stream = [before.as_bytes(), &object].concat();
            let (items, ended) = in_all_ways_within(Wire::Json(None), limits, &stream);
            assert_eq!((items.len() == 2, ended == Err(too_long)), (fits, !fits), "{before:?} {items:?} {ended:?}");
        }
    }
}

proptest! {
    /// Objects with white space anywhere between their tokens and around them, cut into any reads, are the
    /// requests that they hold.
    #[test]
    fn objects_in_any_layout_decode_alike(
        texts in proptest::collection::vec("[a-z{}\\[\\]\"\\\\ ,:é]{1,12}", 1..6),
        blanks in proptest::collection::vec("[ \t\r\n\u{feff}]{0,3}", 7),
        inner in "[ \t\r\n]{0,3}",
        cuts in proptest::collection::vec(0..400_usize, 0..6),
    ) {
        let mut stream = blanks[0].clone();
        for (text, blank) in texts.iter().zip(&blanks[1..]) {
            let text = Value::from(format!("x{text}"));
            stream.push_str(&format!("{{{inner}\"Act\"{inner}:{inner}\"say\"{inner},{inner}\"Data\":{text}{inner}}}{blank}"));
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let reads: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]).filter(|read| !read.is_empty()).collect();
        // An object may have just the length that the blanks before it say; then it is a packet.
        let (items, ended) = decode(Wire::Json(None), reads.iter().copied());
        prop_assert_eq!(ended, Ok(()));
        if items.first() == Some(&lines()) {
            let wanted: Vec<Inbound> = texts.iter().map(|text| say(&format!("x{text}"))).collect();
            prop_assert_eq!(&items[1..], &wanted[..], "{:?}", stream);
        }
    }

    /// Whatever comes, in whatever pieces, is read alike.
    #[test]
    fn text_in_any_split_decodes_alike(
        stream in "([\\{\\}\\[\\]\",:a \n\r\t\u{feff}]|\\{\"Act\":\"say\",\"Data\":\"hi\"\\}|\n\\{){0,30}",
        cuts in proptest::collection::vec(0..200_usize, 0..8),
        before in "[ \n\r\t\u{feff}]{0,2}",
    ) {
        let stream = format!("{before}{{{stream}");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let reads = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]).filter(|read| !read.is_empty());
        let pieces = decode(Wire::Json(None), reads);
        prop_assert_eq!(pieces, decode(Wire::Json(None), [stream.as_bytes()]), "{:?}", stream);
    }

    /// A first packet of any length is a packet, whatever its length looks like.
    #[test]
    fn first_packet_of_any_length_stays_one(length in 21..65_536_usize, blank in any::<bool>(), step in 1..3000_usize) {
        let length = if blank { [2570, 3338, 8224, 2573, 0x0920, 0x2009][length % 6] } else { length };
        let stream = packet(Framing::Gf2, of_length(length));
        let (items, ended) = decode(Wire::Json(None), stream.chunks(step));
        prop_assert_eq!((items.len(), ended), (2, Ok(())));
        prop_assert_eq!(&items[0], &Inbound::Switch(Encoding::Json(Framing::Gf2)));
    }
}
