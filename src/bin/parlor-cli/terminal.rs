//! A person's conversation: what is typed is never broken up by what arrives.
//!
//! Three threads: this one edits lines, [`Listener`] listens, and a third puts what is heard above
//! the line being typed, since the editor takes it only while it edits. Nobody waits for the third:
//! when the person leaves, what it could not show in time is not shown.
//!
//! Without a terminal on both sides, or with one that cannot move its cursor, lines are plain.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use parking_lot::Mutex;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};

use super::assistant::Assistant;
use super::error::Error;
use super::link::Link;
use super::listener::{ANSWER_TIMEOUT, Listener};
use super::look::Look;
use super::memory::{Memory, Remembered};
use super::person::{Fate, Person, is_public, quits_behind};
use super::rows::Rows;
use super::screen::{Accepting, show_above, show_plainly};
use super::script::Outcome;
use super::settings::Settings;
use super::show::{self, Paint};
use parlor::client::Client;
use parlor::protocol::Command;

/// Lines that wait to be shown. When there are more, the listening stops.
const SCREEN_LINES: usize = 1024;
/// So long somebody who leaves waits for the server's goodbye, and for the screen.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long each attempt to send a kept line waits for a connection.
const KEPT_LINE_WAIT: Duration = Duration::from_secs(3600);
/// Lines of history that the up arrow reaches.
const HISTORY: usize = 1000;

type LineEditor = Editor<Assistant, MemHistory>;

/// Talks until the person leaves.
pub(super) fn converse(settings: &Settings, memory: Memory, remembered: Remembered) -> Result<Outcome, Error> {
    let out = io::stdout();
    let look = Arc::new(Look {
        paint: Paint::on(&out),
        rows: Rows::of(&out),
        bell: settings.bell && out.is_terminal(),
        time: AtomicBool::new(settings.time),
    });
    let client = Client::connect(&*settings.address, settings.wire).inspect_err(|_| {
        if settings.is_remembered {
            show::warn("that is the server of the last conversation; parlor-cli HOST talks elsewhere");
        }
    })?;
    let (link, accepting): (Arc<Link>, Arc<Accepting>) = (Arc::default(), Arc::default());
    let mut editor = if can_edit() {
        Some(editor(&link, &accepting, look.paint).map_err(|error| Error::terminal("use the terminal", &error))?)
    } else {
        None
    };
    let (screen, shown) = bounded(SCREEN_LINES);
    let (leave, left) = bounded(0);
    let (over, is_over) = bounded::<()>(0);
    let printer = editor.as_mut().and_then(|editor| editor.create_external_printer().ok());
    let (accepts, shown_all) = (Arc::clone(&accepting), over.clone());
    spawn("screen", move || {
        match printer {
            Some(printer) => show_above(printer, &accepts, &shown),
            None => show_plainly(&shown), // no terminal, or one that cannot move its cursor
        }
        drop(shown_all);
    })?;
    let listener = Listener {
        link: Arc::clone(&link),
        settings: settings.clone(),
        look: Arc::clone(&look),
        shows_own: !out.is_terminal(),
        screen: screen.clone(),
        left,
    };
    let broken = Arc::new(Mutex::new(None));
    let breaks = Arc::clone(&broken);
    spawn("listener", move || {
        *breaks.lock() = listener.run(client);
        drop(over);
    })?;
    link.wait_for_connection(ANSWER_TIMEOUT);
    let mut person =
        Person { settings: settings.clone(), link: Arc::clone(&link), look, screen, place: None, memory, remembered };
    person.remember();
    let outcome = match editor {
        Some(editor) => edit(&mut person, editor, &accepting),
        None => read_plainly(&mut person),
    };
    person.remember();
    drop(person);
    link.leave();
    drop(leave);
    let _ = is_over.recv_timeout(GOODBYE); // disconnects when both have ended
    let broken = broken.lock().take();
    match broken {
        Some(error) => Err(error.into()),
        None => outcome.map(|()| Outcome::Done),
    }
}

/// Whether lines can be edited: a terminal on both sides, and one that can move its cursor.
fn can_edit() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && !show::is_dumb_terminal()
}

fn editor(link: &Arc<Link>, accepting: &Arc<Accepting>, paint: Paint) -> rustyline::Result<LineEditor> {
    let config = Config::builder().max_history_size(HISTORY)?.completion_type(rustyline::CompletionType::List).build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(Assistant { link: Arc::clone(link), accepting: Arc::clone(accepting), paint }));
    Ok(editor)
}

fn spawn(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = thread::Builder::new().name(name.into()).spawn(run);
    thread.map(|_| ()).map_err(|error| Error::terminal("start a thread", &error))
}

/// Reads edited lines and sends them.
fn edit(person: &mut Person, mut editor: LineEditor, accepting: &Accepting) -> Result<(), Error> {
    // A line that could not be sent, and the room for which it was typed.
    let (mut kept, mut kept_for) = (String::new(), None);
    let mut interrupted = false;
    let mut lines = person.memory.lines();
    match lines.read() {
        Ok(before) => before.iter().for_each(|line| drop(editor.add_history_entry(line))),
        Err(what) => person.refuse(&what),
    }
    loop {
        let prompt = person.prompt();
        let typed = editor.readline_with_initial(&prompt, (&kept, ""));
        accepting.set(false);
        person.link.keep_no_more();
        let before = std::mem::take(&mut kept);
        match typed {
            Ok(typed) => {
                interrupted = false;
                if let Some(room) = kept_for.take()
                    && typed == before
                {
                    person.place = Some(room);
                }
                let _ = editor.add_history_entry(&typed);
                if quits_behind(&before, &typed) {
                    let _ = person.link.send(&Command::Quit(None), None)?;
                    return Ok(());
                }
                if before != typed
                    && is_public(&typed)
                    && let Err(what) = lines.keep(&typed)
                {
                    person.refuse(&what);
                }
                if person.link.is_over() {
                    return Ok(());
                }
                // What is pasted may be several lines.
                let mut lines = typed.lines();
                while let Some(line) = lines.next() {
                    match person.take(line)? {
                        Fate::Done => {}
                        Fate::Kept => {
                            kept_for.clone_from(&person.place);
                            kept = [line].into_iter().chain(lines.by_ref()).collect::<Vec<_>>().join("\n");
                        }
                        Fate::Leaves => return Ok(()),
                    }
                }
                person.remember();
            }
            Err(ReadlineError::Interrupted) if !interrupted => {
                interrupted = true;
                person.inform("Press Ctrl-C again to leave");
            }
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => {
                let _ = person.link.send(&Command::Quit(None), None)?;
                return Ok(());
            }
            Err(ReadlineError::Signal(_)) => {}
            Err(error) => return Err(Error::terminal("read the terminal", &error)),
        }
    }
}

/// Reads plain lines and sends them.
fn read_plainly(person: &mut Person) -> Result<(), Error> {
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Error::terminal("read the terminal", &error))?;
        let line = String::from_utf8_lossy(&line);
        person.place = person.link.room();
        // A line that is kept waits here for the connection, and for its room.
        loop {
            match person.take(&line)? {
                Fate::Done => break,
                Fate::Leaves => return Ok(()),
                Fate::Kept => {
                    person.link.wait_for_connection(KEPT_LINE_WAIT);
                    person.link.keep_no_more();
                    if person.link.room() != person.place {
                        person.refuse(&format!("Not sent: {line}"));
                        break;
                    }
                }
            }
        }
    }
    let _ = person.link.send(&Command::Quit(None), None)?;
    Ok(())
}
