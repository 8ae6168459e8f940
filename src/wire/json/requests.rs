//! Decoded requests, and texts of several lines, each of which becomes a request.
//!
//! The lines of a text are made one by one, when they are taken. Made at once, they would need fifty
//! times the packet's memory.

use std::collections::VecDeque;

use crate::protocol::{Body, Command, Nick, RoomName, VisitTo};
use crate::wire::Inbound;

/// Decoded requests that were not taken yet, in order.
#[derive(Debug, Default)]
pub(in crate::wire) struct Requests {
    ready: VecDeque<Inbound>,
    lines: Option<Lines>,
}

impl Requests {
    pub(in crate::wire) fn push(&mut self, one: Inbound) {
        self.ready.push_back(one);
    }

    /// Adds the lines of a text, each as a request, behind earlier requests. Nothing may be pushed until
    /// all of them have been taken.
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

/// The form in which a text is said.
#[derive(Debug)]
pub(super) enum Manner {
    Say(Option<RoomName>),
    Me(Option<RoomName>),
    Msg(String),
    Reply,
    Visit(Option<Nick>, VisitTo),
}

impl Manner {
    /// The command for one line; `None` if nothing of the line is visible.
    pub(super) fn command(&self, line: &str) -> Option<Command> {
        let there = |room: &Option<RoomName>, command| match room {
            Some(room) => Command::In(room.clone(), Box::new(command)),
            None => command,
        };
        // A spoken line keeps its blanks. An action follows the name.
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

/// The lines of one text, without those of which nothing is visible.
#[derive(Debug)]
pub(super) struct Lines {
    manner: Manner,
    text: String,
    /// The byte at which the next line begins.
    at: usize,
    /// The command of the next line. It is read ahead, to know which line is the last.
    ahead: Option<Command>,
    /// The request's mark. The last line carries it, so its answer comes after all lines.
    tag: Option<Box<str>>,
}

impl Lines {
    /// `None` if nothing of the text is visible.
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
