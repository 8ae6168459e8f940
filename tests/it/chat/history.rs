//! History: the numbers of lines, how much is kept, and how much of it is shown.
//!
//! Built on the `Room` of `mod.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::chat::{Effect, HubSettings};
use parlor::protocol::{CloseReason, Command, Line, Notice, Refusal, SessionId};

use super::{ANN, BOB, CAT, Room, SETTINGS, refusal, room_name, say, seconds, session, shown};
use crate::support::values::body;

/// The numbers of the lines that effects tell of, live or past.
fn seqs(effects: &[Effect]) -> Vec<u64> {
    let seq = |effect: &Effect| match effect {
        Effect::Tell(_, Notice::HistoryLine { line, .. })
        | Effect::Room { notice: Notice::Said(line) | Notice::Acted(line), .. } => Some(line.seq),
        _ => None,
    };
    effects.iter().filter_map(seq).collect()
}

/// Where the lines of the past end: the last number, and how many are lost.
#[track_caller]
fn end(effects: &[Effect]) -> (u64, u64) {
    match effects.last() {
        Some(Effect::Tell(_, Notice::HistoryEnd { last_seq, lost, .. })) => (*last_seq, *lost),
        other => panic!("{other:?}"),
    }
}

/// A room in which `count` lines, `line 1` and so on, have been said by the first one.
fn after_lines(settings: HubSettings, count: u64) -> Room {
    let mut room = Room::of_with(settings, &["ann", "bob", "cat"]);
    for number in 1..=count {
        assert_eq!(seqs(&room.does(ANN, say(&format!("line {number}")))), [number]);
    }
    room
}

fn after(room: &mut Room, id: SessionId, name: Option<&str>, seq: u64) -> Vec<Effect> {
    room.does(id, Command::HistoryAfter(name.map(room_name), seq))
}

#[test]
fn history_shows_20_lines_unless_told() {
    let mut room = after_lines(SETTINGS, 30);
    let effects = room.types(BOB, "/history");
    assert_eq!(seqs(&effects), (11..=30).collect::<Vec<_>>());
    assert_eq!(end(&effects), (30, 0));
    assert_eq!(
        shown(&room.types(BOB, "/last 2")),
        ["to 1: history: ann: line 29", "to 1: history: ann: line 30", "to 1: end of history at 30, 0 lost"]
    );
    for (line, count) in [("/history 1", 1), ("/history 30", 30), ("/history 31", 30), ("/history 999999999999", 30)] {
        assert_eq!(seqs(&room.types(BOB, line)).len(), count, "{line}");
    }
    for line in ["/history 0", "/history -1", "/history x"] {
        let effects = room.types(BOB, line);
        assert_eq!(refusal(&effects, BOB), &Refusal::Usage { usage: "/history [N]".into() }, "{line}");
    }
    assert_eq!(shown(&Room::of(&["ann"]).types(ANN, "/history")), ["to 0: end of history at 0, 0 lost"]);
}

#[test]
fn history_keeps_speaker_text_and_time() {
    let mut room = Room::of(&["ann", "bob"]);
    room.now = seconds(60);
    let effects = room.does(ANN, say("\u{1b}[2J hi"));
    let [Effect::Room { notice: Notice::Said(said), .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((said.body.as_str(), said.at), ("␛[2J hi", 1_795_176_060_000), "cleaned, as it was live");
    room.rename(ANN, "zoe");
    let effects = room.types(BOB, "/history");
    assert_eq!(
        effects[0],
        Effect::Tell(BOB, Notice::HistoryLine { line: said.clone(), is_action: false }),
        "the name of then"
    );
}

#[test]
fn only_lines_and_actions_are_kept() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.does(ANN, say("hi"));
    room.does(ANN, Command::Me(body("waves")));
    room.types(ANN, "/topic tea");
    room.msg(ANN, "bob", "psst");
    room.rename(BOB, "rob");
    room.types(ANN, "/away");
    room.types(ANN, "/msg nobody hm");
    room.join(BOB, "dev");
    room.leave(CAT, CloseReason::PeerClosed);
    room.does(ANN, say("ho"));
    let shown = shown(&room.types(ANN, "/history"));
    assert_eq!(
        shown,
        [
            "to 0: history: ann: hi",
            "to 0: history: * ann waves",
            "to 0: history: ann: ho",
            "to 0: end of history at 3, 0 lost"
        ]
    );
}

#[test]
fn numbers_rise_by_one_in_each_room() {
    let mut room = after_lines(SETTINGS, 3);
    room.join(BOB, "dev");
    room.types(BOB, "/topic tea");
    assert_eq!(seqs(&room.does(BOB, say("hi"))), [1]);
    refusal(&room.types(BOB, "/join #"), BOB);
    room.msg(BOB, "ann", "psst");
    assert_eq!(seqs(&room.does(BOB, Command::Me(body("waves")))), [2]);
    assert_eq!(seqs(&room.does(ANN, say("hi"))), [4]);
    let effects = room.effects(|hub, now, out| hub.command(ANN, say("marked"), true, now, out));
    assert_eq!(seqs(&effects), [5], "one line, told twice");
    assert_eq!(seqs(&room.does(ANN, Command::Quit(Some(body("bye"))))), [6]);
}

/// A program that was away has every line once.
#[test]
fn history_after_number_misses_nothing() {
    let mut room = after_lines(SETTINGS, 3);
    room.join(BOB, "dev");
    for number in 4..=9 {
        room.does(ANN, say(&format!("line {number}")));
    }
    let back = room.does(BOB, Command::Leave);
    assert_eq!(seqs(&back), (1..=9).collect::<Vec<_>>(), "the ten last are shown to whoever comes in");
    let effects = after(&mut room, BOB, None, 3);
    assert_eq!((seqs(&effects), end(&effects)), ((4..=9).collect(), (9, 0)));
    assert_eq!(seqs(&room.does(ANN, say("line 10"))), [10], "and then it goes on live");
    for (seq, wanted) in [(9, vec![10]), (10, vec![]), (11, vec![]), (u64::MAX, vec![])] {
        let effects = after(&mut room, BOB, Some("lobby"), seq);
        assert_eq!((seqs(&effects), end(&effects)), (wanted, (10, 0)), "after {seq}: the future is empty, not lost");
    }
}

#[test]
fn lines_no_longer_kept_count_as_lost() {
    let mut room = after_lines(HubSettings { history: 5, ..SETTINGS }, 12);
    for (seq, first, lost) in [(0, 8, 7), (1, 8, 6), (6, 8, 1), (7, 8, 0), (8, 9, 0)] {
        let effects = after(&mut room, BOB, None, seq);
        assert_eq!((seqs(&effects), end(&effects)), ((first..=12).collect(), (12, lost)), "after {seq}");
    }
    assert_eq!(seqs(&room.types(BOB, "/history 100")), [8, 9, 10, 11, 12]);
}

#[test]
fn history_of_other_room_by_name() {
    let mut room = after_lines(SETTINGS, 2);
    room.join(BOB, "dev");
    room.does(BOB, say("hi"));
    let effects = after(&mut room, ANN, Some("dev"), 0);
    assert_eq!((seqs(&effects), end(&effects)), (vec![1], (1, 0)));
    let effects = after(&mut room, ANN, Some("ops"), 0);
    assert_eq!(refusal(&effects, ANN), &Refusal::NoRoom { room: room_name("ops") });
    let (_, _) = room.arrive(session(7), "json");
    assert_eq!(seqs(&after(&mut room, session(7), None, 0)), [1, 2], "the lobby's, for who is nowhere");
}

#[test]
fn arrival_is_shown_last_lines() {
    let mut room = after_lines(SETTINGS, 15);
    let effects = room.enter(session(3));
    assert_eq!(seqs(&effects), (6..=15).collect::<Vec<_>>());
    // Behind the two first lines, which are the older chat room's, before the welcome.
    assert!(matches!(&effects[2], Effect::Tell(_, Notice::HistoryLine { line: Line { seq: 6, .. }, .. })));
    assert!(matches!(&effects[12], Effect::Tell(_, Notice::Welcome { .. })));
    room.join(BOB, "dev");
    assert_eq!(seqs(&room.does(BOB, Command::Leave)), (6..=15).collect::<Vec<_>>());
    let mut silent = after_lines(HubSettings { history_shown: 0, ..SETTINGS }, 3);
    assert_eq!(seqs(&silent.enter(session(3))), [0; 0]);
    assert_eq!(seqs(&silent.types(BOB, "/history")), [1, 2, 3]);
}

/// A line that a filter hid is not in the history either.
#[test]
fn history_hides_lines_of_ignored() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    for number in 0..6 {
        let id = if number % 2 == 0 { ANN } else { BOB };
        assert_eq!(seqs(&room.does(id, say("hm"))), [number + 1]);
    }
    room.types(CAT, "/ignore bob");
    room.rename(BOB, "rob");
    room.does(BOB, Command::Me(body("waves")));
    assert_eq!(seqs(&room.types(CAT, "/history")), [1, 3, 5]);
    assert_eq!(seqs(&room.types(CAT, "/history 2")), [3, 5], "two lines, though others are between");
    let effects = after(&mut room, CAT, None, 2);
    assert_eq!((seqs(&effects), end(&effects)), (vec![3, 5], (7, 0)), "not lost, only not shown");
    room.join(CAT, "dev");
    assert_eq!(seqs(&room.does(CAT, Command::Leave)), [1, 3, 5]);
    room.leave(BOB, CloseReason::PeerClosed);
    assert_eq!(seqs(&room.types(CAT, "/history")), [1, 3, 5], "nor when that one has gone");
    assert_eq!(seqs(&room.types(ANN, "/history")), [1, 2, 3, 4, 5, 6, 7], "others see it");
}

/// Places in the list of the ignored are given back, but not what those said.
#[test]
fn person_who_left_stays_ignored() {
    let mut room = Room::of(&["ann", "bob", "cat"]);
    room.does(BOB, say("buy this"));
    room.types(ANN, "/ignore bob");
    room.leave(BOB, CloseReason::PeerClosed);
    room.types(ANN, "/ignore cat");
    assert_eq!(seqs(&room.types(ANN, "/history")), [0; 0]);
}

/// tnet's client takes any frame as its answer.
#[test]
fn frame_client_gets_no_history_unasked() {
    let mut room = after_lines(SETTINGS, 3);
    room.arrive(session(7), "frame");
    assert_eq!(seqs(&room.join(session(7), "lobby")), [0; 0]);
    assert_eq!(seqs(&room.types(session(7), "/history")), [1, 2, 3]);
    room.arrive(session(8), "json");
    assert_eq!(seqs(&room.join(session(8), "lobby")), [1, 2, 3], "a json client does");
}

#[test]
fn history_off_still_counts_lines() {
    let mut room = after_lines(HubSettings { history: 0, ..SETTINGS }, 5);
    assert_eq!(shown(&room.types(BOB, "/history")), ["to 1: end of history at 5, 0 lost"]);
    assert_eq!(seqs(&room.enter(session(3))), [0; 0]);
    let effects = after(&mut room, BOB, None, 2);
    assert_eq!((seqs(&effects), end(&effects)), (vec![], (5, 3)));
}

/// Long lines push out more of the past than short ones: 256 rooms stay below 64 MiB.
#[test]
fn history_is_bounded_in_bytes() {
    let mut room = Room::of(&["ann"]);
    for _ in 0..200 {
        room.does(ANN, say(&"x".repeat(4096)));
    }
    let bytes = 4096 * seqs(&room.types(ANN, "/history 200")).len();
    assert!((100 * 1024..=192 * 1024).contains(&bytes), "{bytes}");
}
