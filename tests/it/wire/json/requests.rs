//! Requests read from one object, by the JSON door and by the frames of the chat: its `Ref` whatever is
//! wrong with it, texts of several lines, visits. Pure: no socket, only `parlor::wire`.

use parlor::protocol::{Command, Nick, Refusal, RoomName, VisitTo};
use parlor::wire::{Framing, Inbound, Wire};
use proptest::prelude::*;
use serde_json::json;

use crate::support::packets::{frame, packet, say_object};
use crate::support::recorded::REF_IS_A_FRACTION;
use crate::support::values::say;
use crate::wire::packets::{decode, in_all_ways, route_of};

/// An object at every door that takes one: as a packet, as a line, as a frame of its act.
fn at_every_door(act: &str, object: &str) -> Vec<Inbound> {
    let packets = [Framing::Gf1, Framing::Gf2, Framing::Gf7]
        .map(|framing| (Wire::Json(Some(framing)), packet(framing, object.as_bytes())));
    let others = [
        (Wire::Json(Some(Framing::Lines)), format!("{object}\n").into_bytes()),
        (Wire::Frame, frame(route_of(act), object.as_bytes())),
    ];
    let mut all = packets
        .into_iter()
        .chain(others)
        .filter(|(wire, _)| object.len() < 256 || *wire != Wire::Json(Some(Framing::Gf1)));
    let read = |(wire, stream): (Wire, Vec<u8>)| {
        let (items, ended) = in_all_ways(wire, &stream);
        assert_eq!(ended, Ok(()), "{object} by {wire}");
        items
            .into_iter()
            .map(|item| match item {
                // The words name the door.
                Inbound::Refused(Refusal::BadPacket { why }) => {
                    let why = why.split_once(": ").map_or(why.clone(), |(_, why)| why.to_owned());
                    Inbound::Refused(Refusal::BadPacket { why })
                }
                other => other,
            })
            .collect::<Vec<_>>()
    };
    let first = read(all.next().expect("a door"));
    for door in all {
        assert_eq!(read(door), first, "{object}");
    }
    first
}

/// `{"Ref":7,"Act":"say","Data":5}` was answered without its mark, so its program waited for ever.
#[test]
fn wrong_object_is_refused_with_its_ref() {
    for (wrong, why) in [
        ("\"Data\":5", "Data must be a string, not 5"),
        ("\"Data\":true", "Data must be a string, not true"),
        ("\"Data\":{\"a\":[1]}", "Data must be a string, not {\"a\":[1]}"),
        ("\"Data\":[]", "Data must be a string, not []"),
        ("\"Data\":1e999", "Data must be a string, not 1e999"),
        ("\"Room\":7", "Room must be a string, not 7"),
        ("\"To\":[\"ann\"]", "To must be a string, not [\"ann\"]"),
        ("\"After\":\"7\"", "After must be a whole number, not \"7\""),
        ("\"After\":-1", "After must be a whole number, not -1"),
        ("\"After\":1.5", "After must be a whole number, not 1.5"),
        ("\"Visit\":1", "Visit must be true or false, not 1"),
        ("\"Data\":\"a\",\"DATA\":\"b\"", "Data is given twice"),
        ("\"Visit\":true,\"Name\":{}", "Name must be a string, not {}"),
    ] {
        for object in [
            format!("{{\"Ref\":7,\"Act\":\"say\",{wrong}}}"),
            format!("{{{wrong},\"Act\":\"say\",\"rEF\":7}}"),
            format!("{{\"Act\":\"say\",{wrong},\"x\":[{{\"Ref\":8}}],\"Ref\":7}}"),
        ] {
            let wanted = [Inbound::Tag("7".into()), Inbound::Refused(Refusal::BadPacket { why: why.into() })];
            assert_eq!(at_every_door("say", &object), wanted, "{object}");
        }
    }
    // Its other keys may be wrong too: a room that is none, a name that is none.
    for (object, code) in [
        (r#"{"Act":"say","Room":"a b","Data":"hi","Ref":7}"#, "badname"),
        (r#"{"Act":"say","Data":" ","Ref":7}"#, "usage"),
        (r#"{"Act":"say","Ref":7}"#, "usage"),
        (r#"{"Act":"say","Visit":true,"Name":"a b","Data":"hi","Ref":7}"#, "badname"),
        (r#"{"Act":"say","Visit":true,"Name":"server","Data":"hi","Ref":7}"#, "reserved"),
    ] {
        let items = at_every_door("say", object);
        let [Inbound::Tag(tag), Inbound::Refused(refusal)] = items.as_slice() else { unreachable!("{items:?}") };
        assert_eq!((&**tag, refusal.code().name()), ("7", code), "{object}");
    }
}

/// An object that breaks off, or goes on behind its end, has told its mark before.
#[test]
fn malformed_object_is_refused_with_its_ref() {
    for object in ["{\"Ref\":7,\"Act\":\"say\",\"Data\":\"hi\"", "{\"Ref\":7,\"Act\":\"say\",\"Data\":tru}"] {
        let items = decode(Wire::Json(Some(Framing::Gf2)), [packet(Framing::Gf2, object.as_bytes()).as_slice()]).0;
        assert!(matches!(items.as_slice(), [Inbound::Tag(_), Inbound::Refused(_)]), "{items:?}");
    }
}

#[test]
fn wrong_act_and_wrong_ref_are_told() {
    for (object, tag) in [(r#"{"Act":5,"Ref":7}"#, true), (REF_IS_A_FRACTION, false), (r#"{"Act":"","Ref":7}"#, true)] {
        let stream = packet(Framing::Gf2, object.as_bytes());
        let items = decode(Wire::Json(Some(Framing::Gf2)), [stream.as_slice()]).0;
        assert_eq!(items.len(), 1 + usize::from(tag), "{object}: {items:?}");
        assert!(matches!(items.last(), Some(Inbound::Refused(Refusal::BadPacket { .. }))), "{items:?}");
    }
}

#[test]
fn key_with_null_counts_as_absent() {
    let plain = vec![say("hi")];
    for key in ["Room", "To", "After", "Ref", "Visit", "Name", "x"] {
        let object = format!("{{\"Act\":\"say\",\"{key}\":null,\"Data\":\"hi\"}}");
        assert_eq!(at_every_door("say", &object), plain, "{object}");
    }
    assert_eq!(at_every_door("say", r#"{"Act":"say","Data":null,"data":"hi"}"#), plain);
    let items = decode(Wire::Json(Some(Framing::Gf2)), [packet(Framing::Gf2, br#"{"Act":null}"#).as_slice()]).0;
    assert!(matches!(&items[..], [Inbound::Refused(Refusal::BadPacket { why })] if why.starts_with("No Act")));
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    for (text, wanted) in [
        (r"\ud83d", "\u{fffd}"),
        (r"a\ud83d b", "a\u{fffd} b"),
        (r"\udE00\uD83D", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\ude00", "😀"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\u{fffd}"),
        (r"\ud83dé\n", "\u{fffd}é"),
    ] {
        let object = say_object(text);
        assert_eq!(at_every_door("say", &object), [say(wanted)], "{object}");
    }
    // In keys and marks too; what is no escape stays an error.
    assert_eq!(
        at_every_door("say", r#"{"\udc00":1,"Act":"say","Data":"hi","Ref":"\ud800"}"#),
        [Inbound::Tag("\"\u{fffd}\"".into()), say("hi")]
    );
    assert!(matches!(at_every_door("say", r#"{"Act":"say","Data":"\ud8zz"}"#)[..], [Inbound::Refused(_)]));
}

#[test]
fn newline_in_data_makes_several_lines() {
    let in_dev = |command| Command::In(RoomName::parse("dev").expect("a room"), Box::new(command));
    let bodies = |text: &str| parlor::protocol::Body::new(text).expect("a line");
    let tag = || Inbound::Tag("7".into());
    let say = |text: &str| Command::Say(bodies(text));
    for (act, object, wanted) in [
        ("say", json!({"Data": "a\nb"}), vec![say("a"), say("b")]),
        ("say", json!({"Data": "a\r\nb\r\n"}), vec![say("a"), say("b")]),
        ("say", json!({"Data": "\n\n a \n \n\u{200b}\nb\n\n"}), vec![say(" a "), say("b")]),
        ("say", json!({"Data": "a\rb\u{2028}c\u{85}d"}), vec![say("a b c d")]),
        ("say", json!({"Data": "a\nb", "Room": "dev"}), vec![in_dev(say("a")), in_dev(say("b"))]),
        ("me", json!({"Data": "waves\n bows "}), vec![Command::Me(bodies("waves")), Command::Me(bodies("bows"))]),
        (
            "msg",
            json!({"Data": "a\n\nb", "To": "ann"}),
            ["a", "b"].map(|text| Command::Msg { to: "ann".into(), body: bodies(text) }).into(),
        ),
        ("reply", json!({"Data": "a\nb"}), ["a", "b"].map(|text| Command::Reply(bodies(text))).into()),
        (
            "say",
            json!({"Data": "a\nb", "Visit": true, "Name": "deploy"}),
            ["a", "b"]
                .map(|text| Command::Visit {
                    name: Nick::parse("deploy").ok(),
                    to: VisitTo::Room(None),
                    body: bodies(text),
                })
                .into(),
        ),
    ] {
        let mut object = object;
        object["Act"] = act.into();
        let wanted: Vec<_> = wanted.into_iter().map(Inbound::Command).collect();
        assert_eq!(at_every_door(act, &object.to_string()), wanted, "{object}");
        // The mark goes with the last line: when that is answered, all are.
        object["Ref"] = 7.into();
        let mut marked = wanted;
        marked.insert(marked.len() - 1, tag());
        assert_eq!(at_every_door(act, &object.to_string()), marked, "{object}");
    }
    for data in ["\n", "\r\n \n", "\n\u{200b}\n"] {
        let items = at_every_door("say", &json!({"Act": "say", "Data": data, "Ref": 7}).to_string());
        assert!(matches!(&items[..], [Inbound::Tag(_), Inbound::Refused(Refusal::Usage { .. })]), "{items:?}");
    }
    let text = in_all_ways(Wire::Frame, &frame(route_of("say"), b"plain\r\ntext\n")).0;
    assert_eq!(text, ["plain", "text"].map(crate::support::values::say));
}

/// A packet of newlines is no more memory than a packet: its lines are read one by one.
#[test]
fn thousands_of_lines_are_read_in_order() {
    let lines: Vec<String> = (0..10_000).map(|line| line.to_string()).collect();
    let object = json!({"Act": "say", "Data": lines.join("\n")}).to_string();
    let stream = [packet(Framing::Gf2, object.as_bytes()), packet(Framing::Gf2, b"{\"Act\":\"heartbeat\"}")].concat();
    let items = decode(Wire::Json(Some(Framing::Gf2)), [stream.as_slice()]).0;
    let mut wanted: Vec<_> = lines.iter().map(|line| say(line)).collect();
    wanted.push(Inbound::Heartbeat);
    assert_eq!(items, wanted);
}

proptest! {
    /// Whatever an object holds, its mark comes back, and nothing is said that was not asked for.
    #[test]
    fn ref_of_any_object_comes_back(
        keys in proptest::collection::vec(("(Act|data|To|ROOM|After|Visit|Name|x)", "(null|5|-1\\.5e3|true|\"([a-z]|\\\\n){0,5}\"|\\[1,\\{\\}\\]|\\{\"Ref\":1\\})"), 0..6),
        at in 0..6_usize,
    ) {
        let mut members: Vec<String> = keys.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        members.insert(at.min(members.len()), "\"Ref\":\"mark\"".into());
        let object = format!("{{{}}}", members.join(","));
        let stream = packet(Framing::Gf2, object.as_bytes());
        let (items, ended) = in_all_ways(Wire::Json(Some(Framing::Gf2)), &stream);
        prop_assert_eq!(ended, Ok(()));
        let marks = items.iter().filter(|item| matches!(item, Inbound::Tag(mark) if &**mark == "\"mark\"")).count();
        prop_assert_eq!(marks, 1, "{}: {:?}", object, items);
    }
}

#[test]
fn join_and_leave_name_rooms() {
    let dev = || RoomName::parse("dev").unwrap();
    for (act, keys, wanted) in [
        ("join", json!({"Data": "dev"}), Command::Join(dev())),
        ("join", json!({"Data": "dev", "Also": true}), Command::JoinAlso(dev())),
        ("join", json!({"Room": "#Dev", "aLSO": true}), Command::JoinAlso(dev())),
        ("join", json!({"Data": "dev", "Also": false}), Command::Join(dev())),
        ("join", json!({"Data": "dev", "Also": null}), Command::Join(dev())),
        ("leave", json!({"Also": true}), Command::Leave),
        ("leave", json!({"Room": "dev"}), Command::LeaveRoom(dev())),
        ("history", json!({"Room": "dev", "Data": "5"}), Command::In(dev(), Box::new(Command::History(5)))),
        ("ping", json!({"Also": "the program's own key"}), Command::Ping),
    ] {
        let mut object = keys;
        object["Act"] = act.into();
        assert_eq!(at_every_door(act, &object.to_string()), [Inbound::Command(wanted)], "{object}");
    }
    for also in ["7", "\"yes\"", "[]"] {
        let object = format!("{{\"Act\":\"join\",\"Data\":\"dev\",\"Also\":{also},\"Ref\":1}}");
        let why = format!("Also must be true or false, not {also}");
        let refused = Inbound::Refused(Refusal::BadPacket { why });
        assert_eq!(at_every_door("join", &object), [Inbound::Tag("1".into()), refused], "{object}");
    }
    let twice = "{\"Act\":\"join\",\"Data\":\"dev\",\"Also\":true,\"also\":true}";
    assert!(matches!(at_every_door("join", twice).as_slice(), [Inbound::Refused(Refusal::BadPacket { .. })]));
}
