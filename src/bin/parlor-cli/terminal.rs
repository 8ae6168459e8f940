//! A conversation in a terminal: received lines never break up the line that is typed.
//!
//! There are three threads. This one edits lines, [`Listener`] receives, and the screen thread prints received lines
//! above the line that is typed, because the editor takes them only while it edits. No thread waits for the screen
//! thread: at the end, lines that it could not print in time are dropped.
//!
//! Without a terminal on both sides, or with a terminal that cannot move its cursor, lines are plain.

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

use super::completion::EditorHelper;
use super::display::Display;
use super::error::Error;
use super::input::{Handled, Input, is_public, quits_behind};
use super::link::Link;
use super::listener::{ANSWER_TIMEOUT, Listener};
use super::rows::Rows;
use super::saved::{SavedFiles, SavedSettings};
use super::screen::{Accepting, show_above, show_plainly};
use super::script::Outcome;
use super::settings::Settings;
use super::show::{self, Paint};
use parlor::client::Client;
use parlor::protocol::Command;

/// Most lines that wait for the screen thread. The listener stops while there are as many.
const SCREEN_LINES: usize = 1024;
/// Longest wait at the end for the server's goodbye and for the screen thread.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait of one attempt to send a pending line for a connection.
const PENDING_LINE_WAIT: Duration = Duration::from_secs(3600);
/// Most typed lines that the up arrow reaches.
const HISTORY: usize = 1000;

type LineEditor = Editor<EditorHelper, MemHistory>;

/// Talks until the person leaves.
pub(super) fn converse(settings: &Settings, files: SavedFiles, saved: SavedSettings) -> Result<Outcome, Error> {
    let out = io::stdout();
    let display = Arc::new(Display {
        paint: Paint::on(&out),
        rows: Rows::of(&out),
        bell: settings.bell && out.is_terminal(),
        time: AtomicBool::new(settings.time),
    });
    let client = Client::connect(&*settings.address, settings.wire).inspect_err(|_| {
        if settings.is_saved {
            show::warn("that is the server of the last conversation; parlor-cli HOST talks elsewhere");
        }
    })?;
    let (link, accepting): (Arc<Link>, Arc<Accepting>) = (Arc::default(), Arc::default());
    let mut editor = if can_edit() {
        Some(editor(&link, &accepting, display.paint).map_err(|error| Error::terminal("use the terminal", &error))?)
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
        display: Arc::clone(&display),
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
    let mut input =
        Input { settings: settings.clone(), link: Arc::clone(&link), display, screen, place: None, files, saved };
    input.save();
    let outcome = match editor {
        Some(editor) => edit(&mut input, editor, &accepting),
        None => read_plainly(&mut input),
    };
    input.save();
    drop(input);
    link.leave();
    drop(leave);
    let _ = is_over.recv_timeout(END_TIMEOUT); // disconnects when both have ended
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
    editor.set_helper(Some(EditorHelper { link: Arc::clone(link), accepting: Arc::clone(accepting), paint }));
    Ok(editor)
}

fn spawn(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = thread::Builder::new().name(name.into()).spawn(run);
    thread.map(|_| ()).map_err(|error| Error::terminal("start a thread", &error))
}

/// Reads edited lines and sends them.
fn edit(input: &mut Input, mut editor: LineEditor, accepting: &Accepting) -> Result<(), Error> {
    // A line that could not be sent, and the room for which it was typed.
    let (mut pending, mut pending_room) = (String::new(), None);
    let mut interrupted = false;
    let mut lines = input.files.lines();
    match lines.read() {
        Ok(before) => before.iter().for_each(|line| drop(editor.add_history_entry(line))),
        Err(what) => input.refuse(&what),
    }
    loop {
        let prompt = input.prompt();
        let typed = editor.readline_with_initial(&prompt, (&pending, ""));
        accepting.set(false);
        input.link.clear_pending();
        let before = std::mem::take(&mut pending);
        match typed {
            Ok(typed) => {
                interrupted = false;
                if let Some(room) = pending_room.take()
                    && typed == before
                {
                    input.place = Some(room);
                }
                let _ = editor.add_history_entry(&typed);
                if quits_behind(&before, &typed) {
                    let _ = input.link.send(&Command::Quit(None), None)?;
                    return Ok(());
                }
                if before != typed
                    && is_public(&typed)
                    && let Err(what) = lines.add(&typed)
                {
                    input.refuse(&what);
                }
                if input.link.is_over() {
                    return Ok(());
                }
                // A paste may have several lines.
                let mut lines = typed.lines();
                while let Some(line) = lines.next() {
                    match input.take(line)? {
                        Handled::Done => {}
                        Handled::Pending => {
                            pending_room.clone_from(&input.place);
                            pending = [line].into_iter().chain(lines.by_ref()).collect::<Vec<_>>().join("\n");
                        }
                        Handled::Leaves => return Ok(()),
                    }
                }
                input.save();
            }
            Err(ReadlineError::Interrupted) if !interrupted => {
                interrupted = true;
                input.inform("Press Ctrl-C again to leave");
            }
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => {
                let _ = input.link.send(&Command::Quit(None), None)?;
                return Ok(());
            }
            Err(ReadlineError::Signal(_)) => {}
            Err(error) => return Err(Error::terminal("read the terminal", &error)),
        }
    }
}

/// Reads plain lines and sends them.
fn read_plainly(input: &mut Input) -> Result<(), Error> {
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Error::terminal("read the terminal", &error))?;
        let line = String::from_utf8_lossy(&line);
        input.place = input.link.room();
        // A pending line waits here for the connection, and for its room.
        loop {
            match input.take(&line)? {
                Handled::Done => break,
                Handled::Leaves => return Ok(()),
                Handled::Pending => {
                    input.link.wait_for_connection(PENDING_LINE_WAIT);
                    input.link.clear_pending();
                    if input.link.room() != input.place {
                        input.refuse(&format!("Not sent: {line}"));
                        break;
                    }
                }
            }
        }
    }
    let _ = input.link.send(&Command::Quit(None), None)?;
    Ok(())
}
