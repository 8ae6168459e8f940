//! The thread that shows what the listener hears.

use std::io::{self, Write};
use std::time::Duration;

use crossbeam_channel::Receiver;
use parking_lot::{Condvar, Mutex};
use rustyline::ExternalPrinter;

/// Most bytes shown at once.
const SCREEN_BYTES: usize = 32 * 1024;
/// Longest time from Enter to the new line; see [`Accepting`].
const ENTER_WAIT: Duration = Duration::from_millis(100);

/// Prints lines above the one that is being typed.
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

/// Holds output back between Enter and the new line. There the editor has left the terminal's raw mode but
/// not the line, so output would stand behind the typed text.
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
            self.done.wait_for(&mut now, ENTER_WAIT);
        }
    }
}
