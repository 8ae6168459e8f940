//! The log: whoever writes a line goes on at once, whatever becomes of standard error.
//!
//! A terminal that is stopped, a full pipe or a slow disk would otherwise stop the chat, since the
//! manager logs too. So lines go into a bounded queue, which a thread of its own drains; what does
//! not fit is dropped and counted, and the count is written when there is room again. Each event is
//! one line, and of a flood only the beginning is written (see `noise`). A panic is an event too.

use std::io::{self, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use env_logger::{Builder, Target};
use log::{LevelFilter, Record, error};
use parking_lot::Mutex;

use super::noise::{Noise, UNLIMITED, one_line};

/// Most lines that wait: what a stop with 4,000 sessions says at once.
pub(super) const QUEUE_LINES: usize = 8192;

/// Longest line, in bytes; what is beyond is cut.
pub(super) const MAX_LINE: usize = 1024;

/// The running log. Keep it until the end of the program.
#[derive(Debug)]
pub struct Log {
    /// Becomes readable (by disconnecting) when the thread has written everything.
    written: Receiver<()>,
    lines: Sender<Line>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    /// Lines were held back; their count is to be written when its time comes.
    Look,
    End,
}

/// Starts logging to standard error for the whole process.
///
/// A panic of any thread becomes a line as well: where it was, not what it says, since that may be
/// somebody's words. Who wants more of it sets a hook of their own (`std::panic::set_hook`) afterwards.
///
/// `level` is what is shown; without it `RUST_LOG` says, in env_logger's syntax, and without that
/// it is `info`.
///
/// # Errors
/// If the thread cannot be started, or the process logs already.
pub fn start(level: Option<LevelFilter>) -> io::Result<Log> {
    let (lines, queue) = crossbeam_channel::bounded(QUEUE_LINES);
    let (writing, written) = crossbeam_channel::bounded(0);
    let dropped = Arc::new(AtomicU64::new(0));
    let filter = Arc::new(Filter { noise: Mutex::default(), owes: AtomicBool::new(false), started: Instant::now() });
    let mut builder = Builder::new();
    match level {
        Some(level) => builder.filter_level(level),
        None => builder.filter_level(LevelFilter::Info).parse_default_env(),
    };
    let (asked, waker) = (Arc::clone(&filter), lines.clone());
    builder.format(move |f, record| match asked.text_of(record) {
        Some(text) => writeln!(f, "{} {:<5} {text}", f.timestamp_millis(), record.level()),
        None => {
            if !asked.owes.swap(true, Ordering::SeqCst) {
                let _ = waker.try_send(Line::Look); // full: the thread looks after each line anyway
            }
            Ok(())
        }
    });
    builder.target(Target::Pipe(Box::new(Pipe { lines: lines.clone(), dropped: Arc::clone(&dropped) })));
    builder.try_init().map_err(io::Error::other)?;
    thread::Builder::new().name("log".into()).stack_size(128 * 1024).spawn(move || {
        let _writing = writing;
        drain(&queue, &dropped, &filter);
    })?;
    // std's own hook would wait for standard error, for as long as nobody reads it.
    panic::set_hook(Box::new(|panic| {
        let (thread, place) = (thread::current(), panic.location().map(ToString::to_string));
        let (name, place) = (thread.name().unwrap_or("without a name"), place.as_deref().unwrap_or("a place unknown"));
        error!("thread {name} panicked at {place}");
    }));
    Ok(Log { written, lines })
}

impl Log {
    /// Waits until every line has been written, `at_most` so long: a reader of standard error who
    /// does not read cannot keep the program from ending.
    pub fn finish(self, at_most: Duration) {
        let until = Instant::now() + at_most;
        if self.lines.send_deadline(Line::End, until).is_ok() {
            let _ = self.written.recv_deadline(until);
        }
    }
}

/// Where env_logger writes each finished line.
struct Pipe {
    lines: Sender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.lines.try_send(Line::Text(line.to_vec())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decides what is written, for all threads.
struct Filter {
    noise: Mutex<Noise>,
    /// Lines were held back since the thread looked.
    owes: AtomicBool,
    started: Instant,
}

impl Filter {
    /// The text of an event, on one line; `None` where it is one too many of its cause.
    fn text_of(&self, record: &Record<'_>) -> Option<String> {
        let text = one_line(&record.args().to_string(), MAX_LINE);
        let line = record.line().unwrap_or_default();
        let mut noise = self.noise.lock();
        let written = noise.lets_through(record.target(), line, record.level(), &text, self.started.elapsed());
        written.then_some(text)
    }

    /// When the thread has to write a count.
    fn next_due(&self) -> Option<Instant> {
        self.owes.store(false, Ordering::SeqCst); // first, or what comes now would wake nobody
        self.noise.lock().next_due().map(|due| self.started + due)
    }
}

/// Writes what comes. A standard error that is closed or full loses lines, nothing else.
fn drain(queue: &Receiver<Line>, dropped: &AtomicU64, filter: &Filter) {
    let mut stderr = io::stderr();
    loop {
        let next = match filter.next_due() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_deadline(due),
        };
        let mut written = Ok(());
        let mut is_over = false;
        match next {
            Ok(Line::Text(line)) => written = stderr.write_all(&line),
            Ok(Line::Look) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Line::End) | Err(RecvTimeoutError::Disconnected) => is_over = true,
        }
        let now = if is_over { Duration::MAX / 2 } else { filter.started.elapsed() };
        let counts = filter.noise.lock().due(now);
        for more in counts {
            if is_over {
                let _ = writeln!(stderr, "parlor: {}", more.text);
            } else {
                log::log!(target: UNLIMITED, more.level, "{}", more.text); // into the queue, as any other line
            }
        }
        let lost = if written.is_ok() { dropped.swap(0, Ordering::Relaxed) } else { 0 };
        if lost > 0 {
            let _ = writeln!(stderr, "parlor: {lost} log lines were dropped, standard error was too slow");
        }
        if is_over {
            // A count that came due just before went behind the end.
            for line in queue.try_iter().take(QUEUE_LINES) {
                if let Line::Text(line) = line {
                    let _ = stderr.write_all(&line);
                }
            }
            return;
        }
    }
}
