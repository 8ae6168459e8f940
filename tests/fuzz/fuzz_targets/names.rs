//! Names: what may be one, what it is compared by, and that no two people have names that meet.
//!
//! The lines of the input are what people in one hub call themselves, one after the other.
#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use parlor::chat::{Arrival, Effect, Entry, Hub, HubSettings, Now};
use parlor::protocol::{Command, IdleLimits, MAX_NICK_BYTES, MAX_NICK_CHARS, NameKeys, Nick, Notice, Refusal, RoomName, SessionId, Speaker};
use parlor_fuzz::is_forbidden;

const SETTINGS: HubSettings =
    HubSettings { idle: IdleLimits::same(Duration::ZERO), join_grace: Duration::ZERO, max_rooms: 1, history: 0, history_shown: 0, classic: false };

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let nicks: Vec<Nick> = text.split('\n').take(4).filter_map(nick).collect();
    if nicks.len() < 2 {
        return;
    }
    let mut hub = Hub::new(SETTINGS, Now { up: Duration::ZERO, unix_ms: 0 });
    let mut out = Vec::new();
    let now = Now { up: Duration::ZERO, unix_ms: 0 };
    let mut held: Vec<NameKeys> = Vec::new();
    for (number, nick) in (0..).zip(&nicks) {
        let name = format!("127.0.0.1:{}", 5000 + number).into();
        let speaker = Speaker { id: SessionId(number), address: Arc::clone(&name), name, visitor: None };
        let (door, by, entry) = ("127.0.0.1:8000".into(), "text", Entry::Nowhere { timed: false });
        hub.enter(Arrival { speaker: Arc::new(speaker), door, by, echo: true, unsolicited: true, entry }, now, &mut out);
        hub.command(SessionId(number), Command::Nick(nick.clone()), false, now, &mut out);
        let keys = NameKeys::of(nick.as_str());
        let taken = held.iter().any(|other| keys.clashes_with(other));
        match out.drain(..).last() {
            Some(Effect::Tell(_, Notice::YouAre(name))) => {
                assert!(!taken, "{} is like another", name.name);
                held.push(keys);
            }
            Some(Effect::Tell(_, Notice::Refused(Refusal::Taken { free, .. }))) => {
                assert!(taken);
                for offered in free {
                    let keys = NameKeys::of(&offered);
                    assert!(!held.iter().any(|other| keys.clashes_with(other)), "{offered} is offered and taken");
                    assert_eq!(Nick::parse(&offered).as_ref().map(Nick::as_str), Ok(&*offered));
                }
            }
            Some(Effect::Tell(_, Notice::Refused(Refusal::LooksLike { .. }))) => assert!(taken),
            Some(Effect::Tell(_, Notice::Refused(Refusal::MixedScripts { .. }))) => assert!(nick.mixes_scripts()),
            other => panic!("{nick:?}: {other:?}"),
        }
    }
});

/// One line as a name, and as a room's name.
fn nick(text: &str) -> Option<Nick> {
    if let Ok(room) = RoomName::parse(text) {
        assert!(has_form(room.as_str()));
        assert_eq!(RoomName::parse(room.as_str()).as_ref(), Ok(&room));
        assert_eq!(RoomName::parse(&room.to_string()).as_ref(), Ok(&room));
    }
    match Nick::parse(text) {
        Ok(nick) => {
            assert!(has_form(nick.as_str()));
            assert!(nick.as_str().parse::<SocketAddr>().is_err() && nick.as_str().parse::<IpAddr>().is_err());
            assert!(!["server", "root", "guest"].contains(&&*nick.as_str().to_ascii_lowercase()));
            assert_eq!(Nick::parse(nick.as_str()).as_ref(), Ok(&nick));
            Some(nick)
        }
        Err(Refusal::BadName { instead: Some(instead) }) => {
            assert_eq!(Nick::parse(&instead).as_ref().map(Nick::as_str), Ok(&*instead), "offered for {text:?}");
            None
        }
        Err(_) => None,
    }
}

fn has_form(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NICK_BYTES
        && name.chars().count() <= MAX_NICK_CHARS
        && !name.chars().any(|c| is_forbidden(c) || c.is_whitespace() || matches!(c, '#' | '|' | '/' | '[' | ']' | ':'))
}
