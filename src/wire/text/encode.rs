//! Encodes notices for people on the text door.
//!
//! Lines of the server are known by their first bytes (`[`, `* `, `>>> `, `--- `, `*** `, `!!! `). People
//! cannot produce them, since their words always stand after a name. Without addresses (`/address off`),
//! speech and announcements are `NAME: text`. A chosen name begins with a letter or a digit, so it is none of
//! the other marks. A session without a chosen name is called by its address, which for IPv6 begins with `[`
//! as speech does. Words that are an announcement's are shown in quotation marks (`announcement`). The first two lines of a greeting,
//! `who`, `rename|NAME` and the announcements are the old chat room's, to the byte. Lines of the server
//! are at most 78 columns wide ([`wrap`]).

use super::announcement::{I_AM_HERE, LOGIN, LOGIN_OUT, TIME_OUT};
use super::greeting::{Greeting, company};
use super::span::{Age, Clock, Setting};
use super::wrap::Page;
use crate::protocol::{Away, CloseReason, Notice, RoomName, Speaker, StyleChange};
use crate::wire::Style;

/// Appends `notice` as lines for people.
pub(in crate::wire) fn encode(notice: &Notice, style: Style, out: &mut Vec<u8>) {
    match notice {
        Notice::Said(line) => {
            if style.time {
                out.extend_from_slice(format!("{} ", Clock(line.at)).as_bytes());
            }
            let text = line.body.as_str();
            if super::announcement::is_like(text) {
                speech(&line.from, &format!("\"{text}\""), style, out);
            } else {
                speech(&line.from, text, style, out);
            }
        }
        Notice::IAmHere(who) => speech(who, I_AM_HERE, style, out),
        Notice::Login { who, .. } => speech(who, LOGIN, style, out),
        Notice::Left { who, why: CloseReason::Idle { .. }, .. } => speech(who, TIME_OUT, style, out),
        Notice::Left { who, .. } => speech(who, LOGIN_OUT, style, out),
        // The old chat room had only one room: a person who goes to another one leaves it.
        Notice::Came { who, .. } if style.classic => speech(who, LOGIN, style, out),
        Notice::Went { who, .. } if style.classic => speech(who, LOGIN_OUT, style, out),
        told if style.classic && is_unasked(told) => {}
        told => tell(told, style.time, &mut Page { eol: style.eol(), out }),
    }
}

/// Whether the server sends this unasked.
fn is_unasked(notice: &Notice) -> bool {
    match notice {
        Notice::Welcome { .. }
        | Notice::Renamed { .. }
        | Notice::JoinSummary { .. }
        | Notice::TopicSet { .. }
        | Notice::RenameHint(_)
        | Notice::NotUtf8
        | Notice::IdleWarning { .. }
        | Notice::SlowDown { .. }
        | Notice::Skipped { .. } => true,
        Notice::Goodbye(reason) => *reason != CloseReason::Quit,
        _ => false,
    }
}

/// `[ADDR]NAME: text`, the line of nearly every delivery; without addresses `NAME: text`.
fn speech(who: &Speaker, text: &str, style: Style, out: &mut Vec<u8>) {
    let before: &[&str] = if style.address { &["[", &who.address, "]"] } else { &[] };
    for part in before.iter().chain(&[&who.name, ": ", text, style.eol()]) {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Every notice that is not in the old chat room's form.
fn tell(notice: &Notice, time: bool, page: &mut Page<'_>) {
    match notice {
        // `encode` handles these, or people are not told.
        Notice::Said(_) | Notice::IAmHere(_) | Notice::Login { .. } | Notice::Left { .. } | Notice::DoExit => {}
        Notice::Acted(line) if time => {
            page.bare(format_args!("{} * {} {}", Clock(line.at), line.from.name, line.body.as_str()));
        }
        Notice::Acted(line) => page.bare(format_args!("* {} {}", line.from.name, line.body.as_str())),
        Notice::Told { from, body } => page.bare(format_args!(">>> {}: {}", from.name, body.as_str())),
        Notice::ToldTo { to, body } => page.bare(format_args!(">>> to {}: {}", to.name, body.as_str())),
        Notice::Welcome { room, others, others_total, door, idle, .. } => {
            Greeting { room, others, others_total: *others_total, door, idle: *idle }.write(page);
        }
        Notice::Renamed { who, old, .. } => page.info(format_args!("{old} is now {}", who.name)),
        Notice::RenameOk => page.bare(format_args!("rename ok")),
        Notice::YouAre(you) => page.info(format_args!("You are now {}", you.name)),
        Notice::InRoom { room, others, others_total, .. } => {
            page.info(format_args!("You are in {room} {}", company(others, *others_total)));
        }
        Notice::UserList(people) => {
            page.bare(format_args!("user list:"));
            for who in people {
                page.bare(format_args!("{}:{}", who.address, who.name));
            }
        }
        Notice::Names { room, people } => super::lists::names(room, people, page),
        Notice::Rooms(rooms) => super::lists::rooms(rooms, page),
        Notice::Help => super::help::list(page),
        Notice::HelpFor(spec) => super::help::one(spec, page),
        Notice::Pong => page.info(format_args!("pong")),
        Notice::StillHere => page.info(format_args!("Yes, still here.")),
        Notice::NotUtf8 => {
            page.info(format_args!("Some of your bytes are not UTF-8: others see \u{fffd} in their place"));
        }
        Notice::Version => page.info(format_args!("Parlor {}", env!("CARGO_PKG_VERSION"))),
        Notice::Uptime { up, people } => page.info(format_args!("Up for {}, {people} here", Age(*up))),
        Notice::Staying => page.info(format_args!("You may stay silent. /quit leaves")),
        Notice::Echo { on: true } => page.info(format_args!("Your own lines come back to you")),
        Notice::Echo { on: false } => page.info(format_args!("Your own lines no longer come back to you")),
        Notice::RenameHint(name) => {
            page.info(format_args!("That was sent as a line. To be called {name}, type rename|{name}"));
        }
        Notice::IdleWarning { quiet, left } => {
            let (quiet, left) = (Setting(*quiet), Setting(*left));
            page.info(format_args!("Quiet for {quiet}: disconnected in {left}. Enter keeps you here, /stay for good"));
        }
        Notice::SlowDown { rate, waiting } => {
            page.info(format_args!("Slow down: your lines are now sent at {rate} a second, {waiting} wait"));
        }
        Notice::Skipped { lines, kept: false } => {
            page.info(format_args!("{lines} lines were skipped, you read too slowly"));
        }
        Notice::Skipped { lines, kept: true } => {
            page.info(format_args!("{lines} lines were skipped, you read too slowly. /history {lines} shows them"));
        }
        Notice::Came { who, from: Some(from), .. } => page.info(format_args!("{} came from {from}", who.name)),
        Notice::Came { who, from: None, room } => page.info(format_args!("{} came to {room}", who.name)),
        Notice::Went { who, to: Some(to), .. } => page.info(format_args!("{} went to {to}", who.name)),
        Notice::Went { who, to: None, room } => page.info(format_args!("{} left {room}", who.name)),
        Notice::JoinSummary { came, left, .. } => page.info(format_args!("{came} came, {left} left")),
        Notice::HistoryLine { line, is_action } => {
            let mark = if *is_action { "* " } else { "" };
            let colon = if *is_action { "" } else { ":" };
            let (clock, name, text) = (Clock(line.at), &line.from.name, line.body.as_str());
            page.bare(format_args!("--- {clock} {mark}{name}{colon} {text}"));
        }
        Notice::HistoryEnd { lost: 0, .. } => page.bare(format_args!("--- end of history")),
        Notice::HistoryEnd { lost, .. } => {
            page.marked("--- ", format_args!("end of history, {lost} lines before it are not kept"));
        }
        Notice::Topic { room, topic: Some(topic) } => page.info(format_args!("topic of {room}: {}", topic.as_str())),
        Notice::Topic { room, topic: None } => page.info(format_args!("{room} has no topic; /topic TEXT sets it")),
        Notice::TopicSet { who, topic, .. } => {
            page.info(format_args!("{} set the topic: {}", who.name, topic.as_str()));
        }
        Notice::Whois { who: one, room, by } => {
            // Of one room, the list is empty.
            let room = room.as_ref().map_or_else(|| "no room".to_owned(), RoomName::to_string);
            let room = one.rooms.iter().skip(1).fold(room, |rooms, next| format!("{rooms} {next}"));
            let (here, idle, away) = (Age(one.here), Age(one.idle), away(one.away.as_ref(), ", away"));
            page.info(format_args!("{}: in {room}, here {here}, idle {idle}, by {by}{away}", one.who.name));
        }
        Notice::YouAreAway(reason) => {
            page.info(format_args!("{}. /back when you return", away(Some(reason), "You are away")));
        }
        Notice::WelcomeBack => page.info(format_args!("Welcome back")),
        Notice::IsAway { who, away: reason } => {
            page.info(format_args!("{} is{}", who.name, away(Some(reason), " away")));
        }
        Notice::Ignoring { who, on: true } => page.info(format_args!("You no longer see {}", who.name)),
        Notice::Ignoring { who, on: false } => page.info(format_args!("You see {} again", who.name)),
        Notice::Quiet { on: true } => page.info(format_args!("Comings and goings are hidden from you")),
        Notice::Quiet { on: false } => page.info(format_args!("You see comings and goings again")),
        Notice::Style(change) => page.info(format_args!("{}", restyled(*change))),
        Notice::Refused(refusal) => page.marked("!!! ", format_args!("{refusal}")),
        Notice::Goodbye(reason) => goodbye(reason, page),
    }
}

/// The answer to the command of a change.
fn restyled(change: StyleChange) -> &'static str {
    match change {
        StyleChange::Time(true) => "The time (UTC) stands before what is said",
        StyleChange::Time(false) => "Lines have no time before them",
        StyleChange::Address(true) => "The address stands before each name",
        StyleChange::Address(false) => "Lines begin with the name, without an address",
    }
}

fn goodbye(reason: &CloseReason, page: &mut Page<'_>) {
    match reason {
        CloseReason::Quit => page.info(format_args!("Goodbye")),
        CloseReason::Idle { seconds } => page.info(format_args!("Disconnected: quiet for {}", Setting(*seconds))),
        CloseReason::Malformed(what) => page.info(format_args!("Disconnected: {what}")),
        CloseReason::ServerStopping => page.info(format_args!("The server is stopping. Goodbye")),
        _ => {}
    }
}

/// `, away: lunch`, for a person who is away.
fn away(away: Option<&Away>, words: &str) -> String {
    match away {
        None => String::new(),
        Some(Away(None)) => words.to_owned(),
        Some(Away(Some(why))) => format!("{words}: {}", why.as_str()),
    }
}
