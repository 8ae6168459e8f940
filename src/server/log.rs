//! The log: whoever writes a line goes on at once, whatever becomes of standard error.
//!
//! A terminal that is stopped, a full pipe or a slow disk would otherwise stop the chat, since the
//! manager logs too. So lines go into a bounded queue, which a thread of its own drains; what does
//! not fit is dropped and counted, and the count is written when there is room again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use env_logger::{Builder, Target};
use log::LevelFilter;

/// Most lines that wait: what a stop with 4,000 sessions says at once.
const QUEUE_LINES: usize = 8192;

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
    End,
}

/// Starts logging to standard error for the whole process.
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
    let mut builder = Builder::new();
    match level {
        Some(level) => builder.filter_level(level),
        None => builder.filter_level(LevelFilter::Info).parse_default_env(),
    };
    builder.format(|f, record| writeln!(f, "{} {:<5} {}", f.timestamp_millis(), record.level(), record.args()));
    builder.target(Target::Pipe(Box::new(Pipe { lines: lines.clone(), dropped: Arc::clone(&dropped) })));
    builder.try_init().map_err(io::Error::other)?;
    thread::Builder::new().name("log".into()).stack_size(128 * 1024).spawn(move || {
        let _writing = writing;
        drain(&queue, &dropped);
    })?;
    Ok(Log { written, lines })
}

impl Log {
    /// Waits until every line has been written, `at_most` so long: a reader of standard error who
    /// does not read cannot keep the program from ending.
    pub fn finish(self, at_most: Duration) {
        let until = std::time::Instant::now() + at_most;
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

/// Writes what comes. A standard error that is closed or full loses lines, nothing else.
fn drain(queue: &Receiver<Line>, dropped: &AtomicU64) {
    let mut stderr = io::stderr();
    while let Ok(Line::Text(line)) = queue.recv() {
        let written = stderr.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if written.is_ok() && lost > 0 {
            let _ = writeln!(stderr, "parlor: {lost} log lines were dropped, standard error was too slow");
        }
    }
}
