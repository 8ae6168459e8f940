//! A person's conversation: what is typed is never broken up by what arrives.
//!
//! Three threads: this one edits lines, [`Listener`] listens, and a third puts what is heard above
//! the line being typed, since the editor takes it only while it edits. Nobody waits for the third:
//! when the person leaves, what it could not show in time is not shown.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, ExternalPrinter, Helper};

use super::flags::Flags;
use super::link::{CAN_BE_SENT, Link, Listener};
use super::script::Outcome;
use super::show::Paint;
use super::{Client, ClientError};
use crate::protocol::{Body, COMMANDS, Command, Notice};
use crate::wire::{Decode, Encoding, HeardDecoder, Inbound, Limits, TextDecoder, Wire};

/// Lines that wait to be shown. When there are more, the listening stops.
const SCREEN_LINES: usize = 1024;
/// So much is shown at once.
const SCREEN_BYTES: usize = 32 * 1024;
/// So long the prompt waits for the answer to a new name.
const NAME: Duration = Duration::from_millis(500);
/// So long somebody who leaves waits for the server's goodbye, and for the screen.
const GOODBYE: Duration = Duration::from_secs(2);
/// From Enter to the new line it takes no longer; see [`Accepting`].
const NEW_LINE: Duration = Duration::from_millis(100);
/// Lines of history that the up arrow reaches.
const HISTORY: usize = 1000;
/// Longest line that is read as typed, in bytes; no door takes more.
const MAX_LINE: usize = 65_536;

/// Talks until the person leaves.
pub(super) fn converse(flags: &Flags, address: &str) -> Result<Outcome, ClientError> {
    let paint = Paint::on(&io::stdout());
    let client = Client::connect(address, flags.wire)?;
    let (link, accepting): (Arc<Link>, Arc<Accepting>) = (Arc::default(), Arc::default());
    let mut editor = editor(&link, &accepting, paint).map_err(|error| terminal("use the terminal", &error))?;
    let (screen, shown) = bounded(SCREEN_LINES);
    let (leave, left) = bounded(0);
    let (over, is_over) = bounded::<()>(0);
    let printer = editor.create_external_printer();
    let (accepts, shown_all) = (Arc::clone(&accepting), over.clone());
    spawn("screen", move || {
        match printer {
            Ok(printer) => show_above(printer, &accepts, &shown),
            Err(_) => show_plainly(&shown), // no terminal, or one that cannot move its cursor
        }
        drop(shown_all);
    })?;
    let listener = Listener {
        link: Arc::clone(&link),
        flags: flags.clone(),
        address: address.to_owned(),
        paint,
        screen: screen.clone(),
        left,
    };
    spawn("listener", move || {
        listener.run(client);
        drop(over);
    })?;
    if let Some(nick) = &flags.name {
        link.wait_for_name(nick, 0, NAME);
    }
    let outcome = Person { flags, link: Arc::clone(&link), accepting, paint, screen, editor }.talk();
    link.leave();
    drop(leave);
    let _ = is_over.recv_timeout(GOODBYE); // disconnects when both have ended
    outcome.map(|()| Outcome::Done)
}

fn editor(
    link: &Arc<Link>,
    accepting: &Arc<Accepting>,
    paint: Paint,
) -> rustyline::Result<Editor<Assistant, MemHistory>> {
    let config = Config::builder()
        .auto_add_history(true)
        .max_history_size(HISTORY)?
        .completion_type(rustyline::CompletionType::List)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(Assistant { link: Arc::clone(link), accepting: Arc::clone(accepting), paint }));
    Ok(editor)
}

fn spawn(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<(), ClientError> {
    let thread = thread::Builder::new().name(name.into()).spawn(run);
    thread.map(|_| ()).map_err(|error| terminal("start a thread", &error))
}

fn terminal(attempted: &'static str, error: &impl ToString) -> ClientError {
    ClientError::Terminal { attempted, error: error.to_string() }
}

/// Puts what is heard above the line that is being typed.
fn show_above(mut printer: impl ExternalPrinter, accepting: &Accepting, shown: &Receiver<String>) {
    while let Ok(mut lines) = shown.recv() {
        while lines.len() < SCREEN_BYTES
            && let Ok(more) = shown.try_recv()
        {
            lines.push_str(&more);
        }
        accepting.wait();
        if printer.print(lines).is_err() {
            return show_plainly(shown);
        }
    }
}

fn show_plainly(shown: &Receiver<String>) {
    for line in shown {
        let mut out = io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

/// Between Enter and the new line the editor has given up the terminal's raw mode, but not yet left
/// the line: what is shown then would stand behind what was typed. This holds it back so long.
#[derive(Debug, Default)]
struct Accepting {
    now: Mutex<bool>,
    done: Condvar,
}

impl Accepting {
    fn set(&self, now: bool) {
        *self.now.lock() = now;
        self.done.notify_all();
    }

    fn wait(&self) {
        let mut now = self.now.lock();
        if *now {
            self.done.wait_for(&mut now, NEW_LINE);
        }
    }
}

/// The one who types.
struct Person<'a> {
    flags: &'a Flags,
    link: Arc<Link>,
    accepting: Arc<Accepting>,
    paint: Paint,
    screen: Sender<String>,
    editor: Editor<Assistant, MemHistory>,
}

/// What becomes of a line.
enum Fate {
    Done,
    /// It could not be sent, and stays in the editor.
    Kept,
    Leaves,
}

impl Person<'_> {
    fn talk(mut self) -> Result<(), ClientError> {
        let mut kept = String::new();
        let mut interrupted = false;
        loop {
            let prompt = self.link.name().map_or_else(|| "> ".to_owned(), |name| format!("{name}> "));
            let typed = self.editor.readline_with_initial(&prompt, (&kept, ""));
            self.accepting.set(false);
            self.link.keep_no_more();
            let before = std::mem::take(&mut kept);
            match typed {
                Ok(typed) => {
                    interrupted = false;
                    if quits_behind(&before, &typed) {
                        let _ = self.link.send(&Command::Quit(None))?;
                        return Ok(());
                    }
                    // What is pasted may be several lines.
                    let mut lines = typed.lines();
                    while let Some(line) = lines.next() {
                        match self.take(line)? {
                            Fate::Done => {}
                            Fate::Kept => {
                                kept = [line].into_iter().chain(lines.by_ref()).collect::<Vec<_>>().join("\n");
                            }
                            Fate::Leaves => return Ok(()),
                        }
                    }
                }
                Err(ReadlineError::Interrupted) if !interrupted => {
                    interrupted = true;
                    self.inform("Press Ctrl-C again to leave");
                }
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => {
                    let _ = self.link.send(&Command::Quit(None))?;
                    return Ok(());
                }
                Err(ReadlineError::Signal(_)) => {}
                Err(error) => return Err(terminal("read the terminal", &error)),
            }
        }
    }

    /// Does what one line asks for.
    fn take(&self, line: &str) -> Result<Fate, ClientError> {
        let mut fate = Fate::Done;
        for meant in read(line) {
            let sent = match &meant {
                Inbound::Command(Command::Nick(nick) | Command::Rename(nick)) => self.link.take_name(nick, NAME),
                Inbound::Command(command @ (Command::Help(_) | Command::Stay)) if self.flags.wire != Wire::Text => {
                    self.explain(command);
                    Ok(true)
                }
                // An echo tells this client that its line has arrived, and is not shown.
                Inbound::Command(Command::Echo(_)) => {
                    self.say(
                        &self.paint.refusal("Your lines stand here as you typed them; /echo is for nc and telnet"),
                    );
                    Ok(true)
                }
                Inbound::Command(command @ Command::Quit(_)) => {
                    fate = Fate::Leaves;
                    self.link.send(command).map(|_| true)
                }
                Inbound::Command(command) => self.link.send(command),
                // The server may know what this client does not, and says what is wrong if not.
                Inbound::Refused(_) if self.flags.wire == Wire::Text => Ok(self.link.send_typed(line)),
                Inbound::Refused(refusal) => {
                    self.say(&self.paint.refusal(&refusal.to_string()));
                    Ok(true)
                }
                _ => Ok(true),
            };
            match sent {
                Ok(true) => {}
                Ok(false) => {
                    self.say(&self.paint.refusal("Not connected just now; the line is kept (Ctrl-C drops it)"));
                    if !self.link.keep() {
                        self.inform(CAN_BE_SENT); // the connection has come back in between
                    }
                    fate = Fate::Kept;
                }
                Err(ClientError::Refused { text, .. }) => self.say(&self.paint.refusal(&text)),
                Err(error) => return Err(error),
            }
        }
        Ok(fate)
    }

    /// What the text door would answer, for the doors at which programs do not ask for such things.
    fn explain(&self, command: &Command) {
        let notice = match command {
            Command::Help(Some(spec)) => Notice::HelpFor(spec),
            Command::Help(None) => Notice::Help,
            _ => return self.inform("This door lets you be silent anyway"),
        };
        let mut bytes = Vec::new();
        Encoding::TextLf.encode(&notice, None, &mut bytes);
        let Some(mut decoder) = HeardDecoder::new(Wire::Text) else { return };
        decoder.feed(&bytes);
        while let Ok(Some((_, heard))) = decoder.next() {
            if let Some(line) = self.paint.line(&heard) {
                self.say(&line);
            }
        }
    }

    fn inform(&self, text: &str) {
        self.say(&self.paint.info(text));
    }

    fn say(&self, line: &str) {
        // The screen may wait until the next line is edited, so this does not wait for the screen.
        let _ = self.screen.send_timeout(format!("{line}\n"), NAME);
    }
}

/// Whether somebody leaves in whose line a kept one stands: whatever is typed then is typed behind it,
/// and nobody who types `/quit` there means to say it.
fn quits_behind(kept: &str, typed: &str) -> bool {
    !kept.is_empty() && typed.strip_prefix(kept).is_some_and(|rest| rest.trim().eq_ignore_ascii_case("/quit"))
}

/// What a typed line means, as the text door would read it.
fn read(line: &str) -> Vec<Inbound> {
    let mut decoder = TextDecoder::new(Limits { max_line: MAX_LINE, max_packet: 0, max_frame: 0 });
    decoder.feed(b"\n"); // so that this is not the first line, which might be another protocol's
    while let Ok(Some(_)) = decoder.next() {}
    decoder.feed(line.as_bytes());
    decoder.end();
    let mut meant = Vec::new();
    loop {
        match decoder.next() {
            Ok(Some(inbound)) => meant.push(inbound),
            Ok(None) => return meant,
            // A NUL; what cannot be read is said.
            Err(_) => return Body::new(line).map(|body| Inbound::Command(Command::Say(body))).into_iter().collect(),
        }
    }
}

/// What helps while typing.
struct Assistant {
    link: Arc<Link>,
    accepting: Arc<Accepting>,
    paint: Paint,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    /// Enter was pressed. Every line is complete.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.accepting.set(true);
        Ok(ValidationResult::Valid(None))
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        match prompt.strip_suffix("> ") {
            Some(name) if !name.is_empty() => Cow::Owned(format!("{}> ", self.paint.name(name))),
            _ => Cow::Borrowed(prompt),
        }
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(complete(line.get(..at).unwrap_or_default(), &self.link.names()))
    }
}

/// What the last word of `typed` may become, and where it begins: a command at the beginning of the
/// line or behind `/help`, and otherwise a name.
fn complete(typed: &str, names: &[String]) -> (usize, Vec<Pair>) {
    let start = typed
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + typed.get(blank..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let (before, word) = typed.split_at(start);
    let lower = word.to_lowercase();
    let pair = |display: String, end: &str| Pair { replacement: format!("{display}{end}"), display };
    let slash = if start == 0 { "/" } else { "" };
    let candidates = if start == 0 && word.starts_with('/') || before.trim().eq_ignore_ascii_case("/help") {
        let begins = lower.strip_prefix('/').unwrap_or(&lower);
        let fitting = COMMANDS.iter().filter(|spec| spec.name.starts_with(begins));
        fitting
            .map(|spec| {
                let end = if spec.args.is_empty() || start > 0 { "" } else { " " };
                pair(format!("{slash}{}", spec.name), end)
            })
            .collect()
    } else {
        let end = if start == 0 { ": " } else { " " };
        let fitting = names.iter().filter(|name| name.to_lowercase().starts_with(&lower));
        fitting.map(|name| pair(name.clone(), end)).collect()
    };
    (start, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Nick;

    #[test]
    fn tab_completes_commands_and_names() {
        let names = ["mike", "Mia", "ann"].map(str::to_owned);
        let completions = |typed| {
            let (start, pairs) = complete(typed, &names);
            (start, pairs.into_iter().map(|pair| pair.replacement).collect::<Vec<_>>())
        };
        assert_eq!(completions("/no"), (0, vec![]));
        assert_eq!(completions("/ni"), (0, vec!["/nick ".to_owned()]));
        assert_eq!(completions("/PI"), (0, vec!["/ping".to_owned()]));
        assert_eq!(completions("/help upt"), (6, vec!["uptime".to_owned()]));
        assert_eq!(completions("mi"), (0, vec!["mike: ".to_owned(), "Mia: ".to_owned()]));
        assert_eq!(completions("/msg an"), (5, vec!["ann ".to_owned()]));
        assert_eq!(completions("ask\u{3000}AN"), (6, vec!["ann ".to_owned()]));
        assert_eq!(completions("hi ").1.len(), 3);
    }

    #[test]
    fn who_keeps_a_line_can_still_quit() {
        assert!(quits_behind("/who", "/who/quit"));
        assert!(quits_behind("hello", "hello /QUIT "));
        for (kept, typed) in [("", "/quit"), ("hello", "hello"), ("hello", "hello/quits"), ("hello", "oh, hello/quit")]
        {
            assert!(!quits_behind(kept, typed), "{typed}");
        }
    }

    #[test]
    fn a_typed_line_means_what_the_text_door_would_read() {
        let said = |text| vec![Inbound::Command(Command::Say(Body::new(text).unwrap()))];
        assert_eq!(read("hi"), said("hi"));
        assert_eq!(read("\\who"), said("who"));
        assert_eq!(read("GET / HTTP/1.1"), said("GET / HTTP/1.1"));
        assert_eq!(read("  "), vec![]);
        assert_eq!(read("rename|bob"), vec![Inbound::Command(Command::Rename(Nick::parse("bob").unwrap()))]);
        assert!(matches!(read("/nosuch").as_slice(), [Inbound::Refused(_)]));
    }
}
