//! Names: which are refused, and when they are free again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::BTreeSet;

use parlor::chat::Effect;
use parlor::protocol::{CloseReason, Command, Nick, Notice, Refusal};

use super::{ANN, BOB, CAT, Room, address, refusal, say, shown};
use crate::support::values::nick;

#[test]
fn rename_is_answered_and_announced() {
    let mut room = Room::empty();
    room.enter(ANN);
    assert_eq!(shown(&room.rename(ANN, "ann")), ["to 0: RenameOk", "to all but 0: 127.0.0.1:5000 is now ann"]);
    let effects = room.does(ANN, Command::Nick(nick("zoe")));
    assert_eq!(shown(&effects), ["to 0: you are zoe", "to all but 0: ann is now zoe"]);
    assert_eq!(shown(&room.does(ANN, say("hi"))), ["to all: zoe: hi"]);
    // One's own name again, or in other letters.
    assert_eq!(shown(&room.rename(ANN, "zoe")), ["to 0: RenameOk"], "nothing to tell");
    assert_eq!(shown(&room.rename(ANN, "Zoe")), ["to 0: RenameOk", "to all but 0: zoe is now Zoe"]);
}

#[test]
fn line_keeps_name_of_its_time() {
    let mut room = Room::of(&["ann"]);
    let before = room.does(ANN, say("hi"));
    room.rename(ANN, "zoe");
    assert_eq!(shown(&before), ["to all: ann: hi"]);
}

#[test]
fn taken_name_comes_with_three_suggestions() {
    let mut room = Room::of(&["mike", "ann", "mike2", "Mike7"]);
    for (name, offered) in [("mike", ["mike_", "mike3", "mike4"]), ("MIKE", ["MIKE_", "MIKE3", "MIKE4"])] {
        let effects = room.rename(BOB, name);
        let Refusal::Taken { name: refused, free } = refusal(&effects, BOB) else { panic!("{effects:?}") };
        assert_eq!((refused.as_str(), free.as_slice()), (name, offered.map(str::to_owned).as_slice()));
    }
}

#[test]
fn names_that_are_offered_are_free() {
    let long = "a".repeat(24);
    for name in ["mike", "家家家家家家家家家家家家家家家家家家家家家", &long, "x_"] {
        let mut room = Room::of(&[name, "ann", "cat"]);
        for _ in 0..4 {
            let effects = room.rename(BOB, name);
            let Refusal::Taken { free, .. } = refusal(&effects, BOB).clone() else { panic!("{effects:?}") };
            assert_eq!(free.iter().collect::<BTreeSet<_>>().len(), 3, "{free:?}");
            for offered in &free {
                assert_eq!(room.rename(BOB, offered)[0], Effect::Tell(BOB, Notice::RenameOk), "{offered}");
            }
            room.rename(BOB, "ann");
            room.rename(CAT, &free[0]); // next time it is taken
        }
    }
}

#[test]
fn refused_rename_changes_nothing() {
    let mut room = Room::of(&["mike", "ann"]);
    refusal(&room.rename(BOB, "mike"), BOB);
    refusal(&room.rename(BOB, "mіke"), BOB);
    assert_eq!(room.names(ANN), ["mike", "ann"]);
    assert_eq!(shown(&room.msg(ANN, "ann", "psst"))[1], "to 1: told by mike: psst");
}

#[test]
fn look_alike_of_name_is_refused() {
    for (present, name) in [("mike", "МІКЕ"), ("Iris", "lris"), ("bob", "b0b"), ("modem", "modern"), ("caxap", "сахар")]
    {
        for (present, name) in [(present, name), (name, present)] {
            let mut room = Room::of(&[present, "ann"]);
            let effects = room.rename(BOB, name);
            let wanted = Refusal::LooksLike { name: name.into(), present: present.into() };
            assert_eq!(refusal(&effects, BOB), &wanted);
            // The one who has it may write it otherwise.
            assert_eq!(room.rename(ANN, name)[0], Effect::Tell(ANN, Notice::RenameOk), "{name}");
        }
    }
}

/// Of two reasons the more useful one is told.
#[test]
fn mixed_scripts_refusal_names_the_look_alike() {
    let mut room = Room::of(&["mike", "ann"]);
    let wanted = Refusal::LooksLike { name: "mіke".into(), present: "mike".into() };
    assert_eq!(refusal(&room.rename(BOB, "mіke"), BOB), &wanted);
    let wanted = Refusal::MixedScripts { name: "zоe".into() };
    assert_eq!(refusal(&room.rename(BOB, "zоe"), BOB), &wanted);
}

/// Reserved names and addresses never become a `Nick`, so the hub cannot be asked for them.
#[test]
fn reserved_words_and_addresses_are_refused() {
    let mut room = Room::of(&["ann"]);
    room.enter(BOB);
    for name in ["server", "Admin", "guest7"] {
        assert!(matches!(Nick::parse(name), Err(Refusal::Reserved { .. })), "{name}");
    }
    for name in [address(BOB), "127.0.0.1".to_owned(), "1000000000000000002".to_owned()] {
        assert!(Nick::parse(&name).is_err(), "{name}");
    }
    assert_eq!(room.names(ANN), ["ann", "127.0.0.1:5001"]);
}

#[test]
fn name_is_free_once_owner_leaves() {
    let mut room = Room::of(&["mike", "ann"]);
    let ok = |effects: Vec<Effect>| assert_eq!(effects[0], Effect::Tell(BOB, Notice::RenameOk));
    refusal(&room.rename(BOB, "MIKE"), BOB);
    room.rename(ANN, "zoe");
    ok(room.rename(BOB, "MIKE"));
    refusal(&room.rename(ANN, "mike"), ANN);
    ok(room.rename(BOB, "ann")); // and its look has become free, too
    room.rename(ANN, "МІКЕ");
    for reason in [CloseReason::Quit, CloseReason::WriteFailed] {
        refusal(&room.rename(BOB, "mike"), BOB);
        room.leave(ANN, reason);
        ok(room.rename(BOB, "mike"));
        ok(room.rename(BOB, "ann"));
        room.enter(ANN);
        room.rename(ANN, "mike");
    }
}

/// The old owner's leaving must not free the name of its new owner.
#[test]
fn name_handed_on_stays_with_new_owner() {
    let mut room = Room::of(&["mike", "ann", "cat"]);
    room.rename(ANN, "zoe");
    room.rename(BOB, "mike");
    room.leave(ANN, CloseReason::PeerClosed);
    assert!(matches!(refusal(&room.rename(CAT, "Mike"), CAT), Refusal::Taken { .. }));
    assert_eq!(shown(&room.msg(CAT, "mike", "psst"))[1], "to 1: told by cat: psst");
    assert_eq!(shown(&room.msg(CAT, &address(BOB), "psst"))[1], "to 1: told by cat: psst", "by address still");
}

mod exhaustive {
    use super::*;

    #[test]
    fn ten_thousand_renames_leave_nothing_behind() {
        let mut room = Room::of(&["ann", "bob"]);
        for number in 0..2_500 {
            for name in ["zoe", "Zoe", "z0e", &format!("zoe{number}")] {
                assert_eq!(room.rename(ANN, name)[0], Effect::Tell(ANN, Notice::RenameOk));
            }
        }
        room.rename(ANN, "ann");
        for name in ["zoe", "zoe7", "z0e", "zoe2499"] {
            assert_eq!(room.rename(BOB, name)[0], Effect::Tell(BOB, Notice::RenameOk), "{name}");
        }
    }
}
