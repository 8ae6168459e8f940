//! Notices: everything that the server tells a session, before any wire format.
//!
//! A notice holds all that a program may want to know. Each encoder writes as much of it as its clients
//! expect, or nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::charset::NOT_UTF8;
use super::span::{Age, Setting};
use super::{
    Away, Body, CloseReason, CommandSpec, IdleLimits, Line, Presence, QUIET_FOR, Refusal, RoomInfo, RoomName,
    SessionId, Speaker, StyleChange, Verb,
};

/// One thing that the server tells a session or a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `I am here`: the first line that a text session sees, about itself.
    IAmHere(Arc<Speaker>),
    /// A session that is in other rooms joined this one.
    Came {
        /// The session.
        who: Arc<Speaker>,
        /// The room that it left for this one; `None` if it left none.
        from: Option<RoomName>,
        /// This room.
        room: RoomName,
    },
    /// A session left this room and is in another one.
    Went {
        /// The session.
        who: Arc<Speaker>,
        /// The room that it left this one for; `None` if it was there already.
        to: Option<RoomName>,
        /// This room.
        room: RoomName,
    },
    /// Joins and leaves that were not announced one by one.
    JoinSummary {
        /// The room.
        room: RoomName,
        /// The number of joins.
        came: usize,
        /// The number of leaves.
        left: usize,
    },
    /// A line said earlier.
    HistoryLine {
        /// The line.
        line: Line,
        /// Whether it was an action.
        is_action: bool,
    },
    /// The end of lines said earlier.
    HistoryEnd {
        /// The room.
        room: RoomName,
        /// The number of the last line that was said in it.
        last_seq: u64,
        /// The number of lines that were asked for and are not kept any more. An upper bound if the room was
        /// made anew: it counts on from the highest number of all rooms that have gone.
        lost: u64,
        /// The time at which the room was made, in Unix milliseconds. Numbers begin anew when it is another.
        since: u64,
    },
    /// The topic of the room: the answer to `/topic`.
    Topic {
        /// The room.
        room: RoomName,
        /// The topic, if there is one.
        topic: Option<Body>,
    },
    /// A person set the topic.
    TopicSet {
        /// The person.
        who: Arc<Speaker>,
        /// The room.
        room: RoomName,
        /// The new topic.
        topic: Body,
    },
    /// The answer to `/rooms`.
    Rooms(Vec<RoomInfo>),
    /// The answer to `/whois`.
    Whois {
        /// The person.
        who: Presence,
        /// The person's current room, if any.
        room: Option<RoomName>,
        /// The wire format of the session.
        by: Cow<'static, str>,
    },
    /// The answer to `/away`.
    YouAreAway(Away),
    /// The answer to `/back`.
    WelcomeBack,
    /// The receiver of a private line is away.
    IsAway {
        /// The receiver.
        who: Arc<Speaker>,
        /// The reason, if there is one.
        away: Away,
    },
    /// The answer to `/ignore` and `/unignore`.
    Ignoring {
        /// The person.
        who: Arc<Speaker>,
        /// Whether the person is ignored now.
        on: bool,
    },
    /// The answer to `/quiet`.
    Quiet {
        /// Whether joins and leaves are hidden.
        on: bool,
    },
    /// From now on the session's lines are written with this change: the answer to its command.
    Style(StyleChange),
    /// The character set of the session: the answer to `/charset` alone.
    Charset,
    /// A session came in, and into the room.
    Login {
        /// The session.
        who: Arc<Speaker>,
        /// The room.
        room: RoomName,
    },
    /// A session of the room ended.
    Left {
        /// The session.
        who: Arc<Speaker>,
        /// The room it was in.
        room: RoomName,
        /// The reason: the text door announces a time-out in other words.
        why: CloseReason,
    },
    /// The rest of the greeting.
    Welcome {
        /// The session that is greeted.
        you: Arc<Speaker>,
        /// Its room.
        room: RoomName,
        /// Names of other people in the room, at most [`Notice::MAX_WELCOME_NAMES`].
        others: Vec<Arc<str>>,
        /// The number of other people in all.
        others_total: usize,
        /// The address that the session came to, `127.0.0.1:8000`, for inviting others.
        door: Arc<str>,
        /// The session's idle limits.
        idle: IdleLimits,
    },
    /// A line to a room.
    Said(Line),
    /// An action, `/me waves`; the body is what follows the name.
    Acted(Line),
    /// A private line, at its receiver.
    Told {
        /// The writer.
        from: Arc<Speaker>,
        /// The text.
        body: Body,
    },
    /// A private line, at its sender.
    ToldTo {
        /// The receiver.
        to: Arc<Speaker>,
        /// The text.
        body: Body,
    },
    /// A person has another name now: told to the others in the room.
    Renamed {
        /// The person, with the new name.
        who: Arc<Speaker>,
        /// The earlier name.
        old: Arc<str>,
        /// The room.
        room: RoomName,
    },
    /// The answer to `rename|NAME`.
    RenameOk,
    /// The answer to `/nick NAME`: the session, with its name.
    YouAre(Arc<Speaker>),
    /// The answer to `/join`.
    InRoom {
        /// The session that asked.
        you: Arc<Speaker>,
        /// The room.
        room: RoomName,
        /// Names of other people in it, at most [`Notice::MAX_WELCOME_NAMES`].
        others: Vec<Arc<str>>,
        /// The number of other people in all.
        others_total: usize,
        /// The time at which the room was made, in Unix milliseconds.
        since: u64,
    },
    /// A program that neither joined a room nor said anything in time is asked to leave.
    DoExit,
    /// The answer to a bare `who`.
    UserList(Vec<Arc<Speaker>>),
    /// The answer to `/who`.
    Names {
        /// The room.
        room: RoomName,
        /// The people in it, in the order in which they came.
        people: Vec<Presence>,
    },
    /// The answer to `/help`: the table of commands.
    Help,
    /// The answer to `/help COMMAND`.
    HelpFor(&'static CommandSpec),
    /// The answer to `/ping`.
    Pong,
    /// The answer to telnet's "are you there".
    StillHere,
    /// Some of the session's bytes are not UTF-8. The sender is told once.
    NotUtf8,
    /// The answer to `/version`.
    Version,
    /// The answer to `/uptime`.
    Uptime {
        /// The time since the start of the server.
        up: Duration,
        /// The number of sessions.
        people: usize,
    },
    /// The answer to `/stay`.
    Staying,
    /// The answer to `/echo`.
    Echo {
        /// Whether the session's own lines come back to it.
        on: bool,
    },
    /// `rename mike` was sent as a line of chat; tells how a rename is written.
    RenameHint(String),
    /// Two thirds of the idle limit are over.
    IdleWarning {
        /// The seconds of silence so far.
        quiet: u64,
        /// The seconds that are left.
        left: u64,
    },
    /// The rate limit delays the session's lines from now on.
    SlowDown {
        /// Lines a second.
        rate: u32,
        /// The number of lines that wait.
        waiting: usize,
    },
    /// Lines of the room were skipped for this session, a slow consumer.
    Skipped {
        /// The number of lines.
        lines: u64,
        /// Whether the room's history keeps them.
        kept: bool,
    },
    /// A request was refused.
    Refused(Refusal),
    /// The session ends.
    Goodbye(CloseReason),
}

impl Notice {
    /// Most names in a greeting; it counts the rest.
    pub const MAX_WELCOME_NAMES: usize = 10;

    /// Whether this announces joins or leaves: `/quiet on` hides it.
    #[must_use]
    pub fn is_join_or_leave(&self) -> bool {
        matches!(
            self,
            Self::Login { .. } | Self::Left { .. } | Self::Came { .. } | Self::Went { .. } | Self::JoinSummary { .. }
        )
    }

    /// The person whose words or action this tells to others. People choose the words of names and rooms too,
    /// so renames, joins and leaves are among them (case B14).
    #[must_use]
    pub fn speaker(&self) -> Option<&Arc<Speaker>> {
        match self {
            Self::Said(line) | Self::Acted(line) => Some(&line.from),
            Self::Told { from, .. } => Some(from),
            Self::TopicSet { who, .. }
            | Self::Renamed { who, .. }
            | Self::Login { who, .. }
            | Self::Left { who, .. }
            | Self::Came { who, .. }
            | Self::Went { who, .. } => Some(who),
            _ => None,
        }
    }

    /// The session of [`Notice::speaker`]: `/ignore` hides what it causes.
    #[must_use]
    pub fn said_by(&self) -> Option<SessionId> {
        self.speaker().map(|speaker| speaker.id)
    }

    /// The number of the name on a visit's line; `/ignore` goes by it too.
    #[must_use]
    pub fn visitor(&self) -> Option<SessionId> {
        self.speaker().and_then(|speaker| speaker.visitor)
    }

    /// Whether the server sends this unasked. With `--classic` people do not see it.
    #[must_use]
    pub fn is_unasked(&self) -> bool {
        match self {
            Self::Welcome { .. }
            | Self::Renamed { .. }
            | Self::JoinSummary { .. }
            | Self::TopicSet { .. }
            | Self::RenameHint(_)
            | Self::NotUtf8
            | Self::IdleWarning { .. }
            | Self::SlowDown { .. }
            | Self::Skipped { .. } => true,
            Self::Goodbye(reason) => *reason != CloseReason::Quit,
            _ => false,
        }
    }

    /// The command that this answers.
    #[must_use]
    pub fn answers(&self) -> Option<Verb> {
        Some(match self {
            Self::ToldTo { .. } => Verb::Msg,
            Self::YouAre(_) | Self::RenameOk => Verb::Nick,
            Self::InRoom { .. } => Verb::Join,
            Self::Rooms(_) => Verb::Rooms,
            Self::Topic { .. } => Verb::Topic,
            Self::HistoryEnd { .. } => Verb::History,
            Self::Whois { .. } => Verb::Whois,
            Self::YouAreAway(_) => Verb::Away,
            Self::WelcomeBack => Verb::Back,
            Self::Ignoring { on: true, .. } => Verb::Ignore,
            Self::Ignoring { on: false, .. } => Verb::Unignore,
            Self::Quiet { .. } => Verb::Quiet,
            Self::Style(change) => change.verb(),
            Self::Charset => Verb::Charset,
            Self::UserList(_) | Self::Names { .. } => Verb::Who,
            Self::Help | Self::HelpFor(_) => Verb::Help,
            Self::Pong => Verb::Ping,
            Self::Version => Verb::Version,
            Self::Uptime { .. } => Verb::Uptime,
            Self::Staying => Verb::Stay,
            Self::Echo { .. } => Verb::Echo,
            Self::Goodbye(CloseReason::Quit) => Verb::Quit,
            _ => return None,
        })
    }

    /// The words after the text door's mark, and `Data` of objects without a shape of their own. `None` for
    /// lists, for what people say, and for the old chat room's lines: each format lays those out itself.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Self::Renamed { who, old, .. } => format!("{old} is now {}", who.name),
            Self::YouAre(you) => format!("You are now {}", you.name),
            Self::Pong => "pong".into(),
            Self::StillHere => "Yes, still here.".into(),
            Self::NotUtf8 => NOT_UTF8.into(),
            Self::Version => concat!("Parlor ", env!("CARGO_PKG_VERSION")).into(),
            Self::Uptime { up, people } => format!("Up for {}, {people} here", Age(*up)),
            Self::Staying => "You may stay silent. /quit leaves".into(),
            Self::Echo { on: true } => "Your own lines come back to you".into(),
            Self::Echo { on: false } => "Your own lines no longer come back to you".into(),
            Self::RenameHint(name) => {
                format!("That was sent as a line. To be called {name}, type rename|{name}")
            }
            Self::IdleWarning { quiet, left } => {
                let (quiet, left) = (Setting(*quiet), Setting(*left));
                format!("{QUIET_FOR}{quiet}: disconnected in {left}. Enter keeps you here, /stay for good")
            }
            Self::SlowDown { rate, waiting } => {
                format!("Slow down: your lines are now sent at {rate} a second, {waiting} wait")
            }
            Self::Skipped { lines, kept } => {
                let shown = if *kept { format!(". /history {lines} shows them") } else { String::new() };
                format!("{lines} lines were skipped, you read too slowly{shown}")
            }
            Self::JoinSummary { came, left, .. } => format!("{came} came, {left} left"),
            Self::Topic { room, topic: Some(topic) } => format!("topic of {room}: {}", topic.as_str()),
            Self::Topic { room, topic: None } => format!("{room} has no topic; /topic TEXT sets it"),
            Self::TopicSet { who, topic, .. } => format!("{} set the topic: {}", who.name, topic.as_str()),
            Self::YouAreAway(away) => format!("You are away{away}. /back when you return"),
            Self::WelcomeBack => "Welcome back".into(),
            Self::IsAway { who, away } => format!("{} is away{away}", who.name),
            Self::Ignoring { who, on: true } => format!("You no longer see {}", who.name),
            Self::Ignoring { who, on: false } => format!("You see {} again", who.name),
            Self::Quiet { on: true } => "Joins and leaves are hidden from you".into(),
            Self::Quiet { on: false } => "You see joins and leaves again".into(),
            Self::Style(change) => change.text().into_owned(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Goodbye(reason) => reason.farewell()?,
            _ => return None,
        })
    }
}
