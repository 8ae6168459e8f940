//! Random input: random bytes, unruly text, and lines that try to look like other people's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::sync::Arc;
use std::time::Duration;

use parlor::chat::{Arrival, Effect, Entry, Hub, HubSettings, Now, RoomIndex};
use parlor::protocol::{Away, Body, Command, IdleLimits, Line, Nick, Notice, RoomName, SessionId, Speaker};
use parlor::wire::{Encoding, Inbound, Wire};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{LIMIT, LINES, NOON, TELNET, TEXT, TEXT_LF, decode, encoded, ends_a_line, eol, object, speaker};

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
        "/quit",
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
            // Before the first LF, a bare CR at the end of a read ends a line: reads matter there alone.
            let before = if wire == Wire::Text { b"\n".as_slice() } else { b"" };
            let input = [before, &input].concat();
            let (first, mut rest) = input.split_at(before.len());
            let mut chunks: Vec<&[u8]> = Vec::new();
            for size in sizes.iter().cycle() {
                let (chunk, after) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            let chunks = [first].into_iter().filter(|first| !first.is_empty()).chain(chunks);
            prop_assert_eq!(decode(wire, LIMIT, chunks), decode(wire, LIMIT, [input.as_slice()]));
        }
    }

    #[test]
    fn random_bytes_decode_without_panic(input in vec(any::<u8>(), 0..2000)) {
        for wire in Wire::ALL {
            let whole = decode(wire, LIMIT, [input.as_slice()]);
            let has_bare_cr = wire == Wire::Text && input.split(|byte| *byte == b'\n').next().is_some_and(|line| line.contains(&b'\r'));
            prop_assert!(has_bare_cr || decode(wire, LIMIT, input.chunks(1)) == whole);
        }
    }

    #[test]
    fn body_is_one_line_everywhere(text in unruly_text()) {
        let Some(body) = Body::new(&text) else { return Ok(()) };
        let (from, to) = (speaker(1, "ann"), speaker(2, "bob"));
        let said = Line { room: RoomName::lobby(), from: Arc::clone(&from), body: body.clone(), at: NOON, seq: 7 };
        for notice in [
            Notice::Said(said.clone()),
            Notice::Acted(said.clone()),
            Notice::Told { from, body: body.clone() },
            Notice::ToldTo { to: Arc::clone(&to), body: body.clone() },
            Notice::HistoryLine { line: said.clone(), is_action: false },
            Notice::HistoryLine { line: said, is_action: true },
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
                // A line of the server that is wrapped goes on behind the same mark and four blanks.
                let text = text.replace(&format!("{}***     ", eol(encoding)), "");
                let without_blanks = |text: &str| text.replace(' ', "");
                prop_assert!(without_blanks(&text).ends_with(&without_blanks(body.as_str())), "{:?}", text);
                prop_assert!(!text.chars().any(|c| ends_a_line(c) || (c.is_control() && c != '\t')), "{:?}", text);
            }
        }
    }

    /// One session types anything, another listens. The beginning of each line that the listener sees shows its
    /// kind and its speaker.
    #[test]
    fn typed_line_never_forges_another_kind(lines in vec(forgery(), 1..8)) {
        let join_grace = Duration::from_secs(10);
        let settings = HubSettings { idle: IdleLimits::same(Duration::from_secs(30)), join_grace, max_rooms: 8, history: 50, history_shown: 10, classic: false };
        let mut hub = Hub::new(settings, Now { up: Duration::ZERO, unix_ms: 0 });
        let now = Now { up: Duration::ZERO, unix_ms: NOON };
        let mut effects = Vec::new();
        for (id, name) in [(TYPIST, "10.0.0.1:5000"), (LISTENER, "10.0.0.2:5000")] {
            let speaker = Arc::new(Speaker { id, address: name.into(), name: name.into(), visitor: None });
            let (door, entry) = ("0.0.0.0:8000".into(), Entry::Lobby);
            hub.enter(Arrival { speaker, door, by: "text", echo: true, unsolicited: true, entry }, now, &mut effects);
        }
        effects.clear();
        let (typed, _) = decode(Wire::Text, 4096, lines.iter().map(Vec::as_slice));
        for inbound in typed {
            if let Inbound::Command(command) = inbound {
                hub.command(TYPIST, command, false, now, &mut effects);
            }
        }
        hub.command(LISTENER, Command::History(100), false, now, &mut effects);
        for notice in effects.iter().filter_map(told_to_the_listener) {
            // A line of the server that is wrapped goes on behind the same mark and four blanks.
            let text = encoded(TEXT_LF, notice).replace("\n***     ", "");
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

const TYPIST: SessionId = SessionId(7);
const LISTENER: SessionId = SessionId(8);

fn told_to_the_listener(effect: &Effect) -> Option<&Notice> {
    match effect {
        Effect::Tell(LISTENER, notice) => Some(notice),
        Effect::Room { room: RoomIndex::LOBBY, notice, except } if *except != Some(LISTENER) => Some(notice),
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
    let begins = |line: &str| ["7:", "* 7 ", ">>> 7: "].iter().any(|mark| line.starts_with(mark));
    line.strip_suffix("\r\n").is_some_and(|line| begins(line) && !line.chars().any(ends_a_line))
}

#[test]
fn forged_line_is_recognized() {
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
