//! Encodes notices for people on the text door.
//!
//! Lines of the server are known by their first bytes (`[`, `* `, `>>> `, `--- `, `*** `, `!!! `). People
//! cannot produce them, since their words always stand after a name. Without addresses (`/address off`),
//! speech and announcements are `NAME: text`. A chosen name begins with a letter or a digit, so it is none of
//! the other marks. A session without a chosen name is called by its address, which for IPv6 begins with `[`
//! as speech does. Words that are an announcement's are shown in quotation marks (`announcement`). The first
//! two lines of a greeting, `who`, `rename|NAME` and the announcements are the old chat room's, to the byte.
//! Lines of the server are at most 78 columns wide ([`wrap`]).

use super::announcement::{I_AM_HERE, LOGIN, LOGIN_OUT, TIME_OUT};
use super::charset;
use super::greeting::{Greeting, members};
use super::wrap::{Page, wrap};
use crate::protocol::{Age, Charset, Clock, CloseReason, Notice, RoomName, Speaker, StyleChange};
use crate::wire::Style;

/// Appends `notice` as lines for people.
pub(in crate::wire) fn encode(notice: &Notice, style: Style, out: &mut Vec<u8>) {
    in_charset(style, out, |out| encode_utf8(notice, style, out));
}

/// Appends a handler's words as information.
pub(in crate::wire) fn encode_custom(words: &str, style: Style, out: &mut Vec<u8>) {
    in_charset(style, out, |out| wrap("*** ", words, style.eol(), out));
}

/// Appends what `write` writes in UTF-8, in the session's character set.
fn in_charset(style: Style, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if style.charset == Charset::UTF_8 {
        return write(out); // nearly every session
    }
    let mut lines = Vec::new();
    write(&mut lines);
    charset::write(style.charset, &lines, out);
}

fn encode_utf8(notice: &Notice, style: Style, out: &mut Vec<u8>) {
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
        told if style.classic && told.is_unasked() => {}
        told => tell(told, style, &mut Page { eol: style.eol(), out }),
    }
}

/// `[ADDR]NAME: text`, the line of nearly every delivery; without addresses `NAME: text`.
fn speech(who: &Speaker, text: &str, style: Style, out: &mut Vec<u8>) {
    // The loop over a list of known length is unrolled; a chain of two lists would not be.
    if style.address {
        for part in ["[", &who.address, "]"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    for part in [&who.name, ": ", text, style.eol()] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Every notice that is not in the old chat room's form.
fn tell(notice: &Notice, style: Style, page: &mut Page<'_>) {
    match notice {
        Notice::Acted(line) if style.time => {
            page.bare(format_args!("{} * {} {}", Clock(line.at), line.from.name, line.body.as_str()));
        }
        Notice::Acted(line) => page.bare(format_args!("* {} {}", line.from.name, line.body.as_str())),
        Notice::Told { from, body } => page.bare(format_args!(">>> {}: {}", from.name, body.as_str())),
        Notice::ToldTo { to, body } => page.bare(format_args!(">>> to {}: {}", to.name, body.as_str())),
        Notice::Welcome { room, others, others_total, door, idle, .. } => {
            Greeting { room, others, others_total: *others_total, door, idle: *idle }.write(page);
        }
        Notice::RenameOk => page.bare(format_args!("rename ok")),
        Notice::InRoom { room, others, others_total, .. } => {
            page.info(format_args!("You are in {room} {}", members(others, *others_total)));
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
        Notice::Came { who, from: Some(from), .. } => page.info(format_args!("{} came from {from}", who.name)),
        Notice::Came { who, from: None, room } => page.info(format_args!("{} came to {room}", who.name)),
        Notice::Went { who, to: Some(to), .. } => page.info(format_args!("{} went to {to}", who.name)),
        Notice::Went { who, to: None, room } => page.info(format_args!("{} left {room}", who.name)),
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
        Notice::Whois { who: one, room, by } => {
            // Of one room, the list is empty.
            let room = room.as_ref().map_or_else(|| "no room".to_owned(), RoomName::to_string);
            let room = one.rooms.iter().skip(1).fold(room, |rooms, next| format!("{rooms} {next}"));
            let (here, idle) = (Age(one.here), Age(one.idle));
            let away = one.away.as_ref().map_or_else(String::new, |away| format!(", away{away}"));
            page.info(format_args!("{}: in {room}, here {here}, idle {idle}, by {by}{away}", one.who.name));
        }
        Notice::Charset => page.info(format_args!("{}", StyleChange::Charset(style.charset).text())),
        Notice::Refused(refusal) => page.marked("!!! ", format_args!("{refusal}")),
        other => {
            if let Some(text) = other.text() {
                page.info(format_args!("{text}"));
            }
        }
    }
}
