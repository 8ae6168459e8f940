//! Sessions of the text door in other character sets than UTF-8.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::HashSet;

use encoding_rs::{EncoderResult, Encoding as Set};
use parlor::protocol::{Body, Charset, Command, Notice, Refusal, StyleChange};
use parlor::wire::{Decode as _, Encoding, Inbound, Key, Style, TextDecoder, Wire};
use proptest::prelude::*;

use crate::support::values::say;
use crate::wire::notices::all_notices;
use crate::wire::{CRLF, LIMIT, TEXT_LF, USER_LIST, bytes, decode, every_split, limits, reads, said, too_long};

/// The character sets of the WHATWG Encoding Standard that a session can have, with all their labels.
#[rustfmt::skip]
const SETS: [(&str, &str); 35] = [
    ("Big5", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"),
    ("EUC-JP", "cseucpkdfmtjapanese euc-jp x-euc-jp"),
    ("EUC-KR", "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"),
    ("gb18030", "gb18030"),
    ("GBK", "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk"),
    ("IBM866", "866 cp866 csibm866 ibm866"),
    ("ISO-8859-10", "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"),
    ("ISO-8859-13", "iso-8859-13 iso8859-13 iso885913"),
    ("ISO-8859-14", "iso-8859-14 iso8859-14 iso885914"),
    ("ISO-8859-15", "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9"),
    ("ISO-8859-16", "iso-8859-16"),
    ("ISO-8859-2", "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"),
    ("ISO-8859-3", "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"),
    ("ISO-8859-4", "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"),
    ("ISO-8859-5", "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988"),
    ("ISO-8859-6", "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"),
    ("ISO-8859-7", "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek"),
    ("ISO-8859-8", "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 visual"),
    ("ISO-8859-8-I", "csiso88598i iso-8859-8-i logical"),
    ("KOI8-R", "cskoi8r koi koi8 koi8-r koi8_r"),
    ("KOI8-U", "koi8-ru koi8-u"),
    ("macintosh", "csmacintosh mac macintosh x-mac-roman"),
    ("Shift_JIS", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"),
    ("UTF-8", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"),
    ("windows-1250", "cp1250 windows-1250 x-cp1250"),
    ("windows-1251", "cp1251 windows-1251 x-cp1251"),
    ("windows-1252", "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"),
    ("windows-1253", "cp1253 windows-1253 x-cp1253"),
    ("windows-1254", "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254"),
    ("windows-1255", "cp1255 windows-1255 x-cp1255"),
    ("windows-1256", "cp1256 windows-1256 x-cp1256"),
    ("windows-1257", "cp1257 windows-1257 x-cp1257"),
    ("windows-1258", "cp1258 windows-1258 x-cp1258"),
    ("windows-874", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"),
    ("x-mac-cyrillic", "x-mac-cyrillic x-mac-ukrainian"),
];

/// The labels of the others: without ASCII at its bytes, or without letters.
const REFUSED: &str = "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le unicodefffe utf-16be csiso2022jp \
    iso-2022-jp csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement \
    x-user-defined";

/// The command as it is decoded.
fn chosen(label: &str) -> Inbound {
    Inbound::Command(Command::Charset(Some(Charset::parse(label).unwrap())))
}

/// The line that chooses a character set, and some bytes behind it.
fn behind(label: &str, rest: &[u8]) -> Vec<u8> {
    [format!("/charset {label}\n").as_bytes(), rest].concat()
}

/// The sets but UTF-8, as the crate has them.
fn others() -> impl Iterator<Item = &'static Set> {
    SETS.iter().map(|(name, _)| Set::for_label(name.as_bytes()).unwrap()).filter(|set| *set != encoding_rs::UTF_8)
}

fn in_charset(label: &str) -> Encoding {
    TEXT_LF.with(StyleChange::Charset(Charset::parse(label).unwrap()))
}

/// A letter in two bytes or more, and its bytes; else one in one byte beyond ASCII.
fn letter(set: &'static Set) -> (char, Vec<u8>) {
    let mut short = None;
    for c in "еéא界あ한ا가กğąčģθ䨻".chars() {
        let mut out = Vec::with_capacity(16);
        let mut encoder = set.new_encoder();
        let (result, _) =
            encoder.encode_from_utf8_to_vec_without_replacement(c.encode_utf8(&mut [0; 4]), &mut out, true);
        match (result, out.len()) {
            (EncoderResult::InputEmpty, 1) => short = Some((c, out)),
            (EncoderResult::InputEmpty, _) => return (c, out),
            _ => {}
        }
    }
    short.unwrap()
}

#[test]
fn every_ascii_compatible_label_is_accepted() {
    let mut labels = HashSet::new();
    for (name, label) in SETS.iter().flat_map(|(name, labels)| labels.split(' ').map(move |label| (*name, label))) {
        assert!(labels.insert(label));
        for typed in [label.to_owned(), label.to_uppercase(), format!("  {label} ")] {
            assert_eq!(Charset::parse(&typed).map(Charset::name), Ok(name), "{typed}");
        }
        reads(&behind(label, b"who\n"), &[chosen(label), USER_LIST]);
    }
    assert_eq!(labels.len() + REFUSED.split(' ').count(), 228, "as many as the standard has");
}

#[test]
fn other_labels_are_refused() {
    for label in REFUSED.split(' ').chain(["koi9", "utf-7", "\u{ff}", "windows-1251 koi8-r", "x"]) {
        let refusal = Refusal::NoCharset { label: label.chars().take(24).collect() };
        match Charset::parse(label) {
            Err(Refusal::NoCharset { label: told }) => assert!(label.starts_with(told.trim_end_matches('…')), "{told}"),
            other => panic!("{label}: {other:?}"),
        }
        assert!(refusal.to_string().ends_with("is no character set here. Try /charset windows-1251"));
    }
    reads(b"/charset utf-16\nhi\n", &[Inbound::Refused(Refusal::NoCharset { label: "utf-16".into() }), say("hi")]);
    reads(b"/charset\nhi\n", &[Inbound::Command(Command::Charset(None)), say("hi")]);
}

/// Bytes behind the command in the same read are in the new set, bytes before it are not.
#[test]
fn charset_counts_from_the_next_line_on() {
    let line = "äöü\n".as_bytes();
    let there = [line, &behind("latin1", b"\xe4\xf6\xfc\n"), &behind("utf-8", line)].concat();
    reads(&there, &[say("äöü"), chosen("latin1"), say("äöü"), chosen("utf-8"), say("äöü")]);
    // Characters of two bytes whose second byte is ASCII.
    reads(&behind("shift_jis", b"\x83\x5c/\n\x83\x5c"), &[chosen("shift_jis"), say("ソ/"), say("ソ")]);
    reads(&behind("big5", b"\xa4\x7c\xb5\x7c\n"), &[chosen("big5"), say("弋稅")]);
    reads(&behind("gb18030", b"\x81\x30\x81\x30 \x90\x30\x81\x30\n"), &[chosen("gb18030"), say("\u{fffd} 𐀀")]);
    reads(&behind("euc-kr", b"\xb0\xa1\n"), &[chosen("euc-kr"), say("가")]);
}

#[test]
fn every_set_reads_letters_in_any_pieces() {
    for set in others() {
        let (c, bytes) = letter(set);
        let line = [&bytes[..], b" a ", &bytes, b"\n"].concat();
        reads(&behind(set.name(), &line), &[chosen(set.name()), say(&format!("{c} a {c}"))]);
    }
}

#[test]
fn wrong_and_unfinished_characters_are_replaced() {
    reads(&behind("gbk", b"a\x81\nb\x81"), &[chosen("gbk"), say("a\u{fffd}"), say("b\u{fffd}")]);
    reads(&behind("gbk", b"\x81"), &[chosen("gbk"), say("\u{fffd}")]);
    reads(&behind("gbk", b"\x81\x20\xff\n"), &[chosen("gbk"), say("\u{fffd} \u{fffd}")]);
    reads(&behind("euc-jp", b"\x8f\xa1\r\x00who\n"), &[chosen("euc-jp"), say("\u{fffd}"), USER_LIST]);
}

#[test]
fn backspace_removes_decoded_character() {
    for set in others() {
        let (c, bytes) = letter(set);
        for erase in [&b"\x08"[..], b"\x7f"] {
            let line = [&bytes[..], b"x", &bytes, erase, b"\n"].concat();
            reads(&behind(set.name(), &line), &[chosen(set.name()), say(&format!("{c}x"))]);
        }
    }
    // An unfinished character, and one that was not one.
    reads(&behind("gbk", b"ab\x81\x08\n"), &[chosen("gbk"), say("ab")]);
    reads(&behind("gb18030", b"ab\x81\x30\x81\x08c\n"), &[chosen("gb18030"), say("abc")]);
    reads(&behind("gbk", b"ab\x81\x15c\xb0\xa1\n"), &[chosen("gbk"), say("c啊")]);
    reads(
        &behind("koi8-r", b"/msg anm\x08n \xc8\n"),
        &[chosen("koi8-r"), Inbound::Command(Command::Msg { to: "ann".into(), body: Body::new("х").unwrap() })],
    );
}

#[test]
fn decoded_text_is_cleaned() {
    let bidi = b"a\x81\x30\xb9\x37b\n"; // U+202E in gb18030
    let (text, ..) = encoding_rs::GB18030.decode(&bidi[..6]);
    reads(&behind("gb18030", bidi), &[chosen("gb18030"), say(&text)]);
    assert_eq!(Body::new("a\u{202e}b").unwrap().as_str(), "ab");
    reads(&behind("iso-8859-2", b"a\x85b\x8dc \x1b[31m\n"), &[chosen("iso-8859-2"), say("a b\u{fffd}c ␛[31m")]);
    // The sequence of a key before a command, in eight bits.
    reads(&behind("iso-8859-2", b"\x9bA/who\n"), &[chosen("iso-8859-2"), Inbound::Command(Command::Who(None))]);
}

/// A terminal of ISO-8859-1 sends byte 9b for a control, which the standard reads as a quotation mark. A key
/// pressed before `/msg` made the private line a public one.
#[test]
fn key_sequence_in_iso_sets_hides() {
    let private = || Inbound::Command(Command::Msg { to: "ann".into(), body: Body::new("x").unwrap() });
    for label in ["iso-8859-1", "latin1", "us-ascii", "latin5", "iso-8859-9", "tis-620", "iso-8859-2"] {
        for key in [&b"\x9bA"[..], b"\x9b1;5C", b"\x9b200~"] {
            let line = [key, b"/msg ann x\n"].concat();
            reads(&behind(label, &line), &[chosen(label), private()]);
        }
    }
    reads(&behind("windows-1252", b"\x9bA/who\n"), &[chosen("windows-1252"), say("\u{203a}A/who")]);
    reads(&behind("latin1", b"\x8ba\x9b \x93b\x94\n"), &[chosen("latin1"), say("\u{2039}a\u{fffd} \u{201c}b\u{201d}")]);
}

#[test]
fn length_counts_in_utf8() {
    let line = [&b"\xe9".repeat(LIMIT / 2)[..], b"\n"].concat();
    reads(&behind("latin1", &line), &[chosen("latin1"), say(&"é".repeat(LIMIT / 2))]);
    let line = [&b"\xe9".repeat(LIMIT / 2 + 1)[..], b"\n"].concat();
    reads(&behind("latin1", &line), &[chosen("latin1"), too_long(LIMIT as u64 + 2)]);
}

#[test]
fn byte_255_is_a_letter_without_telnet() {
    let before = behind("windows-1251", b"");
    let then = |rest: &[u8], text: &str| reads(&[&before, rest].concat(), &[chosen("windows-1251"), say(text)]);
    then(b"\xff\n", "я");
    then(b"\xff\xff\n", "яя");
    then(b"\xff\xe1\xeb\xee\xea\xee\n", "яблоко");
    // Letters at the bytes of AYT, EL, WILL, DO, and at the lowest commands.
    then(b"\xff\xf6 \xff\xf8 \xff\xfbx \xff\xfdx \xff\xec\n", "яц яш яыx яэx ям");
    then(b"\xff", "я");
}

#[test]
fn byte_255_doubles_after_telnet_command() {
    let doubled = |label| {
        let charset = Charset::parse(label).unwrap().for_telnet();
        Inbound::Command(Command::Charset(Some(charset)))
    };
    let line = b"\xff\xff\xff\xff\xe0 \xff\xf1x\n"; // яя, а, and a command that does nothing
    let telnet = [b"\xff\xf1", &behind("windows-1251", line)[..]].concat();
    reads(&telnet, &[CRLF, doubled("windows-1251"), say("яяа x")]);
    // A timing mark among letters shows a telnet client.
    let later = behind("windows-1251", b"\xff\n\xff\xfd\x06\xff\xff\n");
    let switched = Inbound::Charset(Charset::parse("windows-1251").unwrap().for_telnet());
    let answer = Inbound::Answer(b"\xff\xfc\x06".to_vec().into());
    reads(&later, &[chosen("windows-1251"), say("я"), CRLF, switched, answer, say("я")]);
    // UTF-8 has no byte 255.
    assert_eq!(Charset::UTF_8.for_telnet(), Charset::UTF_8);
    reads(
        &[b"\xff\xf1", &behind("utf-8", b"\xff\xf6\n")[..]].concat(),
        &[CRLF, chosen("utf-8"), Inbound::Tell(Notice::StillHere)],
    );
}

#[test]
fn lines_are_written_in_the_charset() {
    let notice = Notice::Said(said("ann", "Привет, ünï 🏠"));
    for (label, line) in [
        ("windows-1251", &b"[127.0.0.1:5001]ann: \xcf\xf0\xe8\xe2\xe5\xf2, ?n? ?\n"[..]),
        ("windows-1252", b"[127.0.0.1:5001]ann: ??????, \xfcn\xef ?\n"),
        ("ascii", b"[127.0.0.1:5001]ann: ??????, \xfcn\xef ?\n"),
    ] {
        assert_eq!(bytes(in_charset(label), &notice, None).escape_ascii().to_string(), line.escape_ascii().to_string());
    }
    let mut custom = Vec::new();
    in_charset("koi8-r").encode_custom(&Key::Act("x".into()), "да".as_bytes(), None, &mut custom);
    assert_eq!(custom, b"*** \xc4\xc1\n");
}

#[test]
fn byte_255_doubles_for_telnet_only() {
    let notice = Notice::Said(said("ann", "моя, яя"));
    let once = b"[127.0.0.1:5001]ann: \xec\xee\xff, \xff\xff\n";
    let twice = b"[127.0.0.1:5001]ann: \xec\xee\xff\xff, \xff\xff\xff\xff\n";
    let charset = Charset::parse("windows-1251").unwrap();
    assert_eq!(bytes(in_charset("windows-1251"), &notice, None), once);
    assert_eq!(bytes(TEXT_LF.with(StyleChange::Charset(charset.for_telnet())), &notice, None), twice);
}

/// The standard reads ISO-8859-1 as windows-1252. A terminal of ISO-8859-1 takes byte 9b for a control.
#[test]
fn controls_of_iso_sets_are_not_written() {
    let notice = Notice::Said(said("ann", "›31m “€”"));
    let said = |label| bytes(in_charset(label), &notice, None).split_off(b"[127.0.0.1:5001]ann: ".len());
    for label in ["iso-8859-1", "latin1", "us-ascii", "L1", "latin5", "iso-8859-9"] {
        assert_eq!(said(label), b"?31m ???\n", "{label}");
    }
    for label in ["windows-1252", "CP1252", "x-cp1254"] {
        assert_eq!(said(label), b"\x9b31m \x93\x80\x94\n", "{label}");
    }
    for set in ["tis-620", "iso-8859-11"] {
        assert_eq!(said(set), b"?31m ???\n", "{set}");
    }
}

#[test]
fn notice_is_ascii_lines_in_every_set() {
    for notice in all_notices() {
        let plain = bytes(TEXT_LF, &notice, None);
        let marks: Vec<_> = plain.split(|byte| *byte == b'\n').map(|line| line.get(..4)).collect();
        for set in others() {
            let style = Style { address: false, ..Style::PLAIN };
            let without = Encoding::Text(style).with(StyleChange::Charset(Charset::parse(set.name()).unwrap()));
            assert!(bytes(without, &notice, None).len() <= plain.len() * 2);
            let written = bytes(in_charset(set.name()), &notice, None);
            let here: Vec<_> = written.split(|byte| *byte == b'\n').map(|line| line.get(..4)).collect();
            assert_eq!(here.len(), marks.len(), "{} {notice:?}", set.name());
            let is_ascii = plain.is_ascii() && !matches!(notice, Notice::Charset | Notice::Style(_));
            assert!(!is_ascii || written == plain, "{} {notice:?}", set.name());
        }
    }
}

#[test]
fn client_program_keeps_its_own_charset() {
    let mut decoder = TextDecoder::of_a_person(limits(LIMIT));
    decoder.feed(&behind("koi8-r", "жук\n".as_bytes()));
    assert_eq!(decoder.next(), Ok(Some(chosen("koi8-r"))));
    assert_eq!(decoder.next(), Ok(Some(say("жук"))));
    let mut out = Vec::new();
    let charset = Charset::parse("koi8-r").unwrap();
    for command in [Command::Charset(Some(charset)), Command::Charset(None)] {
        Wire::Text.encode_request(&command, 1, &mut out).unwrap_err();
    }
    assert_eq!(out, b"");
}

fn any_set() -> impl Strategy<Value = &'static Set> {
    proptest::sample::select(others().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn charset_bytes_in_pieces_decode_alike(
        set in any_set(),
        rest in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80_u8.., Just(8_u8), Just(b'\n'), Just(b'a')], 0..14),
    ) {
        let (items, error) = every_split(Wire::Text, LIMIT, &behind(set.name(), &rest));
        prop_assert_eq!(error, None);
        prop_assert_eq!(&items[0], &chosen(set.name()));
    }

    #[test]
    fn charset_text_survives_round_trip(
        set in any_set(),
        typed in proptest::collection::vec(prop_oneof![0x80_u8.., 0x30_u8..0x7f], 1..16),
    ) {
        let (text, _) = set.decode_without_bom_handling(&typed);
        let text: String = text.chars().filter(|c| *c != char::REPLACEMENT_CHARACTER).collect();
        let Some(text) = Body::new(&parlor::protocol::clean(text.as_bytes())) else { return Ok(()) };
        let (encoded, _, is_lossy) = set.encode(text.as_str());
        prop_assume!(!is_lossy && set.decode_without_bom_handling(&encoded).0 == text.as_str());
        let line = bytes(in_charset(set.name()), &Notice::Said(said("ann", text.as_str())), None);
        let wanted = String::from_utf8(bytes(TEXT_LF, &Notice::Said(said("ann", text.as_str())), None)).unwrap();
        prop_assert_eq!(set.decode_without_bom_handling(&line).0, wanted);
        let (items, _) = decode(Wire::Text, 4096, [&behind(set.name(), &[b"x", &encoded[..], b"\n"].concat())[..]]);
        prop_assert_eq!(&items[1], &say(&format!("x{}", text.as_str())));
    }
}
