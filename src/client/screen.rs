//! The thread that shows what is heard.

use std::io::{self, Write};
use std::time::Duration;

use crossbeam_channel::Receiver;
use parking_lot::{Condvar, Mutex};
use rustyline::ExternalPrinter;

/// So much is shown at once, in bytes.
const SCREEN_BYTES: usize = 32 * 1024;
/// From Enter to the new line it takes no longer; see [`Accepting`].
const NEW_LINE: Duration = Duration::from_millis(100);

/// Puts what is heard above the line that is being typed.
pub(super) fn show_above(mut printer: impl ExternalPrinter, accepting: &Accepting, shown: &Receiver<String>) {
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

pub(super) fn show_plainly(shown: &Receiver<String>) {
    for line in shown {
        let mut out = io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

/// Between Enter and the new line the editor has given up the terminal's raw mode, but not yet left
/// the line: what is shown then would stand behind what was typed. This holds it back so long.
#[derive(Debug, Default)]
pub(super) struct Accepting {
    now: Mutex<bool>,
    done: Condvar,
}

impl Accepting {
    pub(super) fn set(&self, now: bool) {
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
