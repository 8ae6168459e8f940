//! The decoders and encoders, without a socket.
//!
//! Feed them crumbs: a stream has no messages, so whatever decodes whole must decode the same byte
//! by byte and cut at every index. `every_split` holds a decoder to that; here it runs over every
//! short string of hostile bytes, over what real clients send, and over random bytes. What the
//! decoded values must be is spelled out beside each input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Arrival, Effect, Entry, Hub, HubSettings, Now, RoomIndex, Seat};
use parlor::protocol::{
    Away, Body, COMMANDS, CloseReason, Command, Line, Nick, Notice, Presence, Refusal, RoomInfo, RoomName, SessionId,
    Speaker, Switch, find_command,
};
use parlor::wire::{Decode, Encoding, Foreign, Framing, Inbound, Key, Limits, Wire, WireError};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// What a decoder made of its input, up to the error that ended it.
type Decoded = (Vec<Inbound>, Option<WireError>);

fn limits(max_line: usize) -> Limits {
    Limits { max_line, max_packet: 65_535, max_frame: 65_536 }
}

/// Feeds `chunks` as so many reads, then the end of input.
fn decode<'a>(wire: Wire, max_line: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = wire.decoder(limits(max_line));
    let mut all = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        if let Err(error) = drain(decoder.as_mut(), &mut all) {
            return (all, Some(error));
        }
    }
    decoder.end();
    let error = drain(decoder.as_mut(), &mut all).err();
    (all, error)
}

fn drain(decoder: &mut dyn Decode, all: &mut Vec<Inbound>) -> Result<(), WireError> {
    while let Some(inbound) = decoder.next()? {
        all.push(inbound);
    }
    Ok(())
}

/// Decodes `input` whole, byte by byte and cut at every index, which must all be one; returns it.
#[track_caller]
fn every_split(wire: Wire, max_line: usize, input: &[u8]) -> Decoded {
    let whole = decode(wire, max_line, [input]);
    let crumbs = decode(wire, max_line, input.chunks(1));
    assert!(crumbs == whole, "{wire} {}: whole {whole:?}, byte by byte {crumbs:?}", input.escape_ascii());
    for cut in 1..input.len() {
        let (left, right) = input.split_at(cut);
        let split = decode(wire, max_line, [left, right]);
        let shown = || format!("{wire} {} | {}", left.escape_ascii(), right.escape_ascii());
        assert!(split == whole, "{}: whole {whole:?}, cut {split:?}", shown());
    }
    whole
}

/// Runs `every_split` over every string of up to `longest` of these bytes, behind `before`.
fn every_string(wire: Wire, before: &[u8], alphabet: &[u8], longest: u32) -> usize {
    let mut input = before.to_vec();
    let mut count = 0;
    for length in 0..=longest {
        for number in 0..alphabet.len().pow(length) {
            input.truncate(before.len());
            let mut rest = number;
            for _ in 0..length {
                input.push(alphabet[rest % alphabet.len()]);
                rest /= alphabet.len();
            }
            // Four bytes are a long line here, so that over-long lines are among the strings.
            every_split(wire, 3, &input);
            count += 1;
        }
    }
    count
}

const TELNET: [u8; 9] = [b'a', b'\n', b'\r', 0, 255, 250, 240, 253, 6];
const TEXT: [u8; 9] = [b'a', b'\n', b'\r', b'/', b'|', b'\\', b' ', 0xc3, 0xff];

// Nine bytes to a length of 4, the worst of them to a length of 6 or 7: a second or two of a debug build.

#[test]
fn every_short_string_of_telnet_bytes_decodes_alike_however_it_is_split() {
    assert_eq!(every_string(Wire::Text, b"", &TELNET, 4), 7381);
    // Once the first eight bytes have passed for a person's, a NUL is no longer a foreign protocol.
    assert_eq!(every_string(Wire::Text, b"a\n\n\n\n\n\n\n", &TELNET, 4), 7381);
    // Subnegotiations that begin, end and hold doubled bytes.
    assert_eq!(every_string(Wire::Text, b"\xff\xfa", &[255, 240, b'a', b'\n'], 6), 5461);
}

#[test]
fn every_short_string_of_text_bytes_decodes_alike_however_it_is_split() {
    assert_eq!(every_string(Wire::Text, b"", &TEXT, 4), 7381);
    assert_eq!(every_string(Wire::Text, b"", b"a\n\r", 7), 3280);
}

#[test]
fn every_short_string_decodes_alike_on_the_relay_door_however_it_is_split() {
    assert_eq!(every_string(Wire::Relay, b"", &[b'a', b'\n', b'\r', 0, 255, b' ', 0xc3, 0xa9, b':'], 4), 7381);
}

// --- what real clients send -------------------------------------------------------------------

/// The smallest limit that `--max-line` takes.
const LIMIT: usize = 64;

fn body(text: &str) -> Body {
    Body::new(text).unwrap()
}

fn say(text: &str) -> Inbound {
    Inbound::Command(Command::Say(body(text)))
}

fn rename(name: &str) -> Inbound {
    Inbound::Command(Command::Rename(Nick::parse(name).unwrap()))
}

fn too_long(bytes: u64) -> Inbound {
    Inbound::Refused(Refusal::TooLong { bytes, limit: LIMIT })
}

fn answers(all: &[[u8; 3]]) -> Vec<Inbound> {
    let answers = all.iter().map(|bytes| Inbound::Answer(bytes.to_vec().into()));
    [CRLF].into_iter().chain(answers).collect()
}

const CRLF: Inbound = Inbound::Switch(Encoding::TextCrlf);
const USER_LIST: Inbound = Inbound::Command(Command::UserList);

/// Decodes `input` at the text door, split everywhere, and wants exactly this.
#[track_caller]
fn reads(input: &[u8], wanted: &[Inbound]) {
    let (got, error) = every_split(Wire::Text, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, None), "{}", input.escape_ascii());
}

/// The same, where the stream cannot be followed to its end.
#[track_caller]
fn breaks(input: &[u8], wanted: &[Inbound], why: WireError) {
    let (got, error) = every_split(Wire::Text, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, Some(why)), "{}", input.escape_ascii());
}

#[test]
fn lines_end_at_lf_crlf_and_the_end_of_input() {
    reads(b"", &[]);
    reads(b"\n\n  \n\t\n", &[]);
    reads(b"hi all\n", &[say("hi all")]);
    reads(b"hi all", &[say("hi all")]);
    reads(b"one\ntwo\nwho", &[say("one"), say("two"), USER_LIST]);
    reads(b"one\r\ntwo\r\n", &[CRLF, say("one"), say("two")]);
    reads(b"one\ntwo\r\nthree", &[say("one"), CRLF, say("two"), say("three")]);
    reads(b"\r\n", &[CRLF]);
    // One CR goes with the end, at the end of input too; any other becomes a blank.
    reads(b"one\r\r\n", &[CRLF, say("one ")]);
    reads(b"one\rtwo\n", &[say("one two")]);
    reads(b"one\r", &[say("one")]);
    reads(b"caf\xc3\xa9 \xe5\xae\xb6\n", &[say("café 家")]);
}

#[test]
fn what_is_no_text_is_shown_as_what_it_is() {
    reads(b"caf\xe9 \xc3\n", &[say("caf\u{fffd} \u{fffd}")]);
    reads(b"\xc3", &[say("\u{fffd}")]);
    reads(b"\xf0\x9f\x8f\n\xa0 is no house\n", &[say("\u{fffd}"), say("\u{fffd} is no house")]);
    reads(b"\x1b[2J\x07\x7f\n", &[say("␛[2J␇\u{fffd}")]);
    reads("one\u{2028}two\u{85}three\u{202e}\n".as_bytes(), &[say("one two three")]);
    reads(b"a much later\0 NUL goes\0\n", &[say("a much later NUL goes")]);
    reads(b"twelve bytes\0\n\0\n", &[say("twelve bytes")]);
    // RFC 854's lone CR is CR NUL.
    reads(b"character\r\0mode\r\0\n", &[CRLF, say("character mode")]);
}

#[test]
fn byte_255_is_telnet_only_before_a_command() {
    reads(b"\xffa latin1 \xff\xff \xff\n", &[say("\u{fffd}a latin1 \u{fffd} \u{fffd}")]);
    reads(b"\xff", &[say("\u{fffd}")]);
    reads(b"y \xff\xff", &[say("y \u{fffd}")]);
    reads(b"y \xff\xef", &[say("y \u{fffd}\u{fffd}")]); // 239, the byte below the lowest command
    reads(b"y \xff\xf0\n", &[CRLF, say("y ")]);
    reads(b"y\xff", &[say("y\u{fffd}")]);
    // A command, an option, a subnegotiation that the end of input cuts short.
    reads(b"hi\xff\xfd", &[say("hi")]);
    reads(b"hi\xff\xfa\x18\x00", &[say("hi")]);
}

#[test]
fn gnu_telnet_sees_again_after_ctrl_c() {
    let refusal = Inbound::Answer([255, 252, 6].into());
    reads(b"\xff\xf4\xff\xfd\x06", &answers(&[[255, 252, 6]]));
    reads(
        b"half a li\xff\xf4\xff\xfd\x06ne\r\n\xff\xf4\xff\xfd\x06",
        &[CRLF, refusal.clone(), say("half a line"), refusal],
    );
    // Each of them is answered, unlike any other option.
    reads(b"\xff\xfd\x06\xff\xfd\x06\xff\xfd\x06", &answers(&[[255, 252, 6]; 3]));
}

#[test]
fn putty_and_gnu_telnet_negotiate() {
    // PuTTY opens with WILL window size, speed, terminal, environment, DO echo, WILL and DO go-ahead.
    let putty = b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";
    let dont = |option| [255, 254, option];
    let wont = |option| [255, 252, option];
    let putty_answers = answers(&[dont(31), dont(32), dont(24), dont(39), wont(1), dont(3), wont(3)]);
    reads(putty, &putty_answers);
    // GNU telnet, on port 23 or when told to: DO go-ahead, five WILLs, DO status.
    let gnu =
        b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x21\xff\xfb\x22\xff\xfb\x27\xff\xfd\x05hi\r\nwho\r\n";
    let mut gnu_answers = answers(&[wont(3), dont(24), dont(31), dont(32), dont(33), dont(34), dont(39), wont(5)]);
    gnu_answers.extend([say("hi"), USER_LIST]);
    reads(gnu, &gnu_answers);
    // Once each: whoever repeats it, or agrees, is not answered again.
    let twice = [putty.as_slice(), putty, b"\xff\xfc\x01\xff\xfe\x1f"].concat();
    reads(&twice, &putty_answers);
    // WILL of an option is not DO of it.
    reads(b"\xff\xfb\x06\xff\xfd\xff\xff\xfb\x06", &answers(&[dont(6), wont(255)]));
}

#[test]
fn telnet_commands_vanish_from_within_a_line() {
    reads(b"\xff\xf6", &[CRLF, Inbound::Tell(Notice::StillHere)]);
    reads(b"w\xff\xf1h\xff\xf9o\n", &[CRLF, USER_LIST]);
    reads(b"caf\xc3\xff\xf6\xa9\n", &[CRLF, Inbound::Tell(Notice::StillHere), say("café")]);
    // Window size 255 by 24, its 255 doubled; a LF in a subnegotiation ends no line.
    reads(b"\xff\xfa\x1f\x00\xff\xff\x00\n\xff\xf0hi\n", &[CRLF, say("hi")]);
    reads(b"\xff\xfa\x18\x00xterm\xff\xf0who\r\n", &[CRLF, USER_LIST]);
    reads(b"\xff\xfa\xff\xff\xf0\xff\xf0hi\n", &[CRLF, say("hi")]);
}

#[test]
fn a_subnegotiation_has_an_end() {
    let negotiation = |length| [b"\xff\xfa".as_slice(), &vec![b'x'; length], b"\xff\xf0hi\n"].concat();
    let by_page = |input: &[u8]| decode(Wire::Text, LIMIT, input.chunks(1000));
    let whole = (vec![CRLF, say("hi")], None);
    assert_eq!(by_page(&negotiation(4095)), whole);
    assert_eq!(decode(Wire::Text, LIMIT, negotiation(4095).chunks(1)), whole);
    assert_eq!(by_page(&negotiation(4096)), whole);
    for endless in [4097, 1 << 20] {
        let (got, error) = by_page(&negotiation(endless));
        assert_eq!(got, []);
        assert!(matches!(error, Some(WireError::Malformed(_))), "{error:?}");
    }
}

#[test]
fn callers_with_another_protocol_are_known_by_their_first_bytes() {
    let http = WireError::Foreign(Foreign::Http);
    breaks(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", &[], http);
    breaks(b"POST /chat?room=1 HTTP/1.0\n\n", &[], http);
    breaks(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], http);
    breaks(b"GET / HTTP/1.1", &[], http);
    // Longer than a line may be, and known by its beginning.
    breaks(format!("GET /{} HTTP/1.1\r\n", "a".repeat(2 * LIMIT)).as_bytes(), &[], http);
    reads(format!("GET {}\n", "a".repeat(2 * LIMIT)).as_bytes(), &[too_long(2 * LIMIT as u64 + 4)]);
    // Only the first line of all.
    reads(b"look:\nGET / HTTP/1.1\n", &[say("look:"), say("GET / HTTP/1.1")]);
    reads(b"GET out of HTTP\n", &[say("GET out of HTTP")]);
    reads(b"GET me a sandwich\n", &[say("GET me a sandwich")]);
    reads(b"GET off HTTP/1.1 now\n", &[say("GET off HTTP/1.1 now")]);
    reads(b"GET HTTP/eleven\n", &[say("GET HTTP/eleven")]);

    let tls = WireError::Foreign(Foreign::Tls);
    breaks(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[], tls);
    reads(b"\x16\x04\n", &[say("␖␄")]);
    reads(b"a\x16\x03\n", &[say("a␖␃")]);

    let binary = WireError::Foreign(Foreign::Binary);
    breaks(b"\0\0\0\0\0\0\0\0", &[], binary); // a heartbeat frame
    breaks(b"\x64\0\0\0\x0e\0\0\0{\"Data\":\"hi\"}", &[], binary); // a frame that says something
    breaks(b"\x00\x1d{\"Act\":\"heartbeat\",\"Data\":\"\"}", &[], binary); // a JSON packet
    breaks(b"1234567\0", &[], binary);
    reads(b"12345678\0\n", &[say("12345678")]);
    breaks(b"hi\n\xff\xf6\0", &[say("hi"), CRLF, Inbound::Tell(Notice::StillHere)], binary);
}

#[test]
fn a_line_has_a_limit_and_its_end_does_not_count() {
    let ends: [(&[u8], bool); 3] = [(b"\n", false), (b"\r\n", true), (b"", false)];
    for (end, crlf) in ends {
        for (length, wanted) in [
            (LIMIT - 1, say(&"x".repeat(LIMIT - 1))),
            (LIMIT, say(&"x".repeat(LIMIT))),
            (LIMIT + 1, too_long(65)),
            (LIMIT + 2, too_long(66)),
            (5000, too_long(5000)),
        ] {
            let line = [vec![b'x'; length].as_slice(), end].concat();
            let wanted: Vec<_> = crlf.then_some(CRLF).into_iter().chain([wanted]).collect();
            if length < 100 {
                reads(&line, &wanted);
            }
            assert_eq!(decode(Wire::Text, LIMIT, line.chunks(1000)), (wanted, None), "{length} and {end:?}");
        }
    }
    // The session stays; a command that is too long is not done; a name that is too long is not taken.
    let over = format!("{}\nhi\nrename|{}\nwho\n", "é".repeat(40), "x".repeat(58));
    reads(over.as_bytes(), &[too_long(80), say("hi"), too_long(65), USER_LIST]);
    // A lone CR counts, wherever the limit falls.
    for at in 60..70 {
        let mut line = vec![b'x'; 70];
        line[at] = b'\r';
        reads(&line, &[too_long(70 - u64::from(at == 69))]);
    }
}

#[test]
fn ten_mebibytes_without_a_line_end_are_counted_not_kept() {
    let mut decoder = Wire::Text.decoder(limits(4096));
    let mut text = parlor::wire::TextDecoder::new(limits(4096));
    let chunk = [b'x'; 64 * 1024];
    for _ in 0..160 {
        for decoder in [decoder.as_mut(), &mut text] {
            decoder.feed(&chunk);
            assert_eq!(decoder.next(), Ok(None));
        }
    }
    // What it holds, as its debug form shows it: 5 characters for each byte of a line that is kept.
    let held = format!("{text:?}").len();
    assert!(held < 5 * 4200 + 1000, "{held} characters of debug form");
    decoder.feed(b"\nhi\n");
    let refusal = Refusal::TooLong { bytes: 10 * 1024 * 1024, limit: 4096 };
    assert_eq!(
        refusal.to_string(),
        "Line too long: 10485760 bytes, the limit is 4096. Nothing was sent.",
        "what the person is told"
    );
    assert_eq!(decoder.next(), Ok(Some(Inbound::Refused(refusal))));
    assert_eq!(decoder.next(), Ok(Some(say("hi"))));
    assert_eq!(decoder.next(), Ok(None));
}

// --- words ------------------------------------------------------------------------------------

/// Reads one line at the text door; several values where it amounts to several.
#[track_caller]
fn line(line: &str, wanted: &[Inbound]) {
    reads(format!("{line}\n").as_bytes(), wanted);
}

fn does(command: Command) -> [Inbound; 1] {
    [Inbound::Command(command)]
}

fn refused(refusal: Refusal) -> [Inbound; 1] {
    [Inbound::Refused(refusal)]
}

#[test]
fn bare_words_are_commands_when_they_are_the_whole_line() {
    for who in ["who", "WHO", "Who", "who ", "who\t"] {
        line(who, &[USER_LIST]);
    }
    line("help", &does(Command::Help(None)));
    line("quit", &does(Command::Quit(None)));
    for chat in ["who is here?", "help me", "quit it", "whoami", "rename", "renamed|z", "bob|who", "wh", "?"] {
        line(chat, &[say(chat)]);
    }
    line("rename|bob", &[rename("bob")]);
    line("RENAME| bob ", &[rename("bob")]);
    line("rename|x|y", &[rename("x")]);
    line("rename|x|", &[rename("x")]);
    for nothing in ["rename|", "rename| ", "rename||x"] {
        line(nothing, &refused(Refusal::NoName));
    }
    line("rename|mike smith", &refused(Refusal::BadName { instead: Some("mike_smith".into()) }));
    line("rename|server", &refused(Refusal::Reserved { name: "server".into() }));
    line("rename|127.0.0.1", &refused(Refusal::AddressName { name: "127.0.0.1".into() }));
    line("rename|127.0.0.1:5123", &refused(Refusal::BadName { instead: None }));
}

#[test]
fn every_escape_says_the_line_and_nothing_else_is_an_escape() {
    for (typed, said) in [
        (r"\who", "who"),
        (r"\quit", "quit"),
        (r"\rename|bob", "rename|bob"),
        (r"\/who", "/who"),
        (r"\\who", r"\who"),
        (r"\/", "/"),
        ("//who", "/who"),
        ("//", "/"),
        ("///", "//"),
        ("// comment", "/ comment"),
        ("/say who", "who"),
        ("/say   /who  is a command ", "/who  is a command"),
        ("/say rename mike", "rename mike"),
        (" who", " who"),
        (" /who", " /who"),
        (" rename|bob", " rename|bob"),
        // A backslash before anything else is a backslash.
        (r"\o/", r"\o/"),
        (r"\", r"\"),
        (r"\\", r"\\"),
        (r"\ who", r"\ who"),
        (r"\whoever", r"\whoever"),
        (r"C:\who", r"C:\who"),
        (r"¯\_(ツ)_/¯", r"¯\_(ツ)_/¯"),
    ] {
        line(typed, &[say(said)]);
    }
}

#[test]
fn who_writes_rename_mike_is_told_how_to_rename() {
    let hint = |name: &str| Inbound::Tell(Notice::RenameHint(name.into()));
    line("rename mike", &[say("rename mike"), hint("mike")]);
    line("Rename  mike ", &[say("Rename  mike "), hint("mike")]);
    for chat in ["rename mike please", "rename", " rename mike", "renamed mike", "rename: mike"] {
        line(chat, &[say(chat)]);
    }
}

#[test]
fn slash_commands_are_read_by_name_alias_and_beginning() {
    let msg = |to: &str, text: &str| Command::Msg { to: to.into(), body: body(text) };
    for typed in ["/msg bob hi there", "/MSG bob hi there", "/m bob hi there", "/tell bob hi there", "/w bob hi there"]
    {
        line(typed, &does(msg("bob", "hi there")));
    }
    line("/ms\tbob\t hi", &does(msg("bob", "hi")));
    line("/reply on my way", &does(Command::Reply(body("on my way"))));
    line("/r ok", &does(Command::Reply(body("ok"))));
    line("/me waves", &does(Command::Me(body("waves"))));
    line("/nick bob", &does(Command::Nick(Nick::parse("bob").unwrap())));
    line("/name bob", &does(Command::Nick(Nick::parse("bob").unwrap())));
    line("/who", &does(Command::Who(None)));
    line("/names", &does(Command::Who(None)));
    let room = |name: &str| RoomName::parse(name).unwrap();
    line("/who #Dev", &does(Command::Who(Some(room("dev")))));
    for typed in ["/join dev", "/JOIN #dev ", "/j DEV", "/join\t#Dev"] {
        line(typed, &does(Command::Join(room("dev"))));
    }
    for typed in ["/leave", "/part", "/LEA "] {
        line(typed, &does(Command::Leave));
    }
    line("/rooms", &does(Command::Rooms));
    line("/list", &does(Command::Rooms));
    line("/topic", &does(Command::Topic(None)));
    line("/topic  tea, and  cake ", &does(Command::Topic(Some(body("tea, and  cake")))));
    line("/whois bob", &does(Command::Whois("bob".into())));
    line("/away", &does(Command::Away(None)));
    line("/away for lunch", &does(Command::Away(Some(body("for lunch")))));
    line("/back", &does(Command::Back));
    line("/ignore bob", &does(Command::Ignore("bob".into())));
    line("/unignore bob", &does(Command::Unignore("bob".into())));
    line("/quiet on", &does(Command::Quiet(Switch::On)));
    line("/time Off", &does(Command::Time(Switch::Off)));
    line("/stay", &does(Command::Stay));
    line("/echo OFF", &does(Command::Echo(Switch::Off)));
    line("/echo on", &does(Command::Echo(Switch::On)));
    line("/ping", &does(Command::Ping));
    line("/version", &does(Command::Version));
    line("/uptime", &does(Command::Uptime));
    for quit in ["/quit", "/q", "/exit", "/bye", "/QUIT  "] {
        line(quit, &does(Command::Quit(None)));
    }
    line("/quit so long", &does(Command::Quit(Some(body("so long")))));
    for help in ["/help", "/?", "/h", "/HELP"] {
        line(help, &does(Command::Help(None)));
    }
    for help in ["/help msg", "/help /msg", "/? tell", "/h MS"] {
        line(help, &does(Command::Help(Some(find_command("msg", "").unwrap()))));
    }
}

#[test]
fn what_is_no_command_is_refused_and_never_sent() {
    let unknown = |word: &str, literally: &str, like| {
        refused(Refusal::UnknownCommand { word: word.into(), literally: literally.into(), like })
    };
    line("/mgs mike thanks", &unknown("mgs", "//mgs mike thanks", Some("msg")));
    line("/xyzzy", &unknown("xyzzy", "//xyzzy", None));
    line("/", &unknown("", "//", None));
    line("/ who", &unknown("", "// who", None));
    line("/rename bob", &unknown("rename", "//rename bob", Some("nick")));
    line("/help xyzzy", &unknown("xyzzy", "", None));
    line("/qui", &refused(Refusal::Ambiguous { word: "qui".into(), among: vec!["quiet", "quit"] }));
    line("/s", &refused(Refusal::Ambiguous { word: "s".into(), among: vec!["stay", "say"] }));
    for (typed, usage) in [
        ("/msg", "/msg NAME TEXT"),
        ("/msg bob", "/msg NAME TEXT"),
        ("/reply", "/reply TEXT"),
        ("/me  ", "/me TEXT"),
        ("/say", "/say TEXT"),
        ("/nick", "/nick NAME"),
        ("/echo", "/echo on|off"),
        ("/stay a while", "/stay"),
        ("/join", "/join ROOM"),
        ("/leave #dev", "/leave"),
        ("/rooms #dev", "/rooms"),
        ("/whois", "/whois NAME"),
        ("/back home", "/back"),
        ("/ignore", "/ignore NAME"),
        ("/unignore ", "/unignore NAME"),
        ("/quiet", "/quiet on|off"),
        ("/time maybe", "/time on|off"),
    ] {
        line(typed, &refused(Refusal::Usage { usage: usage.into() }));
    }
    for typed in ["/join #", "/join ##x", "/j a b", "/who is here", "/join \u{1b}[2J", "/join -x", "/join a.b"] {
        line(typed, &refused(Refusal::BadRoom));
    }
    let (longest, too_long) = ("é".repeat(24), "é".repeat(25));
    line(&format!("/j #{longest}"), &does(Command::Join(RoomName::parse(&longest).unwrap())));
    line(&format!("/j #{too_long}"), &refused(Refusal::BadRoom));
    // What is repeated to the asker is cut, so that an answer is never longer than a few lines.
    let long = format!("/{}", "é".repeat(2000));
    let (got, _) = decode(Wire::Text, 4096, [long.as_bytes()]);
    let [Inbound::Refused(refusal)] = got.as_slice() else { panic!("{got:?}") };
    assert!(refusal.to_string().chars().count() < 200, "{refusal}");
}

#[test]
fn history_takes_a_number_of_lines_or_says_how_it_is_written() {
    for (typed, count) in [
        ("/history", 20),
        ("/last", 20),
        ("/history 1", 1),
        ("/HIS 007", 7),
        ("/last 999999999999", 999_999_999_999),
        ("/history 99999999999999999999999999", usize::MAX),
    ] {
        line(typed, &does(Command::History(count)));
    }
    for typed in ["/history 0", "/history 000", "/history -1", "/history x", "/history 1 2", "/history 1.5", "/last ٣"]
    {
        line(typed, &refused(Refusal::Usage { usage: "/history [N]".into() }));
    }
}

/// Whatever is cut off, in capitals, or has blanks behind it, is understood or refused, never sent.
#[test]
fn a_command_cut_off_at_any_length_is_never_sent() {
    for spec in &COMMANDS {
        let whole = format!("/{} mike 12 on", spec.name).to_uppercase();
        for end in 1..=whole.len() {
            let typed = format!("{}  ", &whole[..end]);
            let (got, error) = decode(Wire::Text, 4096, [typed.as_bytes()]);
            assert_eq!((got.len(), error), (1, None), "{typed}");
            let is_sent = matches!(&got[0], Inbound::Command(Command::Say(_)));
            assert!(!is_sent || spec.name == "say" || whole[..end].starts_with("/SAY"), "{typed}: {got:?}");
        }
    }
}

#[test]
fn capitals_and_blanks_behind_it_change_no_command() {
    for spec in &COMMANDS {
        let (name, words) = (spec.name, ["", " 12", " on", " bob", " bob hi", " #dev", " msg"]);
        let mut understood = 0;
        for words in words {
            let whole = decode(Wire::Text, LIMIT, [format!("/{name}{words}").as_bytes()]);
            understood += usize::from(matches!(whole.0.as_slice(), [Inbound::Command(_)]));
            for typed in [format!("/{name}{words} \t "), format!("/{}{words}", name.to_uppercase())] {
                assert_eq!(decode(Wire::Text, LIMIT, [typed.as_bytes()]), whole, "{typed:?}");
            }
        }
        assert!(understood > 0, "{name} with none of these words");
    }
}

/// Found by fuzzing: programs' words come as they were sent, and what cleaning takes away may leave a
/// blank at the end, or a name that is told back.
#[test]
fn what_a_program_asks_about_is_cleaned_before_its_blanks_go() {
    let parse = |name: &str, args| COMMANDS.iter().find(|spec| spec.name == name).unwrap().parse(args).unwrap();
    assert_eq!(parse("quit", "bye \0"), Command::Quit(Body::new("bye")));
    assert_eq!(parse("whois", "A\n[27.c\0w\x1b[h"), Command::Whois("A␊[27.cw␛[h".into()));
}

/// Whoever types `rename |x` must not be told to type `rename||x`, which names nobody.
#[test]
fn the_advice_of_a_rename_hint_names_somebody() {
    for typed in ["rename mike", "rename |mike", "rename mike|", "rename ||"] {
        let (got, _) = decode(Wire::Text, LIMIT, [typed.as_bytes()]);
        assert_eq!(got[0], say(typed));
        if let Some(Inbound::Tell(Notice::RenameHint(name))) = got.get(1) {
            line(&format!("rename|{name}"), &[rename("mike")]);
        }
    }
}

/// What is told to do instead must do what it says.
#[test]
fn the_advice_of_an_unknown_command_sends_the_line() {
    for typed in ["/mgs mike thanks", "/", "/ who", "/shrug", "/s"] {
        let (got, _) = decode(Wire::Text, LIMIT, [typed.as_bytes()]);
        if let [Inbound::Refused(Refusal::UnknownCommand { literally, .. })] = got.as_slice() {
            line(literally, &[say(typed)]);
        }
    }
}

// --- relay ------------------------------------------------------------------------------------

#[track_caller]
fn relays(input: &[u8], wanted: &[Inbound]) {
    let (got, error) = every_split(Wire::Relay, LIMIT, input);
    assert_eq!((got.as_slice(), error), (wanted, None), "{}", input.escape_ascii());
}

#[test]
fn the_relay_door_knows_lines_and_nothing_else() {
    relays(b"hi all\r\nme too\nlast", &[say("hi all"), say("me too"), say("last")]);
    relays(b"\n\r\n \r\n\0\n\r", &[]);
    relays(b"one\rtwo\r\r\nlast\r", &[say("one two "), say("last")]); // a lone CR ends no line
    relays(
        b"who\nrename|bob\n/quit\n\\who\n//x\n",
        &[say("who"), say("rename|bob"), say("/quit"), say("\\who"), say("//x")],
    );
    relays(b"GET / HTTP/1.1\r\n\x16\x03\n", &[say("GET / HTTP/1.1"), say("␖␃")]);
    relays(b"\x01\0\0\0\x04\0\0\0test\n\0\x02{}\n", &[say("␁␄test"), say("␂{}")]); // the other doors' bytes
    relays(b"caf\xc3\xa9 \xc3\n\xff\xfd\x06\n", &[say("café \u{fffd}"), say("\u{fffd}\u{fffd}␆")]);
    relays(b"\x1b[2J one\xe2\x80\xa8two\r\n", &[say("␛[2J one two")]);
}

#[test]
fn a_relay_line_has_a_limit() {
    for end in [b"\n".as_slice(), b"\r\n", b""] {
        for (length, fits) in [(65_534, true), (65_535, true), (65_536, false), (1 << 20, false)] {
            let input = [b"before\n".as_slice(), &vec![b'x'; length], end, b"\nafter"].concat();
            for size in [1 << 20, 4096, 65_536, 7] {
                let (got, error) = decode(Wire::Relay, LIMIT, input.chunks(size));
                if fits {
                    let lengths: Vec<_> = got.iter().map(said_length).collect();
                    assert_eq!((lengths, error), (vec![6, length, 5], None), "{length} in chunks of {size}");
                } else {
                    assert_eq!(got, [say("before")], "{length} in chunks of {size}");
                    assert_eq!(error, Some(WireError::Malformed("a line longer than 65535 bytes")));
                }
            }
        }
    }
}

fn said_length(inbound: &Inbound) -> usize {
    match inbound {
        Inbound::Command(Command::Say(body)) => body.as_str().len(),
        other => panic!("{other:?}"),
    }
}

// --- whatever else comes ----------------------------------------------------------------------

/// Bytes of which many mean something.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let meaning = [&TELNET[..], &TEXT, &[246, 251, 254, 239, 241, 0x16, 3, 0xe2, 0x80, 0xa8]].concat();
    let byte = prop_oneof![3 => prop::sample::select(meaning), 1 => any::<u8>(), 1 => b' '..b'~'];
    let word = prop::sample::select(vec![
        "who\n",
        "rename|",
        "rename ",
        "/msg ",
        "/me ",
        "//",
        "\\",
        "\r\n",
        "quit",
        "GET / HTTP/1.1\r\n",
        "a house 🏠",
        "/join #",
        "/history ",
        "{\"Act\":\"say\",\"Data\":\"hi\"}\n",
        "\0\x1b{\"Act\":\"who\",\"Room\":\"dev\"}",
        "{\"act\":\"",
        "\x68\0\0\0\x02\0\0\0{}",
        "\0\0\0\0\0\0\0\0",
    ]);
    let piece = prop_oneof![4 => vec(byte, 1..8), 1 => word.prop_map(|word| word.as_bytes().to_vec())];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Text of which much would end a line or move a cursor.
fn unruly_text() -> impl Strategy<Value = String> {
    const UNRULY: [char; 13] = [
        '\n', '\r', '\t', '\0', '\u{b}', '\u{c}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}',
        '\u{202e}',
    ];
    let c = prop_oneof![prop::sample::select(UNRULY.as_slice()), any::<char>(), prop::char::range(' ', '~')];
    vec(c, 0..20).prop_map(String::from_iter)
}

/// No file of failures is kept: what one finds becomes a named test.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn chunking_never_matters(input in hostile_bytes(), sizes in vec(1..20_usize, 1..40)) {
        for wire in Wire::ALL {
            let mut rest = input.as_slice();
            let mut chunks = Vec::new();
            for size in sizes.iter().cycle() {
                let (chunk, after) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(decode(wire, LIMIT, chunks), decode(wire, LIMIT, [input.as_slice()]));
        }
    }

    #[test]
    fn any_bytes_at_all_are_decoded_without_a_panic(input in vec(any::<u8>(), 0..2000)) {
        for wire in Wire::ALL {
            prop_assert_eq!(decode(wire, LIMIT, input.chunks(1)), decode(wire, LIMIT, [input.as_slice()]));
        }
    }

    #[test]
    fn a_body_is_one_line_in_every_encoding(text in unruly_text()) {
        let Some(body) = Body::new(&text) else { return Ok(()) };
        let (from, to) = (speaker(1, "ann"), speaker(2, "bob"));
        let said = Line { room: RoomName::lobby(), from: Arc::clone(&from), body: body.clone(), at: NOON, seq: 7 };
        for notice in [
            Notice::Said(said.clone()),
            Notice::Acted(said.clone()),
            Notice::Told { from, body: body.clone() },
            Notice::ToldTo { to: Arc::clone(&to), body: body.clone() },
            Notice::Past { line: said.clone(), is_action: false },
            Notice::Past { line: said, is_action: true },
            Notice::Topic { room: RoomName::lobby(), topic: Some(body.clone()) },
            Notice::TopicSet { who: Arc::clone(&to), room: RoomName::lobby(), topic: body.clone() },
            Notice::IsAway { who: to, away: Away(Some(body.clone())) },
        ] {
            let object = object(&notice, None).unwrap();
            prop_assert_eq!(object["Data"].as_str(), Some(body.as_str()));
            for encoding in LINES {
                let line = encoded(encoding, &notice);
                let heard = matches!(notice, Notice::Said(_) | Notice::Acted(_) | Notice::Told { .. });
                if encoding == Encoding::Relay && !heard {
                    prop_assert_eq!(line, "");
                    continue;
                }
                let text = line.strip_suffix(eol(encoding)).unwrap();
                prop_assert!(text.ends_with(body.as_str()), "{:?}", text);
                prop_assert!(!text.chars().any(|c| ends_a_line(c) || (c.is_control() && c != '\t')), "{:?}", text);
            }
        }
    }

    /// One who types against one who listens: whatever is typed, each line that the listener sees
    /// shows by its beginning what it is and who it is from.
    #[test]
    fn nothing_that_is_typed_looks_like_anything_else(lines in vec(forgery(), 1..8)) {
        let join_grace = Duration::from_secs(10);
        let settings = HubSettings { idle_seconds: 30, join_grace, max_rooms: 8, history: 50, history_shown: 10 };
        let mut hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
        let now = Now { up: Duration::ZERO, unix_ms: NOON };
        let mut effects = Vec::new();
        for (seat, name) in [(0, "10.0.0.1:5000"), (1, "10.0.0.2:5000")] {
            let id = SessionId(7 + u64::from(seat));
            let speaker = Arc::new(Speaker { id, address: name.into(), name: name.into() });
            let (door, entry) = ("0.0.0.0:8000".into(), Entry::Lobby);
            hub.enter(Seat(seat), Arrival { speaker, door, by: "text", echo: true, entry }, now, &mut effects);
        }
        effects.clear();
        let (typed, _) = decode(Wire::Text, 4096, lines.iter().map(Vec::as_slice));
        for inbound in typed {
            if let Inbound::Command(command) = inbound {
                hub.command(Seat(0), command, false, now, &mut effects);
            }
        }
        hub.command(Seat(1), Command::History(100), false, now, &mut effects);
        for notice in effects.iter().filter_map(told_to_the_listener) {
            let text = encoded(Encoding::TextLf, notice);
            prop_assert!(is_honest(&text), "{:?}", text);
            let relayed = encoded(Encoding::Relay, notice);
            prop_assert!(relayed.is_empty() || is_honest_relay(&relayed), "{:?}", relayed);
        }
    }
}

/// A line of somebody who would like to be taken for another.
fn forgery() -> impl Strategy<Value = Vec<u8>> {
    let command = prop::sample::select(vec![
        "",
        "",
        "",
        "/me ",
        "/say ",
        "/msg 10.0.0.2:5000 ",
        "/reply ",
        "/nick ",
        "rename|",
        "//",
        "\\",
        " ",
        "/quit ",
        "/topic ",
        "/away ",
        "/join ",
        "/leave",
    ]);
    let breaking =
        prop::sample::select(vec!["", "", "a", "bob", "x\r", "x\u{2028}", "x\u{85}", "x\u{b}", "x\u{c}", "\u{1b}[1A"]);
    let beginning = prop::sample::select(vec![
        "*** ",
        "!!! ",
        ">>> ",
        "--- ",
        "* ",
        "[10.0.0.2:5000]",
        "[",
        "rename ok",
        "user list:",
        "10.0.0.2:5000: ",
        "",
    ]);
    let line = (command, breaking, beginning, "\\PC{0,20}", prop::sample::select(vec!["\n", "\r\n", "\r\r\n"]));
    line.prop_map(|(command, breaking, beginning, text, end)| {
        format!("{command}{breaking}{beginning}{text}{end}").into()
    })
}

fn told_to_the_listener(effect: &Effect) -> Option<&Notice> {
    match effect {
        Effect::Tell(Seat(1), notice) => Some(notice),
        Effect::Room { room: RoomIndex::LOBBY, notice, hidden_from } if *hidden_from != Some(Seat(1)) => Some(notice),
        _ => None,
    }
}

/// Whether this is one whole line in one of the forms in which others' doings are shown.
fn is_honest(line: &str) -> bool {
    const TYPIST: &str = "10.0.0.1:5000";
    let is_name = |name: &str| name == TYPIST || Nick::parse(name).is_ok_and(|nick| nick.as_str() == name);
    let Some(line) = line.strip_suffix('\n').filter(|line| !line.chars().any(ends_a_line)) else { return false };
    let spoken = |rest: &str| match rest.strip_prefix(TYPIST) {
        Some(text) if text.starts_with(": ") => true,
        _ => rest.split_once(": ").is_some_and(|(name, _)| is_name(name)),
    };
    if let Some(rest) = line.strip_prefix("[10.0.0.1:5000]") {
        return spoken(rest);
    }
    if let Some(rest) = line.strip_prefix(">>> ") {
        return spoken(rest);
    }
    if let Some(rest) = line.strip_prefix("*** ") {
        let is_room = |name: &str| RoomName::parse(name).is_ok_and(|room| room.to_string() == name);
        let by_name = |(name, after)| is_name(name).then_some(after);
        return rest.split_once(" is now ").and_then(by_name).is_some_and(is_name)
            || rest.split_once(" went to ").and_then(by_name).is_some_and(is_room)
            || rest.split_once(" came from ").and_then(by_name).is_some_and(is_room)
            || rest.split_once(" set the topic: ").is_some_and(|(name, _)| is_name(name));
    }
    if let Some(rest) = line.strip_prefix("--- 12:00 ") {
        return match rest.strip_prefix("* ") {
            Some(rest) => rest.split_once(' ').is_some_and(|(name, _)| is_name(name)),
            None => spoken(rest),
        };
    }
    if line == "--- end of history" {
        return true;
    }
    line.strip_prefix("* ").and_then(|rest| rest.split_once(' ')).is_some_and(|(name, _)| is_name(name))
}

fn is_honest_relay(line: &str) -> bool {
    line.strip_suffix("\r\n").is_some_and(|line| line.starts_with("7:") && !line.chars().any(ends_a_line))
}

#[test]
fn the_honesty_of_a_line_can_be_doubted() {
    for line in [
        "[10.0.0.1:5000]10.0.0.1:5000: login\n",
        "* bob waves\n",
        ">>> bob: hi\n",
        "*** a is now b\n",
        "*** a went to #b\n",
        "*** a set the topic: !!! x\n",
        "--- 12:00 a: b\n",
        "--- 12:00 * a b\n",
    ] {
        assert!(is_honest(line), "{line}");
    }
    for line in [
        "*** The server is stopping. Goodbye\n",
        "!!! no\n",
        "[10.0.0.2:5000]bob: hi\n",
        "* b b waves\nx\n",
        "user list:\n",
        "[10.0.0.1:5000]bob: hi\r\n",
        "*** a went to b\n",
        "*** topic of #lobby: x\n",
        "--- 12:00 nothing\n",
        "",
    ] {
        assert!(!is_honest(line), "{line}");
    }
}

// --- encoders ---------------------------------------------------------------------------------

fn ends_a_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn speaker(number: u64, name: &str) -> Arc<Speaker> {
    let address = format!("127.0.0.1:{}", 5000 + number);
    Arc::new(Speaker { id: SessionId(2_123_807_362_945_912_832 + number), address: address.into(), name: name.into() })
}

/// Unix milliseconds of a noon, UTC.
const NOON: u64 = 1_795_176_000_000;

/// The encodings of people's lines.
const LINES: [Encoding; 5] =
    [Encoding::TextLf, Encoding::TextCrlf, Encoding::TextLfTime, Encoding::TextCrlfTime, Encoding::Relay];

fn bytes(encoding: Encoding, notice: &Notice, tag: Option<&str>) -> Vec<u8> {
    let mut out = b"before".to_vec(); // it appends
    encoding.encode(notice, tag, &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off("before".len())
}

fn encoded(encoding: Encoding, notice: &Notice) -> String {
    String::from_utf8(bytes(encoding, notice, None)).unwrap()
}

/// What a program is told, where it is told anything: one object on one line.
fn object(notice: &Notice, tag: Option<&str>) -> Option<Value> {
    let line = String::from_utf8(bytes(Encoding::Json(Framing::Lines), notice, tag)).unwrap();
    if line.is_empty() {
        return None;
    }
    let object = line.strip_suffix('\n').unwrap();
    assert!(!object.contains(['\n', '\r']), "{object:?}");
    Some(serde_json::from_str(object).unwrap())
}

fn eol(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::TextLf | Encoding::TextLfTime | Encoding::Json(Framing::Lines) => "\n",
        Encoding::TextCrlf | Encoding::TextCrlfTime | Encoding::Relay => "\r\n",
        Encoding::Frame | Encoding::Json(_) => "",
    }
}

fn said(name: &str, text: &str) -> Line {
    Line { room: RoomName::lobby(), from: speaker(1, name), body: body(text), at: NOON, seq: 57 }
}

fn all_reasons() -> Vec<CloseReason> {
    use CloseReason::*;
    let all = vec![
        Quit,
        PeerClosed,
        Idle { seconds: 30 },
        TooSlow,
        WriteTimeout,
        Malformed("a line longer than 65535 bytes"),
        WrongProtocol("HTTP"),
        ServerStopping,
        ReadFailed,
        WriteFailed,
        Panicked,
        NotJoined,
        Dismissed,
        Silent,
    ];
    assert!(all.iter().map(CloseReason::index).eq(0..CloseReason::NAMES.len()), "a reason is missing here");
    all
}

fn all_refusals() -> Vec<Refusal> {
    let name = || "mike".to_owned();
    let free = |names: &[&str]| Refusal::Taken { name: name(), free: names.iter().map(|&name| name.into()).collect() };
    vec![
        Refusal::TooLong { bytes: u64::MAX, limit: 4096 },
        Refusal::UnknownCommand { word: name(), literally: "//mike".into(), like: Some("me") },
        Refusal::UnknownCommand { word: name(), literally: String::new(), like: None },
        Refusal::Ambiguous { word: "s".into(), among: vec!["say", "stay"] },
        Refusal::Usage { usage: "/msg NAME TEXT".into() },
        Refusal::NoName,
        Refusal::BadName { instead: Some(name()) },
        Refusal::BadName { instead: None },
        Refusal::AddressName { name: "127.0.0.1".into() },
        Refusal::Reserved { name: "server".into() },
        free(&["mike2", "mike_", "mike7"]),
        free(&[]),
        Refusal::LooksLike { name: name(), present: name() },
        Refusal::NobodyCalled { name: name(), like: Some(name()) },
        Refusal::NobodyCalled { name: name(), like: None },
        Refusal::NobodyToAnswer,
        Refusal::Full { limit: 4096 },
        Refusal::TooManyFrom { address: [10, 0, 0, 7].into(), limit: 16 },
        Refusal::TooManyFrom { address: "2001:db8::".parse().unwrap(), limit: 16 },
        Refusal::TooManySilent { limit: 1024 },
        Refusal::Busy { lack: "thread" },
        Refusal::BadRoom,
        Refusal::NoRoom { room: RoomName::parse("dev").unwrap() },
        Refusal::TooManyRooms { limit: 256 },
        Refusal::RenamesTooFast { limit: 3, wait: 42 },
        Refusal::CannotIgnore { why: "You cannot ignore yourself" },
        Refusal::BadPacket { why: "No Act".into() },
        Refusal::UnknownAct { act: "dance\n".into() },
        Refusal::UnknownRoute { route: 7 },
    ]
}

/// Every notice in its kinds.
fn all_notices() -> Vec<Notice> {
    let (ann, bob) = (speaker(1, "ann"), speaker(2, "127.0.0.1:5002"));
    let (room, hi) = (RoomName::lobby(), body("hi *** all"));
    let welcome = |others: usize, others_total, door: &str, idle_seconds| Notice::Welcome {
        you: speaker(1, "ann"),
        room: RoomName::lobby(),
        others: (0..others).map(|n| format!("mike{n}").into()).collect(),
        others_total,
        door: door.into(),
        idle_seconds,
    };
    let presence = |who: &Arc<Speaker>, seconds| Presence {
        who: Arc::clone(who),
        idle: Duration::from_secs(seconds),
        here: Duration::from_secs(seconds * 90),
        away: (seconds > 3).then(|| Away((seconds > 100).then(|| body("at lunch")))),
    };
    let dev = || RoomName::parse("dev").unwrap();
    let in_room = |others: usize, others_total| Notice::InRoom {
        room: dev(),
        others: (0..others).map(|n| format!("mike{n}").into()).collect(),
        others_total,
        since: u64::MAX,
    };
    let mut all = vec![
        Notice::IAmHere(Arc::clone(&ann)),
        Notice::Login { who: Arc::clone(&ann), room: dev() },
        welcome(0, 0, "127.0.0.1:8000", 30),
        welcome(0, 0, "[::1]:8000", 0),
        welcome(1, 1, "127.0.0.1:8000", 30),
        welcome(Notice::MAX_WELCOME_NAMES, 4095, "127.0.0.1:8000", 30),
        Notice::Said(said("ann", "hi *** all")),
        Notice::Acted(said("ann", "hi *** all")),
        Notice::Told { from: Arc::clone(&ann), body: hi.clone() },
        Notice::ToldTo { to: Arc::clone(&bob), body: hi },
        Notice::Renamed { who: Arc::clone(&ann), old: "bob".into(), room: dev() },
        Notice::RenameOk,
        Notice::YouAre("ann".into()),
        Notice::UserList(vec![Arc::clone(&ann), Arc::clone(&bob)]),
        Notice::UserList(vec![]),
        Notice::Names { room: room.clone(), people: vec![presence(&ann, 3), presence(&bob, 200_000)] },
        Notice::Names { room: room.clone(), people: vec![presence(&bob, 30)] },
        Notice::Names { room: room.clone(), people: vec![] },
        Notice::Help,
        Notice::Pong,
        Notice::StillHere,
        Notice::Version,
        Notice::Uptime { up: Duration::from_secs(7300), people: 3 },
        Notice::Staying,
        Notice::Echo { on: true },
        Notice::Echo { on: false },
        Notice::RenameHint("mike".into()),
        Notice::IdleWarning { quiet: 20, left: 10 },
        Notice::SlowDown { rate: 5, waiting: 12 },
        Notice::Skipped { lines: 137, kept: true },
        Notice::Skipped { lines: 137, kept: false },
        Notice::Came { who: Arc::clone(&ann), from: room.clone(), room: dev() },
        Notice::Went { who: Arc::clone(&ann), to: room.clone(), room: dev() },
        Notice::Bustle { room: room.clone(), came: 37, left: 12 },
        Notice::Past { line: said("ann", "hi *** all"), is_action: false },
        Notice::Past { line: said("ann", "hi *** all"), is_action: true },
        Notice::PastEnd { room: room.clone(), last_seq: 57, lost: 0, since: 1_795_190_108_416 },
        Notice::PastEnd { room: room.clone(), last_seq: 57, lost: 12, since: u64::MAX },
        Notice::Topic { room: dev(), topic: Some(body("tea & cake")) },
        Notice::Topic { room: dev(), topic: None },
        Notice::TopicSet { who: Arc::clone(&ann), room: dev(), topic: body("tea & cake") },
        Notice::Rooms(vec![
            RoomInfo { name: room, people: 3, topic: Some(body("tea & cake")) },
            RoomInfo { name: dev(), people: 1, topic: None },
        ]),
        Notice::Rooms(vec![]),
        Notice::Whois { who: presence(&ann, 3), room: Some(dev()), by: "text" },
        Notice::Whois { who: presence(&bob, 200_000), room: None, by: "json" },
        Notice::YouAreAway(Away(None)),
        Notice::YouAreAway(Away(Some(body("at lunch")))),
        Notice::WelcomeBack,
        Notice::IsAway { who: Arc::clone(&ann), away: Away(None) },
        Notice::IsAway { who: Arc::clone(&ann), away: Away(Some(body("at lunch"))) },
        Notice::InRoom { room: dev(), others: vec![], others_total: 0, since: 0 },
        in_room(1, 1),
        in_room(10, 300),
        Notice::DoExit,
    ];
    for on in [true, false] {
        all.extend([Notice::Ignoring { who: Arc::clone(&ann), on }, Notice::Quiet { on }, Notice::Time { on }]);
    }
    all.extend(COMMANDS.iter().map(Notice::HelpFor));
    all.extend(all_refusals().into_iter().map(Notice::Refused));
    all.extend(all_reasons().into_iter().map(|why| Notice::Left { who: Arc::clone(&ann), room: dev(), why }));
    all.extend(all_reasons().into_iter().map(Notice::Goodbye));
    all
}

/// The number of a notice's kind; the compiler says when one is missing here.
fn kind(notice: &Notice) -> usize {
    match notice {
        Notice::IAmHere(_) => 0,
        Notice::Login { .. } => 1,
        Notice::Left { .. } => 2,
        Notice::Welcome { .. } => 3,
        Notice::Said { .. } => 4,
        Notice::Acted { .. } => 5,
        Notice::Told { .. } => 6,
        Notice::ToldTo { .. } => 7,
        Notice::Renamed { .. } => 8,
        Notice::RenameOk => 9,
        Notice::YouAre(_) => 10,
        Notice::UserList(_) => 11,
        Notice::Names { .. } => 12,
        Notice::Help => 13,
        Notice::HelpFor(_) => 14,
        Notice::Pong => 15,
        Notice::StillHere => 16,
        Notice::Version => 17,
        Notice::Uptime { .. } => 18,
        Notice::Staying => 19,
        Notice::Echo { .. } => 20,
        Notice::RenameHint(_) => 21,
        Notice::IdleWarning { .. } => 22,
        Notice::SlowDown { .. } => 23,
        Notice::Skipped { .. } => 24,
        Notice::Refused(_) => 25,
        Notice::Goodbye(_) => 26,
        Notice::Came { .. } => 27,
        Notice::Went { .. } => 28,
        Notice::Bustle { .. } => 29,
        Notice::Past { .. } => 30,
        Notice::PastEnd { .. } => 31,
        Notice::Topic { .. } => 32,
        Notice::TopicSet { .. } => 33,
        Notice::Rooms(_) => 34,
        Notice::Whois { .. } => 35,
        Notice::YouAreAway(_) => 36,
        Notice::WelcomeBack => 37,
        Notice::IsAway { .. } => 38,
        Notice::Ignoring { .. } => 39,
        Notice::Quiet { .. } => 40,
        Notice::Time { .. } => 41,
        Notice::InRoom { .. } => 42,
        Notice::DoExit => 43,
    }
}

/// How many kinds there are.
const KINDS: usize = 44;

#[test]
fn every_notice_is_whole_lines_with_the_right_end() {
    let notices = all_notices();
    for number in 0..KINDS {
        assert!(notices.iter().any(|notice| kind(notice) == number), "no notice of kind {number}");
    }
    for notice in &notices {
        let [lf, crlf, lf_time, crlf_time, relay] = LINES.map(|encoding| encoded(encoding, notice));
        assert_eq!(crlf, lf.replace('\n', "\r\n"), "CRLF is LF with CRs");
        assert_eq!(crlf_time, lf_time.replace('\n', "\r\n"), "CRLF is LF with CRs");
        let clock = if matches!(notice, Notice::Said(_) | Notice::Acted(_)) { "12:00 " } else { "" };
        assert_eq!(lf_time, format!("{clock}{lf}"), "the time stands before what is said, and nowhere else");
        assert!(!lf.contains('\r'), "{lf:?}");
        let last_words_to_nobody = matches!(notice, Notice::Goodbye(_) | Notice::DoExit);
        assert!(lf.ends_with('\n') || (last_words_to_nobody && lf.is_empty()), "{notice:?}: {lf:?}");
        assert!(!lf.contains("\n\n") && !lf.starts_with('\n'), "an empty line in {lf:?}");
        for line in lf.lines() {
            assert_eq!(line.trim_end(), line, "{notice:?}");
            assert!(!line.chars().any(|c| ends_a_line(c) || c.is_control()), "{line:?}");
        }
        assert!(relay.is_empty() || (relay.ends_with("\r\n") && relay.matches('\n').count() == 1), "{relay:?}");
    }
}

/// The table at the head of PROTOCOLS.md's *text*: a program can tell lines apart by their beginnings.
#[test]
fn every_line_begins_as_its_kind_does() {
    for notice in all_notices() {
        let beginnings: &[&str] = match &notice {
            Notice::IAmHere(_) | Notice::Login { .. } | Notice::Left { .. } | Notice::Said(_) => &["["],
            Notice::Acted(_) => &["* "],
            Notice::Past { .. } | Notice::PastEnd { .. } => &["--- "],
            Notice::Told { .. } | Notice::ToldTo { .. } => &[">>> "],
            Notice::RenameOk => &["rename ok"],
            Notice::UserList(_) => &["user list:", "127.0.0.1:5001:ann", "127.0.0.1:5002:127.0.0.1:5002"],
            Notice::Refused(_) => &["!!! "],
            _ => &["*** "],
        };
        let text = encoded(Encoding::TextLf, &notice);
        for line in text.lines() {
            assert!(beginnings.iter().any(|beginning| line.starts_with(beginning)), "{notice:?}: {line}");
        }
    }
}

#[test]
fn what_people_say_is_always_behind_a_name() {
    for said in
        ["*** x", "!!! y", ">>> z: w", "--- 12:04 mike: hm", "[127.0.0.1:1]bob: hi", "rename ok", "user list:", "* b"]
    {
        let line = || Line { body: body(said), ..self::said("ann", "hi") };
        assert_eq!(encoded(Encoding::TextLf, &Notice::Said(line())), format!("[127.0.0.1:5001]ann: {said}\n"));
        assert_eq!(encoded(Encoding::Relay, &Notice::Said(line())), format!("2123807362945912833:{said}\r\n"));
        assert_eq!(encoded(Encoding::TextLf, &Notice::Acted(line())), format!("* ann {said}\n"));
        let past = |is_action| encoded(Encoding::TextLf, &Notice::Past { line: line(), is_action });
        assert_eq!(
            [past(false), past(true)],
            [format!("--- 12:00 ann: {said}\n"), format!("--- 12:00 * ann {said}\n")]
        );
        let told = Notice::Told { from: speaker(1, "ann"), body: body(said) };
        assert_eq!(encoded(Encoding::TextLf, &told), format!(">>> ann: {said}\n"));
        let told_to = Notice::ToldTo { to: speaker(1, "ann"), body: body(said) };
        assert_eq!(encoded(Encoding::TextLf, &told_to), format!(">>> to ann: {said}\n"));
    }
}

/// To the byte what the chat room of old wrote.
#[test]
fn the_older_chat_rooms_lines_are_kept() {
    let ann = || speaker(1, "ann");
    let left = |why| Notice::Left { who: ann(), room: RoomName::lobby(), why };
    for (notice, wanted) in [
        (Notice::IAmHere(ann()), "[127.0.0.1:5001]ann: I am here\n"),
        (Notice::Login { who: ann(), room: RoomName::lobby() }, "[127.0.0.1:5001]ann: login\n"),
        (left(CloseReason::Quit), "[127.0.0.1:5001]ann: login out\n"),
        (left(CloseReason::PeerClosed), "[127.0.0.1:5001]ann: login out\n"),
        (left(CloseReason::Idle { seconds: 30 }), "[127.0.0.1:5001]ann: time out leave out\n"),
        (Notice::RenameOk, "rename ok\n"),
        (Notice::UserList(vec![ann(), speaker(2, "bob")]), "user list:\n127.0.0.1:5001:ann\n127.0.0.1:5002:bob\n"),
    ] {
        assert_eq!(encoded(Encoding::TextLf, &notice), wanted);
        assert_eq!(encoded(Encoding::Relay, &notice), "", "a relay client would take it for somebody's line");
    }
}

#[test]
fn help_fits_a_terminal() {
    let help = encoded(Encoding::TextLf, &Notice::Help);
    assert!(help.lines().count() <= 12, "{help}");
    for spec in &COMMANDS {
        assert!(help.contains(&format!("/{}", spec.name)), "{} is missing:\n{help}", spec.name);
    }
    let each = COMMANDS.iter().map(|spec| encoded(Encoding::TextLf, &Notice::HelpFor(spec)));
    for line in each.chain([help]).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(line.chars().count() <= 78, "{} columns: {line}", line.chars().count());
    }
    for spec in &COMMANDS {
        let text = encoded(Encoding::TextLf, &Notice::HelpFor(spec));
        assert!(text.starts_with(&format!("*** {}", spec.usage())), "{text}");
        for words in spec.aliases.iter().chain([&spec.help]) {
            assert!(text.contains(words), "{words} is missing: {text}");
        }
    }
}

#[test]
fn a_greeting_tells_who_is_here_and_where_to_send_others() {
    let greeting = |number: usize| {
        let welcome: Vec<_> = all_notices().into_iter().filter(|notice| kind(notice) == 3).collect();
        encoded(Encoding::TextLf, &welcome[number])
    };
    let words = "*** Type to talk. who = who is here, rename|NAME = your name, /help = more, /quit = leave\n";
    let quiet = "*** Quiet for 30 s means disconnected; /stay lets you just listen\n";
    let first = "*** Welcome to Parlor. You are ann, the first one in #lobby. Tell others: nc";
    assert_eq!(greeting(0), format!("{first} 127.0.0.1 8000\n{words}{quiet}"));
    assert_eq!(greeting(1), format!("{first} ::1 8000\n{words}"));
    assert_eq!(
        greeting(2),
        format!("*** Welcome to Parlor. You are ann, in #lobby with 1 other: mike0\n{words}{quiet}")
    );
    let many = "mike0, mike1, mike2, mike3, mike4, mike5, mike6, mike7, mike8, mike9 and 4085 more";
    assert_eq!(
        greeting(3),
        format!("*** Welcome to Parlor. You are ann, in #lobby with 4095 others: {many}\n{words}{quiet}")
    );
}

/// What people are told about themselves and the house, to the letter.
#[test]
fn answers_and_goodbyes_are_told_like_this() {
    let line = |notice: Notice| encoded(Encoding::TextLf, &notice);
    let list = |seconds: &[u64]| {
        let people = seconds.iter().map(|seconds| Presence {
            who: speaker(1, "ann"),
            idle: Duration::from_secs(*seconds),
            here: Duration::from_secs(2 * seconds),
            away: None,
        });
        line(Notice::Names { room: RoomName::lobby(), people: people.collect() })
    };
    assert_eq!(list(&[]), "*** 0 here in #lobby:\n*** end of list\n");
    for (seconds, spans) in [
        (0, "idle 0 s, here 0 s"),
        (59, "idle 59 s, here 1 min"),
        (1800, "idle 30 min, here 1 h"),
        (86_399, "idle 23 h, here 47 h"),
        (86_400, "idle 24 h, here 2 d"),
    ] {
        assert_eq!(list(&[seconds]), format!("*** 1 here in #lobby:\n***   ann  {spans}\n*** end of list\n"));
    }
    for (notice, wanted) in [
        (Notice::YouAre("ann".into()), "*** You are now ann\n"),
        (
            Notice::Renamed { who: speaker(1, "ann"), old: "bob".into(), room: RoomName::lobby() },
            "*** bob is now ann\n",
        ),
        (Notice::Pong, "*** pong\n"),
        (Notice::StillHere, "*** Yes, still here.\n"),
        (Notice::Version, concat!("*** Parlor ", env!("CARGO_PKG_VERSION"), "\n")),
        (Notice::Uptime { up: Duration::from_secs(7300), people: 3 }, "*** Up for 2 h, 3 here\n"),
        (Notice::Staying, "*** You may stay silent. /quit leaves\n"),
        (Notice::Echo { on: true }, "*** Your own lines come back to you\n"),
        (Notice::Echo { on: false }, "*** Your own lines no longer come back to you\n"),
        (Notice::RenameHint("mike".into()), "*** That was sent as a line. To be called mike, type rename|mike\n"),
        (
            Notice::IdleWarning { quiet: 20, left: 10 },
            "*** Quiet for 20 s: in 10 s you are disconnected. Enter keeps you here, /stay for good\n",
        ),
        (Notice::SlowDown { rate: 5, waiting: 12 }, "*** Slow down: your lines are now sent at 5 a second, 12 wait\n"),
        (Notice::Goodbye(CloseReason::Quit), "*** Goodbye\n"),
        (Notice::Goodbye(CloseReason::Idle { seconds: 30 }), "*** Disconnected: quiet for 30 s\n"),
        (Notice::Goodbye(CloseReason::Malformed("a line too long")), "*** Disconnected: a line too long\n"),
        (Notice::Goodbye(CloseReason::ServerStopping), "*** The server is stopping. Goodbye\n"),
        (Notice::Goodbye(CloseReason::PeerClosed), ""),
    ] {
        assert_eq!(line(notice), wanted);
    }
}

/// What people are told of rooms, history and manners, to the letter: one line where one is meant.
#[test]
fn rooms_history_and_manners_are_told_like_this() {
    for (kind_number, wanted) in [
        (
            24,
            "*** 137 lines were skipped, you read too slowly. /history 137 shows them\n\
              *** 137 lines were skipped, you read too slowly\n",
        ),
        (27, "*** ann came from #lobby\n"),
        (28, "*** ann went to #lobby\n"),
        (29, "*** 37 came, 12 left\n"),
        (30, "--- 12:00 ann: hi *** all\n--- 12:00 * ann hi *** all\n"),
        (31, "--- end of history\n--- end of history, 12 lines before it are not kept\n"),
        (32, "*** topic of #dev: tea & cake\n*** #dev has no topic; /topic TEXT sets it\n"),
        (33, "*** ann set the topic: tea & cake\n"),
        (
            34,
            "*** rooms:\n***   #lobby  3 people  tea & cake\n***   #dev  1 person\n*** end of list\n\
              *** rooms:\n*** end of list\n",
        ),
        (
            35,
            "*** ann: in #dev, here 4 min, idle 3 s, by text\n\
              *** 127.0.0.1:5002: in no room, here 208 d, idle 2 d, by json, away: at lunch\n",
        ),
        (36, "*** You are away. /back when you return\n*** You are away: at lunch. /back when you return\n"),
        (37, "*** Welcome back\n"),
        (38, "*** ann is away\n*** ann is away: at lunch\n"),
        (39, "*** You no longer see ann\n*** You see ann again\n"),
        (40, "*** Comings and goings are hidden from you\n*** You see comings and goings again\n"),
        (41, "*** The time (UTC) stands before what is said\n*** Lines have no time before them\n"),
        (43, ""),
    ] {
        let of_this_kind = all_notices().into_iter().filter(|notice| kind(notice) == kind_number);
        let text: String = of_this_kind.map(|notice| encoded(Encoding::TextLf, &notice)).collect();
        assert_eq!(text, wanted, "kind {kind_number}");
    }
    let rooms: Vec<_> =
        all_notices().iter().filter(|one| kind(one) == 42).map(|one| encoded(Encoding::TextLf, one)).collect();
    assert_eq!(rooms[..2], ["*** You are in #dev alone\n", "*** You are in #dev with 1 other: mike0\n"]);
    assert!(rooms[2].starts_with("*** You are in #dev with 300 others: mike0, mike1, "), "{}", rooms[2]);
    assert!(rooms[2].ends_with("mike9 and 290 more\n"), "{}", rooms[2]);
}

#[test]
fn the_time_before_a_line_is_the_time_of_day_in_utc() {
    for (minutes, shown) in [(0, "12:00"), (4, "12:04"), (719, "23:59"), (720, "00:00"), (1440, "12:00")] {
        let line = Line { at: NOON + minutes * 60_000 + 59_999, ..said("ann", "hi") };
        assert_eq!(encoded(Encoding::TextLfTime, &Notice::Acted(line.clone())), format!("{shown} * ann hi\n"));
        assert_eq!(
            encoded(Encoding::TextLf, &Notice::Past { line, is_action: false }),
            format!("--- {shown} ann: hi\n")
        );
    }
    for encoding in Encoding::ALL {
        let has =
            matches!(encoding, Encoding::TextLf | Encoding::TextCrlf | Encoding::TextLfTime | Encoding::TextCrlfTime);
        assert_eq!(encoding.with_time(true).has_time(), has);
        assert!(!encoding.with_time(false).has_time());
        assert_eq!(encoding.with_time(true).with_time(false), encoding.with_time(false));
        assert_eq!(Encoding::ALL[encoding.index()], encoding);
    }
}

// --- what programs are told -------------------------------------------------------------------

/// One object, whichever way it is delimited, and the route of its frame.
#[test]
fn a_notice_is_the_same_object_in_every_framing_and_in_frames() {
    for notice in all_notices() {
        let Some(object) = object(&notice, Some("\"r1\"")) else {
            for encoding in Encoding::ALL.into_iter().filter(|encoding| !LINES.contains(encoding)) {
                assert_eq!(bytes(encoding, &notice, Some("1")), b"", "{notice:?}");
            }
            continue;
        };
        assert_eq!(object["Ref"], "r1", "{notice:?}");
        assert!(object["Act"].is_string() && object["Data"].is_string(), "{object}");
        let line = bytes(Encoding::Json(Framing::Lines), &notice, Some("\"r1\""));
        let plain = line.strip_suffix(b"\n").unwrap();
        let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte));
        for (framing, header) in [(Framing::Gf2, 2), (Framing::Gf3, 3), (Framing::Gf4, 4), (Framing::Gf7, 7)] {
            let packet = bytes(Encoding::Json(framing), &notice, Some("\"r1\""));
            let (head, data) = packet.split_at(header);
            assert_eq!(data, plain);
            let lengths = if framing == Framing::Gf7 { &head[..3] } else { head };
            assert_eq!(number(lengths), data.len() + if framing == Framing::Gf7 { 7 } else { 0 });
            if framing == Framing::Gf7 {
                assert_eq!(number(&head[3..]), data.iter().map(|byte| usize::from(*byte)).sum::<usize>());
            }
        }
        let small = bytes(Encoding::Json(Framing::Gf1), &notice, None);
        assert_eq!(usize::from(small[0]), small.len() - 1);
        assert_eq!(serde_json::from_slice::<Value>(&small[1..]).unwrap()["Act"], object["Act"]);
        let frame = bytes(Encoding::Frame, &notice, Some("\"r1\""));
        if frame.starts_with(&10_000_u32.to_le_bytes()) {
            assert!(matches!(notice, Notice::Refused(Refusal::UnknownRoute { .. }) | Notice::Goodbye(_)), "{notice:?}");
            continue;
        }
        assert_eq!(&frame[8..], plain);
        assert_eq!(frame[4..8], u32::try_from(plain.len()).unwrap().to_le_bytes());
        let route = u32::from_le_bytes(frame[..4].try_into().unwrap());
        let act = object["Act"].as_str().unwrap();
        let of_act = COMMANDS.iter().find(|spec| spec.name == act).map(|spec| spec.route);
        assert!((200..210).contains(&route) || Some(route) == of_act, "{act} on {route}");
    }
}

#[test]
fn events_carry_what_programs_need() {
    let told = |number: usize| {
        let first = all_notices().into_iter().find(|notice| kind(notice) == number).unwrap();
        object(&first, None).map(|object| object.to_string()).unwrap_or_default()
    };
    let wanted = |json: &str| serde_json::from_str::<Value>(json).unwrap().to_string();
    let ann = r#""From":"ann","Id":"2123807362945912833""#;
    let line = format!(r#""Data":"hi *** all",{ann},"Room":"lobby","Ts":{NOON},"Seq":57"#);
    for (number, json) in [
        (4, format!(r#"{{"Act":"chat",{line}}}"#)),
        (5, format!(r#"{{"Act":"action",{line}}}"#)),
        (1, format!(r#"{{"Act":"joined","Data":"ann",{ann},"Room":"dev"}}"#)),
        (2, format!(r#"{{"Act":"left","Data":"ann",{ann},"Room":"dev","Why":"quit"}}"#)),
        (6, format!(r#"{{"Act":"private","Data":"hi *** all",{ann}}}"#)),
        (8, format!(r#"{{"Act":"renamed","Data":"ann",{ann},"Room":"dev","Old":"bob"}}"#)),
        (24, r#"{"Act":"notice","Data":"137 lines were skipped, you read too slowly","Skipped":137}"#.into()),
        (27, format!(r#"{{"Act":"joined","Data":"ann",{ann},"Room":"dev","Old":"lobby"}}"#)),
        (28, format!(r#"{{"Act":"left","Data":"ann",{ann},"To":"lobby","Room":"dev","Why":"moved"}}"#)),
        (29, r#"{"Act":"notice","Data":"37 came, 12 left","Room":"lobby","Came":37,"Left":12}"#.into()),
        (30, format!(r#"{{"Act":"chat",{line},"Past":true}}"#)),
        (31, r#"{"Act":"history","Data":"0","Room":"lobby","Seq":57,"Lost":0,"Since":1795190108416}"#.into()),
        (32, r#"{"Act":"topic","Data":"tea & cake","Room":"dev"}"#.into()),
        (33, format!(r#"{{"Act":"topic","Data":"tea & cake",{ann},"Room":"dev"}}"#)),
        (
            34,
            r#"{"Act":"rooms","Data":"lobby, dev","Rooms":[{"Room":"lobby","People":3,"Topic":"tea & cake"},
                {"Room":"dev","People":1,"Topic":""}]}"#
                .into(),
        ),
        (43, r#"{"Act":"doexit","Data":""}"#.into()),
    ] {
        assert_eq!(told(number), wanted(&json), "kind {number}");
    }
    for silent in [0, 3, 9, 11, 13, 14, 16, 19, 21, 22, 41] {
        assert_eq!(told(silent), "", "kind {silent}: nothing for programs");
    }
}

/// What programs are told in answer to what they ask, key by key, and on which route of a frame.
#[test]
fn answers_carry_what_programs_need() {
    let (ann, dev) = (|| speaker(1, "ann"), || RoomName::parse("dev").unwrap());
    let from = r#""From":"ann","Id":"2123807362945912833""#;
    let lunch = || Away(Some(body("at lunch")));
    let one = |away| Presence { who: ann(), idle: Duration::from_secs(3), here: Duration::from_secs(270), away };
    let entry = r#""Name":"ann","Id":"2123807362945912833","Idle":3,"Here":270"#;
    let of = |act: &str| COMMANDS.iter().find(|spec| spec.name == act).unwrap().route;
    let version = env!("CARGO_PKG_VERSION");
    for (notice, route, wanted) in [
        (
            Notice::ToldTo { to: speaker(2, "bob"), body: body("hi") },
            of("msg"),
            r#"{"Act":"msg","Data":"hi","To":"bob"}"#.into(),
        ),
        (Notice::YouAre("ann".into()), of("nick"), r#"{"Act":"nick","Data":"ann"}"#.to_owned()),
        (
            Notice::InRoom { room: dev(), others: vec!["bob".into()], others_total: 1, since: 1_795_190_000_000 },
            of("join"),
            r#"{"Act":"join","Data":"dev","Room":"dev","Since":1795190000000}"#.into(),
        ),
        (
            Notice::Names {
                room: dev(),
                people: vec![one(None), Presence { who: speaker(2, "bob"), ..one(Some(lunch())) }],
            },
            of("who"),
            format!(
                r#"{{"Act":"who","Data":"ann, bob","Room":"dev","People":[{{{entry}}},
                    {{"Name":"bob","Id":"2123807362945912834","Idle":3,"Here":270,"Away":"at lunch"}}]}}"#
            ),
        ),
        (
            Notice::Whois { who: one(Some(Away(None))), room: Some(dev()), by: "json" },
            of("whois"),
            format!(
                r#"{{"Act":"whois","Data":"ann",{from},"Room":"dev","By":"json","People":[{{{entry},"Away":""}}]}}"#
            ),
        ),
        (
            Notice::Whois { who: one(None), room: None, by: "text" },
            of("whois"),
            format!(r#"{{"Act":"whois","Data":"ann",{from},"By":"text","People":[{{{entry}}}]}}"#),
        ),
        (Notice::YouAreAway(lunch()), of("away"), r#"{"Act":"away","Data":"at lunch"}"#.into()),
        (Notice::YouAreAway(Away(None)), of("away"), r#"{"Act":"away","Data":""}"#.into()),
        (Notice::WelcomeBack, of("back"), r#"{"Act":"back","Data":""}"#.into()),
        (
            Notice::IsAway { who: ann(), away: lunch() },
            207,
            format!(r#"{{"Act":"notice","Data":"at lunch",{from},"Code":"away"}}"#),
        ),
        (Notice::Ignoring { who: ann(), on: true }, of("ignore"), r#"{"Act":"ignore","Data":"ann"}"#.into()),
        (Notice::Ignoring { who: ann(), on: false }, of("unignore"), r#"{"Act":"unignore","Data":"ann"}"#.into()),
        (Notice::Quiet { on: true }, of("quiet"), r#"{"Act":"quiet","Data":"on"}"#.into()),
        (Notice::Quiet { on: false }, of("quiet"), r#"{"Act":"quiet","Data":"off"}"#.into()),
        (Notice::Echo { on: true }, of("echo"), r#"{"Act":"echo","Data":"on"}"#.into()),
        (Notice::Echo { on: false }, of("echo"), r#"{"Act":"echo","Data":"off"}"#.into()),
        (Notice::Pong, of("ping"), r#"{"Act":"ping","Data":"pong"}"#.into()),
        (Notice::Version, of("version"), format!(r#"{{"Act":"version","Data":"{version}"}}"#)),
        (
            Notice::Uptime { up: Duration::from_millis(7_300_900), people: 3 },
            of("uptime"),
            r#"{"Act":"uptime","Data":"7300"}"#.into(),
        ),
        (
            Notice::PastEnd { room: dev(), last_seq: 57, lost: 12, since: 1_795_190_108_416 },
            of("history"),
            r#"{"Act":"history","Data":"12","Room":"dev","Seq":57,"Lost":12,"Since":1795190108416}"#.into(),
        ),
        (
            Notice::Past { line: said("ann", "hi"), is_action: true },
            201,
            format!(r#"{{"Act":"action","Data":"hi",{from},"Room":"lobby","Ts":{NOON},"Seq":57,"Past":true}}"#),
        ),
        (
            Notice::SlowDown { rate: 5, waiting: 12 },
            207,
            r#"{"Act":"notice","Data":"Slow down: your lines are now sent at 5 a second, 12 wait","Code":"flood"}"#
                .into(),
        ),
        (Notice::Goodbye(CloseReason::Quit), of("quit"), r#"{"Act":"quit","Data":""}"#.into()),
        (Notice::Goodbye(CloseReason::Silent), 209, r#"{"Act":"doexit","Data":""}"#.into()),
        (Notice::Goodbye(CloseReason::ServerStopping), 209, r#"{"Act":"doexit","Data":""}"#.into()),
    ] {
        let wanted: Value = serde_json::from_str(&wanted).unwrap();
        assert_eq!(object(&notice, None).unwrap().to_string(), wanted.to_string(), "{notice:?}");
        let frame = bytes(Encoding::Frame, &notice, None);
        assert_eq!(frame[..4], route.to_le_bytes(), "the route of {notice:?}");
    }
    let broken = Notice::Goodbye(CloseReason::Malformed("a packet whose checksum is wrong"));
    let wanted = r#"{"Act":"error","Data":"a packet whose checksum is wrong","Code":"usage"}"#;
    assert_eq!(object(&broken, None), Some(serde_json::from_str(wanted).unwrap()));
    assert_eq!(bytes(Encoding::Frame, &broken, None)[..4], 10_000_u32.to_le_bytes(), "in tnet's own words");
}

/// The codes on which programs may rely.
#[test]
fn every_refusal_has_one_of_the_codes() {
    let codes = ["taken", "reserved", "badname", "nobody", "noroom", "toolong", "flood", "full", "usage", "unknown"];
    let mut seen = std::collections::BTreeSet::new();
    for refusal in all_refusals() {
        let object = object(&Notice::Refused(refusal.clone()), None).unwrap();
        assert_eq!((&object["Act"], &object["Data"]), (&"error".into(), &refusal.to_string().into()));
        seen.insert(object["Code"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, codes.map(str::to_owned).into());
}

/// What a framing cannot carry is cut at a character's boundary, with a mark; the stream goes on.
#[test]
fn what_a_framing_cannot_carry_is_cut() {
    let long = |text: String| Notice::Told { from: speaker(1, "ann"), body: body(&text) };
    for notice in [long("é".repeat(40_000)), long("\"\\".repeat(20_000)), long("x".repeat(65_500))] {
        for (framing, header, most) in [(Framing::Gf1, 1, 255), (Framing::Gf2, 2, 65_535), (Framing::Gf7, 7, 65_535)] {
            let packet = bytes(Encoding::Json(framing), &notice, Some("5"));
            assert!(packet.len() <= header + most, "{framing:?}: {}", packet.len());
            assert!(packet.len() > header + most - 40, "{framing:?}: {} of {most} are used", packet.len());
            let object: Value = serde_json::from_slice(&packet[header..]).unwrap();
            assert_eq!((&object["Cut"], &object["Ref"]), (&true.into(), &5.into()));
            assert!(object["Data"].as_str().unwrap().ends_with('…'));
        }
        assert!(object(&notice, None).unwrap().get("Cut").is_none(), "lines carry everything");
    }
}

/// The names by which doors are opened (`--listen SCHEME://…`), logged and told.
#[test]
fn every_wire_has_the_name_by_which_its_door_is_opened() {
    for (scheme, name, wire, first) in [
        ("text", "text", Wire::Text, Encoding::TextLf),
        ("relay", "relay", Wire::Relay, Encoding::Relay),
        ("frame", "frame", Wire::Frame, Encoding::Frame),
        ("json", "json", Wire::Json(None), Encoding::Json(Framing::Gf2)),
        ("json+gf1", "json", Wire::Json(Some(Framing::Gf1)), Encoding::Json(Framing::Gf1)),
        ("json+gf2", "json", Wire::Json(Some(Framing::Gf2)), Encoding::Json(Framing::Gf2)),
        ("json+gf3", "json", Wire::Json(Some(Framing::Gf3)), Encoding::Json(Framing::Gf3)),
        ("json+gf4", "json", Wire::Json(Some(Framing::Gf4)), Encoding::Json(Framing::Gf4)),
        ("json+gf7", "json", Wire::Json(Some(Framing::Gf7)), Encoding::Json(Framing::Gf7)),
        ("json+lines", "json", Wire::Json(Some(Framing::Lines)), Encoding::Json(Framing::Lines)),
    ] {
        assert_eq!(Wire::from_scheme(scheme), Some(wire), "{scheme}");
        assert_eq!((wire.name(), wire.to_string().as_str(), wire.first_encoding()), (name, name, first), "{scheme}");
    }
    for wrong in ["", "irc", "json+", "json+gf5", "text+gf2", "TEXT"] {
        assert_eq!(Wire::from_scheme(wrong), None, "{wrong}");
    }
}

/// A relay client would take its own line for somebody else's.
#[test]
fn ones_own_lines_come_back_but_on_the_relay_door() {
    for encoding in Encoding::ALL {
        assert_eq!(encoding.echoes(), encoding != Encoding::Relay, "{encoding:?}");
    }
}

/// Only a frame that has begun has to go on: a person may think in the middle of a line.
#[test]
fn only_frames_have_to_be_finished_in_time() {
    for wire in Wire::ALL {
        let mut decoder = wire.decoder(limits(4096));
        assert!(!decoder.is_midway(), "{wire} at its beginning");
        decoder.feed(if wire == Wire::Frame { b"\x01\0\0" } else { b"{\"A" });
        while decoder.next().unwrap().is_some() {}
        assert_eq!(decoder.is_midway(), wire == Wire::Frame, "{wire}");
        if wire == Wire::Frame {
            decoder.feed(b"\0\x02\0\0\0hi");
            while decoder.next().unwrap().is_some() {}
            assert!(!decoder.is_midway(), "the frame has come");
        }
    }
}

/// A browser gets a page, a TLS client an alert, anything else a line: each in its own protocol.
#[test]
fn callers_with_another_protocol_are_answered_in_it() {
    let answer = |foreign: Foreign| foreign.answer("127.0.0.1:8000", "The frame door is at 127.0.0.1:8003.");
    let page = "This is Parlor, a chat for nc and telnet; it does not speak HTTP.\nCome in by: nc 127.0.0.1 8000\n";
    let http = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    assert_eq!(String::from_utf8(answer(Foreign::Http)).unwrap(), http);
    assert_eq!(answer(Foreign::Tls), [21, 3, 1, 0, 2, 2, 70], "fatal alert: protocol_version");
    let binary = b"!!! This is the text door. The frame door is at 127.0.0.1:8003.\n";
    assert_eq!(answer(Foreign::Binary), binary);
    let names = [Foreign::Http, Foreign::Tls, Foreign::Binary].map(Foreign::name);
    assert_eq!(names, ["HTTP", "TLS", "binary data"]);
}

/// A handler's answer takes the form of its door; what cannot be said there is said otherwise.
#[test]
fn a_handlers_answer_fits_its_door() {
    let (act, route) = (Key::Act("hello".into()), Key::Route(7));
    let custom = |encoding: Encoding, key: &Key, data: &[u8]| {
        let mut out = Vec::new();
        encoding.encode_custom(key, data, Some("1"), &mut out);
        String::from_utf8(out).unwrap()
    };
    let lines = Encoding::Json(Framing::Lines);
    assert_eq!(custom(lines, &act, b"hi\n\xff"), "{\"Act\":\"hello\",\"Data\":\"hi␊\u{fffd}\",\"Ref\":1}\n");
    assert_eq!(custom(lines, &route, b"hi"), "{\"Act\":\"7\",\"Data\":\"hi\",\"Ref\":1}\n");
    assert_eq!(custom(Encoding::Frame, &route, b"hi\n\0"), "\x07\0\0\0\x04\0\0\0hi\n\0", "bytes as they are");
    assert_eq!(custom(Encoding::TextLf, &act, b"a\nb"), "*** a␊b\n");
    assert_eq!(custom(Encoding::TextCrlfTime, &route, b"a\rb"), "*** a b\r\n");
    assert_eq!(custom(Encoding::Relay, &act, b"a\nb"), "a␊b\r\n");
}

/// An act may be as long as a packet, and its answer says it again beside more keys.
#[test]
fn the_answer_to_a_long_act_is_a_packet_too() {
    for (framing, header, most) in [(Framing::Gf1, 1, 255), (Framing::Gf2, 2, 65_535), (Framing::Gf7, 7, 65_535)] {
        for length in most - 40..most - 9 {
            let mut packet = Vec::new();
            Encoding::Json(framing).encode_custom(&Key::Act("x".repeat(length).into()), b"hi", None, &mut packet);
            assert!(packet.len() <= header + most, "{framing:?}: {} for {length}", packet.len());
            let object: Value = serde_json::from_slice(&packet[header..]).unwrap();
            assert!(object["Act"].as_str().unwrap().starts_with("xxxxxxxx"), "{object}");
        }
    }
}
