//! The lines that a person types in a terminal: what each means, and its sending.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::display::Display;
use super::link::{CAN_BE_SENT, Link, Sent};
use super::saved::{SavedFiles, SavedSettings};
use super::settings::Settings;
use parlor::client::ClientError;
use parlor::protocol::{Command, Notice, OthersHear, RoomName, Switch, Verb};
use parlor::wire::{Decode, Encoding, HeardDecoder, Inbound, Limits, Style, TextDecoder, Wire};

/// How long the prompt waits for the answer to a new name or room.
const PROMPT_WAIT: Duration = Duration::from_millis(500);
/// Longest typed line that is read, in bytes; no door accepts more.
const MAX_LINE: usize = 65_536;

/// The input side of a terminal.
pub(super) struct Input {
    pub settings: Settings,
    pub link: Arc<Link>,
    pub display: Arc<Display>,
    pub screen: Sender<String>,
    /// The room in the prompt. Typed lines are for this room.
    pub place: Option<RoomName>,
    pub files: SavedFiles,
    pub saved: SavedSettings,
}

/// The result of one typed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handled {
    Done,
    /// It could not be sent, and stays in the editor.
    Pending,
    Leaves,
}

impl Input {
    /// The prompt. Lines that are typed from now on are for the room in it.
    pub(super) fn prompt(&mut self) -> String {
        self.place = self.link.room();
        let room = self.place.as_ref().map(RoomName::to_string).unwrap_or_default();
        match self.link.name() {
            Some(name) => format!("{room} {name}> ").trim_start().to_owned(),
            None => format!("{room}> "),
        }
    }

    /// Carries out or sends one line.
    pub(super) fn take(&mut self, line: &str) -> Result<Handled, ClientError> {
        let mut handled = Handled::Done;
        if self.link.is_over() {
            return Ok(Handled::Leaves);
        }
        let Some(all) = read(line) else {
            self.refuse("That line cannot be read. Nothing was sent");
            return Ok(Handled::Done);
        };
        for meant in all {
            let sent = match &meant {
                Inbound::Command(Command::Nick(nick) | Command::Rename(nick)) => self.link.take_name(nick, PROMPT_WAIT),
                Inbound::Command(command @ Command::Join(room)) => self.go(command, Some(room.clone())),
                Inbound::Command(command @ Command::Leave) => self.go(command, None),
                Inbound::Command(command @ (Command::Help(_) | Command::Stay)) if self.settings.wire != Wire::Text => {
                    self.explain(command);
                    Ok(Sent::Done)
                }
                // The server has UTC only.
                Inbound::Command(Command::Time(switch)) => {
                    self.show_time(*switch == Switch::On);
                    Ok(Sent::Done)
                }
                // This client needs its echoes to know that a line has arrived. It does not show them.
                Inbound::Command(Command::Echo(_)) => {
                    self.refuse("Your lines stand here as you typed them; /echo is for nc and telnet");
                    Ok(Sent::Done)
                }
                Inbound::Command(Command::Charset(_)) => {
                    self.refuse("This program reads and writes UTF-8; /charset is for nc and telnet");
                    Ok(Sent::Done)
                }
                Inbound::Command(Command::Address(_)) => {
                    self.refuse("Lines have no address here anyway; /address is for nc and telnet");
                    Ok(Sent::Done)
                }
                Inbound::Command(command @ Command::Quit(_)) => {
                    handled = Handled::Leaves;
                    self.link.send(command, None).map(|_| Sent::Done)
                }
                Inbound::Command(command) => {
                    let place = self.place.as_ref().filter(|_| command.is_for_room());
                    self.link.send(command, place)
                }
                // A newer server may have a command that this client does not have. At other doors the server might
                // say the line aloud.
                Inbound::Refused(_) if self.settings.wire == Wire::Text && line.starts_with('/') => {
                    Ok(self.link.send_typed(line))
                }
                Inbound::Refused(refusal) => {
                    self.refuse(&refusal.to_string());
                    Ok(Sent::Done)
                }
                Inbound::Tell(Notice::RenameHint(name)) if self.settings.wire != Wire::Text => {
                    self.inform(&format!("That was sent as a line. To be called {name}, type rename|{name}"));
                    Ok(Sent::Done)
                }
                _ => Ok(Sent::Done),
            };
            match sent {
                Ok(Sent::Done) => {}
                Ok(Sent::NotConnected) if self.link.is_over() => handled = Handled::Leaves,
                Ok(Sent::NotConnected) => {
                    self.refuse("Not connected just now; the line is kept (Ctrl-C drops it)");
                    if !self.link.set_pending() {
                        self.inform(CAN_BE_SENT); // the connection has come back meanwhile
                    }
                    handled = Handled::Pending;
                }
                Ok(Sent::Elsewhere(now)) => {
                    let place = self.place.as_ref().map(RoomName::to_string).unwrap_or_default();
                    let now = now.map_or_else(|| "no room".to_owned(), |now| now.to_string());
                    self.refuse(&format!("Not sent: it was typed for {place}, and you are in {now} now"));
                    self.inform(&format!("It is kept for {place}. To say it: Ctrl-C, /join {place}, up arrow"));
                    handled = Handled::Pending;
                }
                Err(ClientError::Refused { text, .. }) => self.refuse(&text),
                Err(error) => return Err(error),
            }
        }
        Ok(handled)
    }

    /// Joins another room. Lines behind `/join` in the same paste are for that room.
    fn go(&mut self, command: &Command, room: Option<RoomName>) -> Result<Sent, ClientError> {
        let sent = self.link.go(command, PROMPT_WAIT)?;
        self.place = self.link.room().or(room);
        Ok(sent)
    }

    fn show_time(&self, on: bool) {
        self.display.time.store(on, Ordering::Relaxed);
        self.inform(if on { "The local time stands before what is said" } else { "Lines have no time before them" });
    }

    /// Saves the settings for the next conversation.
    pub(super) fn save(&mut self) {
        self.saved = SavedSettings {
            name: self
                .link
                .name()
                .and_then(|name| parlor::protocol::Nick::parse(&name).ok())
                .or(self.saved.name.take()),
            server: Some((self.settings.host.clone(), self.settings.wire)),
            bell: self.settings.bell,
            time: self.display.time.load(Ordering::Relaxed),
        };
        if let Err(what) = self.files.write(&self.saved) {
            self.files = SavedFiles::default(); // the error is shown once
            self.refuse(&what);
        }
    }

    /// Shows the text door's answers to requests that the other doors do not have.
    fn explain(&self, command: &Command) {
        let notice = match command {
            Command::Help(Some(spec)) => Notice::HelpFor(spec),
            Command::Help(None) => Notice::Help,
            _ => return self.inform("This door lets you be silent anyway"),
        };
        let mut bytes = Vec::new();
        Encoding::Text(Style::PLAIN).encode(&notice, None, &mut bytes);
        let Some(mut decoder) = HeardDecoder::new(Wire::Text) else { return };
        decoder.feed(&bytes);
        while let Ok(Some((_, heard))) = decoder.next() {
            if let Some(line) = self.display.heard(&heard, None) {
                self.say(&line);
            }
        }
    }

    pub(super) fn inform(&self, text: &str) {
        self.say(&self.display.rows.indented(&self.display.paint.info(text)));
    }

    pub(super) fn refuse(&self, text: &str) {
        self.say(&self.display.rows.indented(&self.display.paint.refusal(text)));
    }

    fn say(&self, line: &str) {
        // The screen may wait for the next edited line, so this does not wait for the screen.
        let _ = self.screen.send_timeout(format!("{line}\n"), PROMPT_WAIT);
    }
}

/// Whether a line may be stored for later conversations: not a private line, nor a mistyped command, which may be
/// meant as one.
pub(super) fn is_public(line: &str) -> bool {
    let is_private = |meant: &Inbound| {
        let heard = if let Inbound::Command(command) = meant { Some(command.others_hear()) } else { None };
        heard == Some(OthersHear::PrivateLine) || matches!(meant, Inbound::Refused(_))
    };
    line.lines().all(|line| read(line).is_some_and(|all| !all.iter().any(is_private)))
}

/// Whether `typed` is a pending line with `/quit` behind it. While a pending line stands in the editor, a person
/// types `/quit` behind it, and does not mean to say it.
pub(super) fn quits_behind(pending: &str, typed: &str) -> bool {
    let is_quit = |word: &str| word.eq_ignore_ascii_case(Verb::Quit.spec().name);
    let behind = typed.strip_prefix(pending).filter(|_| !pending.is_empty());
    behind.is_some_and(|rest| rest.trim().strip_prefix('/').is_some_and(is_quit))
}

/// The meaning of a typed line, as the text door reads it; `None` if it cannot be known.
fn read(line: &str) -> Option<Vec<Inbound>> {
    let mut decoder = TextDecoder::of_a_person(Limits { max_line: MAX_LINE, max_packet: 0, max_frame: 0 });
    decoder.feed(line.as_bytes());
    decoder.end();
    let mut meant = Vec::new();
    loop {
        match decoder.next() {
            Ok(Some(inbound)) => meant.push(inbound),
            Ok(None) => return Some(meant),
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor::protocol::{Body, Nick};

    #[test]
    fn quit_behind_pending_line_quits() {
        assert!(quits_behind("/who", "/who/quit"));
        assert!(quits_behind("hello", "hello /QUIT "));
        for (kept, typed) in [("", "/quit"), ("hello", "hello"), ("hello", "hello/quits"), ("hello", "oh, hello/quit")]
        {
            assert!(!quits_behind(kept, typed), "{typed}");
        }
    }

    #[test]
    fn typed_line_reads_as_at_text_door() {
        let said = |text| Some(vec![Inbound::Command(Command::Say(Body::new(text).unwrap()))]);
        assert_eq!(read("hi"), said("hi"));
        assert_eq!(read("\\who"), said("who"));
        assert_eq!(read("GET / HTTP/1.1"), said("GET / HTTP/1.1"));
        assert_eq!(read("  "), Some(vec![]));
        assert_eq!(read("rename|bob"), Some(vec![Inbound::Command(Command::Rename(Nick::parse("bob").unwrap()))]));
        assert!(matches!(read("/nosuch").as_deref(), Some([Inbound::Refused(_)])));
    }

    #[test]
    fn private_line_is_not_kept_across_runs() {
        for line in ["hi all", "/join dev", "//msg ann x", "rename|bob", "one\ntwo"] {
            assert!(is_public(line), "{line}");
        }
        for line in ["/msg ann x", "/w ann x", "/r yes", "/MSG ann x", "/mgs ann x", "hi\n/tell ann x"] {
            assert!(!is_public(line), "{line}");
        }
    }
}
