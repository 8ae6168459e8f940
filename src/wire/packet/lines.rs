//! Requests that were read, and texts of several lines, of which each line is a request.
//!
//! A text is made into lines one by one as they are taken: as requests all of them would take fifty
//! times the packet's memory.

use std::collections::VecDeque;

use crate::protocol::{Body, Command, Nick, RoomName, VisitTo};
use crate::wire::Inbound;

/// What was read and not taken yet, in order.
#[derive(Debug, Default)]
pub(in crate::wire) struct Requests {
    ready: VecDeque<Inbound>,
    lines: Option<Lines>,
}

impl Requests {
    pub(in crate::wire) fn push(&mut self, one: Inbound) {
        self.ready.push_back(one);
    }

    /// Adds the lines of a text, each as a request of its own. They come after what was pushed before;
    /// nothing may be pushed until all of them have been taken.
    pub(super) fn push_lines(&mut self, lines: Lines) {
        self.lines = Some(lines);
    }

    pub(in crate::wire) fn next(&mut self) -> Option<Inbound> {
        if let Some(one) = self.ready.pop_front() {
            return Some(one);
        }
        let Some((tag, command)) = self.lines.as_mut()?.next() else {
            self.lines = None;
            return None;
        };
        let Some(tag) = tag else { return Some(Inbound::Command(command)) };
        self.ready.push_back(Inbound::Command(command));
        Some(Inbound::Tag(tag))
    }
}

/// How a text is to be said.
#[derive(Debug)]
pub(super) enum Manner {
    Say(Option<RoomName>),
    Me(Option<RoomName>),
    Msg(String),
    Reply,
    Visit(Option<Nick>, VisitTo),
}

impl Manner {
    /// The command that says one line so; `None` where nothing of the line can be seen.
    pub(super) fn command(&self, line: &str) -> Option<Command> {
        let there = |room: &Option<RoomName>, command| match room {
            Some(room) => Command::In(room.clone(), Box::new(command)),
            None => command,
        };
        // What is said is said as it stands, with its blanks. An action follows the name.
        let body = match self {
            Self::Me(_) | Self::Visit(_, VisitTo::Action(_)) | Self::Reply => Body::new(line.trim())?,
            Self::Say(_) | Self::Msg(_) | Self::Visit(..) => Body::new(line)?,
        };
        Some(match self {
            Self::Say(room) => there(room, Command::Say(body)),
            Self::Me(room) => there(room, Command::Me(body)),
            Self::Msg(to) => Command::Msg { to: to.clone(), body },
            Self::Reply => Command::Reply(body),
            Self::Visit(name, to) => Command::Visit { name: name.clone(), to: to.clone(), body },
        })
    }
}

/// The lines of one text. Those of which nothing can be seen are passed over.
#[derive(Debug)]
pub(super) struct Lines {
    manner: Manner,
    text: String,
    /// Where the next line begins.
    at: usize,
    /// The command of the line that was read ahead, to know whether it is the last.
    ahead: Option<Command>,
    /// The request's mark. It goes with the last line: when that is answered, all are.
    tag: Option<Box<str>>,
}

impl Lines {
    /// `None` where nothing of the text can be seen.
    pub(super) fn new(manner: Manner, text: &str, tag: Option<Box<str>>) -> Option<Self> {
        let mut lines = Self { manner, text: text.to_owned(), at: 0, ahead: None, tag };
        lines.ahead = Some(lines.read_ahead()?);
        Some(lines)
    }

    fn next(&mut self) -> Option<(Option<Box<str>>, Command)> {
        let command = self.ahead.take()?;
        self.ahead = self.read_ahead();
        let tag = if self.ahead.is_none() { self.tag.take() } else { None };
        Some((tag, command))
    }

    fn read_ahead(&mut self) -> Option<Command> {
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let (line, length) = rest.split_once('\n').map_or((rest, rest.len()), |(line, _)| (line, line.len() + 1));
            self.at += length;
            if let Some(command) = self.manner.command(line.strip_suffix('\r').unwrap_or(line)) {
                return Some(command);
            }
        }
        None
    }
}
