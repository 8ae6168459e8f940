//! Lines that people read, to the letter.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::time::Duration;

use parlor::protocol::{COMMANDS, CloseReason, Line, Malformed, Nick, Notice, Presence, RoomName, StyleChange};
use parlor::wire::{Encoding, Style};

use crate::support::values::body;
use crate::wire::notices::{KINDS, all_notices, kind};
use crate::wire::{LINES, NOON, TEXT_LF, TEXT_LF_TIME, encoded, encodings, ends_a_line, said, speaker};

#[test]
fn notice_is_whole_lines_everywhere() {
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
            let goes_on = lf.contains(&format!("{line}\n{}    ", line.get(..4).unwrap_or_default()));
            assert_eq!(line.trim_end(), if goes_on { line.trim_end() } else { line }, "{notice:?}");
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
            Notice::HistoryLine { .. } | Notice::HistoryEnd { .. } => &["--- "],
            Notice::Told { .. } | Notice::ToldTo { .. } => &[">>> "],
            Notice::RenameOk => &["rename ok"],
            Notice::UserList(_) => &["user list:", "127.0.0.1:5001:ann", "127.0.0.1:5002:127.0.0.1:5002"],
            Notice::Refused(_) => &["!!! "],
            _ => &["*** "],
        };
        let text = encoded(TEXT_LF, &notice);
        for line in text.lines() {
            assert!(beginnings.iter().any(|beginning| line.starts_with(beginning)), "{notice:?}: {line}");
        }
    }
}

#[test]
fn spoken_text_stands_behind_a_name() {
    for said in
        ["*** x", "!!! y", ">>> z: w", "--- 12:04 mike: hm", "[127.0.0.1:1]bob: hi", "rename ok", "user list:", "* b"]
    {
        let line = || Line { body: body(said), ..self::said("ann", "hi") };
        assert_eq!(encoded(TEXT_LF, &Notice::Said(line())), format!("[127.0.0.1:5001]ann: {said}\n"));
        assert_eq!(encoded(Encoding::Relay, &Notice::Said(line())), format!("2123807362945912833:{said}\r\n"));
        assert_eq!(encoded(TEXT_LF, &Notice::Acted(line())), format!("* ann {said}\n"));
        let past = |is_action| encoded(TEXT_LF, &Notice::HistoryLine { line: line(), is_action });
        assert_eq!(
            [past(false), past(true)],
            [format!("--- 12:00 ann: {said}\n"), format!("--- 12:00 * ann {said}\n")]
        );
        let told = Notice::Told { from: speaker(1, "ann"), body: body(said) };
        assert_eq!(encoded(TEXT_LF, &told), format!(">>> ann: {said}\n"));
        let told_to = Notice::ToldTo { to: speaker(1, "ann"), body: body(said) };
        assert_eq!(encoded(TEXT_LF, &told_to), format!(">>> to ann: {said}\n"));
    }
}

/// To the byte what the old chat room wrote.
#[test]
fn old_chat_room_lines_are_unchanged() {
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
        assert_eq!(encoded(TEXT_LF, &notice), wanted);
        assert_eq!(encoded(Encoding::Relay, &notice), "", "a relay client would take it for somebody's line");
    }
}

#[test]
fn help_fits_a_terminal() {
    let help = encoded(TEXT_LF, &Notice::Help);
    assert!(help.lines().count() <= 12, "{help}");
    for spec in &COMMANDS {
        assert!(help.contains(&format!("/{}", spec.name)), "{} is missing:\n{help}", spec.name);
    }
    let each = COMMANDS.iter().map(|spec| encoded(TEXT_LF, &Notice::HelpFor(spec)));
    for line in each.chain([help]).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(line.chars().count() <= 78, "{} columns: {line}", line.chars().count());
    }
    for spec in &COMMANDS {
        let text = encoded(TEXT_LF, &Notice::HelpFor(spec));
        assert!(text.starts_with(&format!("*** {}", spec.usage())), "{text}");
        for words in spec.aliases.iter().chain([&spec.help]) {
            assert!(text.contains(words), "{words} is missing: {text}");
        }
    }
}

#[test]
fn greeting_tells_people_and_addresses() {
    let greeting = |number: usize| {
        let welcome: Vec<_> = all_notices().into_iter().filter(|notice| kind(notice) == 3).collect();
        encoded(TEXT_LF, &welcome[number])
    };
    let words = "*** who lists people, rename|NAME names you, /help tells more, /quit leaves\n";
    let quiet = "*** Say something or take a name within 30 s; /stay if you just listen\n";
    let first = "*** Welcome to Parlor. You are the first in #lobby.\n";
    let here = "*** Others on this machine come in with: nc 127.0.0.1 8000\n";
    assert_eq!(greeting(0), format!("{first}{here}{words}{quiet}"));
    assert_eq!(greeting(1), format!("{first}*** Others come in with: nc 2001:db8::7 8000\n{words}"));
    let same = "*** Quiet for 5 min means disconnected; /stay if you just listen\n";
    assert_eq!(greeting(2), format!("*** Welcome to Parlor. You are in #lobby with 1 other: mike0\n{words}{same}"));
    let many = "mike0, mike1, \n***     mike2, mike3, mike4, mike5, mike6, mike7, mike8, mike9 and 4085 more";
    assert_eq!(
        greeting(3),
        format!("*** Welcome to Parlor. You are in #lobby with 4095 others: {many}\n{words}{quiet}")
    );
}

/// Lines about the reader and the server, to the letter.
#[test]
fn answers_and_goodbyes_are_told_like_this() {
    let line = |notice: Notice| encoded(TEXT_LF, &notice);
    let list = |seconds: &[u64]| {
        let people = seconds.iter().map(|seconds| Presence {
            who: speaker(1, "ann"),
            idle: Duration::from_secs(*seconds),
            here: Duration::from_secs(2 * seconds),
            away: None,
            rooms: Vec::new(),
        });
        line(Notice::Names { room: RoomName::lobby(), people: people.collect() })
    };
    assert_eq!(list(&[]), "*** 0 here in #lobby:\n*** end of list\n");
    for (seconds, spans) in [
        (0, "idle 0 s, here 0 s"),
        (59, "idle 59 s, here 1 min"),
        (1800, "idle 30 min, here 1 h"),
        (86_399, "idle 23 h, here 1 d"),
        (86_400, "idle 1 d, here 2 d"),
    ] {
        assert_eq!(list(&[seconds]), format!("*** 1 here in #lobby:\n***   ann  {spans}\n*** end of list\n"));
    }
    for (notice, wanted) in [
        (Notice::YouAre(speaker(1, "ann")), "*** You are now ann\n"),
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
            "*** Quiet for 20 s: disconnected in 10 s. Enter keeps you here, /stay for good\n",
        ),
        (Notice::SlowDown { rate: 5, waiting: 12 }, "*** Slow down: your lines are now sent at 5 a second, 12 wait\n"),
        (Notice::Goodbye(CloseReason::Quit), "*** Goodbye\n"),
        (Notice::Goodbye(CloseReason::Idle { seconds: 30 }), "*** Disconnected: quiet for 30 s\n"),
        (
            Notice::Goodbye(CloseReason::Malformed(Malformed::RelayLineTooLong)),
            "*** Disconnected: a line longer than 65535 bytes\n",
        ),
        (Notice::Goodbye(CloseReason::ServerStopping), "*** The server is stopping. Goodbye\n"),
        (Notice::Goodbye(CloseReason::PeerClosed), ""),
    ] {
        assert_eq!(line(notice), wanted);
    }
}

/// Lines about rooms, history and filters, to the letter: one line where one is meant.
#[test]
fn room_and_history_lines_read_so() {
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
        (40, "*** Joins and leaves are hidden from you\n*** You see joins and leaves again\n"),
        (
            41,
            "*** The time (UTC) stands before what is said\n*** The address stands before each name\n\
             *** Lines have no time before them\n*** Lines begin with the name, without an address\n\
             *** Lines are read and written in UTF-8\n",
        ),
        (43, ""),
    ] {
        let of_this_kind = all_notices().into_iter().filter(|notice| kind(notice) == kind_number);
        let text: String = of_this_kind.map(|notice| encoded(TEXT_LF, &notice)).collect();
        assert_eq!(text, wanted, "kind {kind_number}");
    }
    let rooms: Vec<_> = all_notices().iter().filter(|one| kind(one) == 42).map(|one| encoded(TEXT_LF, one)).collect();
    assert_eq!(rooms[..2], ["*** You are in #dev alone\n", "*** You are in #dev with 1 other: mike0\n"]);
    assert!(rooms[2].starts_with("*** You are in #dev with 300 others: mike0, mike1, "), "{}", rooms[2]);
    assert!(rooms[2].ends_with("\n***     mike5, mike6, mike7, mike8, mike9 and 290 more\n"), "{}", rooms[2]);
}

#[test]
fn time_before_line_is_utc() {
    for (minutes, shown) in [(0, "12:00"), (4, "12:04"), (719, "23:59"), (720, "00:00"), (1440, "12:00")] {
        let line = Line { at: NOON + minutes * 60_000 + 59_999, ..said("ann", "hi") };
        assert_eq!(encoded(TEXT_LF_TIME, &Notice::Acted(line.clone())), format!("{shown} * ann hi\n"));
        assert_eq!(encoded(TEXT_LF, &Notice::HistoryLine { line, is_action: false }), format!("--- {shown} ann: hi\n"));
    }
    for encoding in encodings() {
        let with_time = encoding.with(StyleChange::Time(true));
        match (encoding, with_time) {
            (Encoding::Text(style), Encoding::Text(changed)) => assert_eq!(changed, Style { time: true, ..style }),
            _ => assert_eq!(with_time, encoding, "a format for programs has no style"),
        }
        assert_eq!(with_time.with(StyleChange::Time(false)), encoding.with(StyleChange::Time(false)));
        assert_eq!(encoding.with_classic(true).with(StyleChange::Time(true)), with_time.with_classic(true));
    }
}

#[test]
fn lines_without_address_begin_with_name() {
    let plain = Style { address: false, ..Style::PLAIN };
    let styles = [plain, Style { time: true, ..plain }, Style { classic: true, ..plain }];
    for (notice, style) in all_notices().iter().flat_map(|notice| styles.map(|style| (notice, style))) {
        let with = encoded(Encoding::Text(Style { address: true, ..style }), notice);
        let without = encoded(Encoding::Text(style), notice);
        let who = match notice {
            Notice::Said(line) => Some(&line.from),
            Notice::IAmHere(who) | Notice::Login { who, .. } | Notice::Left { who, .. } => Some(who),
            Notice::Came { who, .. } | Notice::Went { who, .. } if style.classic => Some(who),
            _ => None,
        };
        let Some(who) = who else {
            assert_eq!(without, with, "no other line has an address before it");
            continue;
        };
        assert_eq!(with.replacen(&format!("[{}]", who.address), "", 1), without);
        let time = if style.time && matches!(notice, Notice::Said(_)) { "12:00 " } else { "" };
        assert!(without.starts_with(&format!("{time}{}: ", who.name)), "{without}");
    }
    for name in ["[x", "*x", ">x", "-x", "!x", "* x", "user list", "rename ok", "a:b"] {
        Nick::parse(name).unwrap_err();
    }
}
