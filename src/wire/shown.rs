//! What a person on the text door is shown of each notice.
//!
//! What the server writes can be told apart by its first bytes (`[`, `* `, `>>> `, `--- `, `*** `,
//! `!!! `), and nothing that a person types can produce them, since what people say is always
//! behind a name. The first two lines of a greeting, `who`, `rename|NAME` and the announcements are
//! the older chat room's, to the byte.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::foreign::host_and_port;
use crate::protocol::{Away, COMMANDS, CloseReason, CommandSpec, Notice, RoomInfo, RoomName, Speaker};

/// Appends the lines that a person is shown of `notice`, each with `eol` behind it, and the time
/// before what is said, if wanted.
pub(super) fn encode(notice: &Notice, eol: &str, time: bool, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = match notice {
        Notice::Said(line) => {
            if time {
                let _ = write!(out, "{} ", Clock(line.at));
            }
            speech(&line.from, line.body.as_str(), eol, out);
            Ok(())
        }
        Notice::IAmHere(who) => {
            speech(who, "I am here", eol, out);
            Ok(())
        }
        Notice::Login { who, .. } => {
            speech(who, "login", eol, out);
            Ok(())
        }
        Notice::Left { who, why: CloseReason::Idle { .. }, .. } => {
            speech(who, "time out leave out", eol, out);
            Ok(())
        }
        Notice::Left { who, .. } => {
            speech(who, "login out", eol, out);
            Ok(())
        }
        Notice::Acted(line) if time => {
            write!(out, "{} * {} {}{eol}", Clock(line.at), line.from.name, line.body.as_str())
        }
        Notice::Acted(line) => write!(out, "* {} {}{eol}", line.from.name, line.body.as_str()),
        Notice::Told { from, body } => write!(out, ">>> {}: {}{eol}", from.name, body.as_str()),
        Notice::ToldTo { to, body } => write!(out, ">>> to {}: {}{eol}", to.name, body.as_str()),
        Notice::Welcome { .. } => welcome(notice, eol, out),
        Notice::Renamed { who, old, .. } => write!(out, "*** {old} is now {}{eol}", who.name),
        Notice::RenameOk => write!(out, "rename ok{eol}"),
        Notice::YouAre(name) => write!(out, "*** You are now {name}{eol}"),
        Notice::InRoom { room, others, others_total, .. } => {
            let _ = write!(out, "*** You are in {room} ");
            let _ = company(others, *others_total, out);
            write!(out, "{eol}")
        }
        Notice::DoExit => Ok(()),
        Notice::UserList(people) => {
            let mut written = write!(out, "user list:{eol}");
            for who in people {
                written = write!(out, "{}:{}{eol}", who.address, who.name);
            }
            written
        }
        Notice::Names { room, people } => {
            let _ = write!(out, "*** {} here in {room}:{eol}", people.len());
            for one in people {
                let _ = write!(out, "***   {}  idle {}, here {}", one.who.name, Span(one.idle), Span(one.here));
                let _ = away(one.away.as_ref(), ", away", out);
                let _ = write!(out, "{eol}");
            }
            write!(out, "*** end of list{eol}")
        }
        Notice::Help => help(eol, out),
        Notice::HelpFor(spec) => help_for(spec, eol, out),
        Notice::Pong => write!(out, "*** pong{eol}"),
        Notice::StillHere => write!(out, "*** Yes, still here.{eol}"),
        Notice::Version => write!(out, "*** Parlor {}{eol}", env!("CARGO_PKG_VERSION")),
        Notice::Uptime { up, people } => write!(out, "*** Up for {}, {people} here{eol}", Span(*up)),
        Notice::Staying => write!(out, "*** You may stay silent. /quit leaves{eol}"),
        Notice::Echo { on: true } => write!(out, "*** Your own lines come back to you{eol}"),
        Notice::Echo { on: false } => write!(out, "*** Your own lines no longer come back to you{eol}"),
        Notice::RenameHint(name) => {
            write!(out, "*** That was sent as a line. To be called {name}, type rename|{name}{eol}")
        }
        Notice::IdleWarning { quiet, left } => {
            write!(
                out,
                "*** Quiet for {quiet} s: in {left} s you are disconnected. Enter keeps you here, /stay for good{eol}"
            )
        }
        Notice::SlowDown { rate, waiting } => {
            write!(out, "*** Slow down: your lines are now sent at {rate} a second, {waiting} wait{eol}")
        }
        Notice::Skipped { lines, kept: false } => {
            write!(out, "*** {lines} lines were skipped, you read too slowly{eol}")
        }
        Notice::Skipped { lines, kept: true } => {
            write!(out, "*** {lines} lines were skipped, you read too slowly. /history {lines} shows them{eol}")
        }
        Notice::Came { who, from, .. } => write!(out, "*** {} came from {from}{eol}", who.name),
        Notice::Went { who, to, .. } => write!(out, "*** {} went to {to}{eol}", who.name),
        Notice::Bustle { came, left, .. } => write!(out, "*** {came} came, {left} left{eol}"),
        Notice::Past { line, is_action } => {
            let mark = if *is_action { "* " } else { "" };
            let colon = if *is_action { "" } else { ":" };
            let (clock, name, text) = (Clock(line.at), &line.from.name, line.body.as_str());
            write!(out, "--- {clock} {mark}{name}{colon} {text}{eol}")
        }
        Notice::PastEnd { lost: 0, .. } => write!(out, "--- end of history{eol}"),
        Notice::PastEnd { lost, .. } => write!(out, "--- end of history, {lost} lines before it are not kept{eol}"),
        Notice::Topic { room, topic: Some(topic) } => write!(out, "*** topic of {room}: {}{eol}", topic.as_str()),
        Notice::Topic { room, topic: None } => write!(out, "*** {room} has no topic; /topic TEXT sets it{eol}"),
        Notice::TopicSet { who, topic, .. } => write!(out, "*** {} set the topic: {}{eol}", who.name, topic.as_str()),
        Notice::Rooms(rooms) => {
            let _ = write!(out, "*** rooms:{eol}");
            for RoomInfo { name, people, topic } in rooms {
                let noun = if *people == 1 { "person" } else { "people" };
                let topic = topic.as_ref().map(|topic| format!("  {}", topic.as_str())).unwrap_or_default();
                let _ = write!(out, "***   {name}  {people} {noun}{topic}{eol}");
            }
            write!(out, "*** end of list{eol}")
        }
        Notice::Whois { who: one, room, by } => {
            let _ = write!(out, "*** {}: in ", one.who.name);
            let room = room.as_ref().map_or_else(|| "no room".to_owned(), RoomName::to_string);
            let _ = write!(out, "{room}");
            let _ = write!(out, ", here {}, idle {}, by {by}", Span(one.here), Span(one.idle));
            let _ = away(one.away.as_ref(), ", away", out);
            write!(out, "{eol}")
        }
        Notice::YouAreAway(reason) => {
            let _ = away(Some(reason), "*** You are away", out);
            write!(out, ". /back when you return{eol}")
        }
        Notice::WelcomeBack => write!(out, "*** Welcome back{eol}"),
        Notice::IsAway { who, away: reason } => {
            let _ = write!(out, "*** {} is", who.name);
            let _ = away(Some(reason), " away", out);
            write!(out, "{eol}")
        }
        Notice::Ignoring { who, on: true } => write!(out, "*** You no longer see {}{eol}", who.name),
        Notice::Ignoring { who, on: false } => write!(out, "*** You see {} again{eol}", who.name),
        Notice::Quiet { on: true } => write!(out, "*** Comings and goings are hidden from you{eol}"),
        Notice::Quiet { on: false } => write!(out, "*** You see comings and goings again{eol}"),
        Notice::Time { on: true } => write!(out, "*** The time (UTC) stands before what is said{eol}"),
        Notice::Time { on: false } => write!(out, "*** Lines have no time before them{eol}"),
        Notice::Refused(refusal) => write!(out, "!!! {refusal}{eol}"),
        Notice::Goodbye(reason) => goodbye(reason, eol, out),
    };
}

/// `[ADDR]NAME: text`, the one line that is written for every delivery.
fn speech(who: &Speaker, text: &str, eol: &str, out: &mut Vec<u8>) {
    for part in ["[", &who.address, "]", &who.name, ": ", text, eol] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn welcome(notice: &Notice, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Notice::Welcome { you, room, others, others_total, door, idle_seconds } = notice else { return Ok(()) };
    write!(out, "*** Welcome to Parlor. You are {}, ", you.name)?;
    match others_total {
        0 => {
            let (host, port) = host_and_port(door);
            write!(out, "the first one in {room}. Tell others: nc {host} {port}")?;
        }
        _ => {
            write!(out, "in {room} ")?;
            company(others, *others_total, out)?;
        }
    }
    write!(out, "{eol}*** Type to talk. who = who is here, rename|NAME = your name, /help = more, /quit = leave{eol}")?;
    if *idle_seconds > 0 {
        write!(out, "*** Quiet for {idle_seconds} s means disconnected; /stay lets you just listen{eol}")?;
    }
    Ok(())
}

/// `with 2 others: ann, mike`; those beyond the names are counted.
fn company(others: &[Arc<str>], total: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
    match total {
        0 => return write!(out, "alone"),
        1 => write!(out, "with 1 other: {}", others.join(", "))?,
        many => write!(out, "with {many} others: {}", others.join(", "))?,
    }
    if total > others.len() { write!(out, " and {} more", total - others.len()) } else { Ok(()) }
}

/// The list of commands, in at most 12 lines of at most 78 columns: the first ones with a few words
/// to each, two beside each other, and the names of the rest.
fn help(eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (main, rest) = COMMANDS.split_at(CommandSpec::EXPLAINED.min(COMMANDS.len()));
    write!(out, "*** Type to talk. Commands (beginnings suffice; /help COMMAND tells more):{eol}")?;
    for pair in main.chunks(2) {
        let mut line = String::from("*** ");
        for spec in pair {
            line.push_str(&format!("{:<37}", format!("{:<17} {}", spec.usage(), spec.brief)));
        }
        write!(out, "{}{eol}", line.trim_end())?;
    }
    let rest: Vec<String> = rest.iter().map(|spec| format!("/{}", spec.name)).collect();
    write!(out, "*** and {}{eol}", rest.join(" "))?;
    write!(out, "*** who, rename|NAME, help and quit work bare; \\who says \"who\", //x says \"/x\".{eol}")
}

fn help_for(spec: &CommandSpec, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, "*** {}", spec.usage())?;
    if !spec.aliases.is_empty() {
        write!(out, "  (also /{})", spec.aliases.join(", /"))?;
    }
    write!(out, "{eol}***   {}{eol}", spec.help)
}

fn goodbye(reason: &CloseReason, eol: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    match reason {
        CloseReason::Quit => write!(out, "*** Goodbye{eol}"),
        CloseReason::Idle { seconds } => write!(out, "*** Disconnected: quiet for {seconds} s{eol}"),
        CloseReason::Malformed(what) => write!(out, "*** Disconnected: {what}{eol}"),
        CloseReason::ServerStopping => write!(out, "*** The server is stopping. Goodbye{eol}"),
        _ => Ok(()),
    }
}

/// `, away: lunch`, where somebody is.
fn away(away: Option<&Away>, words: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    match away {
        None => Ok(()),
        Some(Away(None)) => write!(out, "{words}"),
        Some(Away(Some(why))) => write!(out, "{words}: {}", why.as_str()),
    }
}

/// The time of day of a Unix millisecond, `12:04`, in UTC: the server does not know where its
/// people are.
struct Clock(u64);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0 / 60_000 % (24 * 60);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A span of time as people say it: `3 s`, `12 min`, `5 h`, `2 d`.
struct Span(Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs() {
            seconds @ 0..60 => write!(f, "{seconds} s"),
            seconds @ 60..3600 => write!(f, "{} min", seconds / 60),
            seconds @ 3600..172_800 => write!(f, "{} h", seconds / 3600),
            seconds => write!(f, "{} d", seconds / 86_400),
        }
    }
}
