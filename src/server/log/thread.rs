//! The log thread: logging never blocks, even where standard error is stopped, full or closed.
//!
//! A stopped terminal, a full pipe or a slow disk would otherwise stop the chat, since the manager logs too.
//! Lines go into a bounded queue, and the log thread writes them. A line that does not fit is dropped and
//! counted; the count is written when there is room again. Each event is one line. Of a flood of lines only
//! the beginning is written (see [`rate_limit`](super::rate_limit)). A panic is an event too.

use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use env_logger::{Builder, Target};
use log::{Level, LevelFilter, Record};
use parking_lot::Mutex;

use crate::variables;

use super::UNLIMITED;
use super::rate_limit::{LogRateLimit, one_line};

/// Most lines that wait: a stop with 4,000 sessions logs as many at once.
pub(in super::super) const QUEUE_LINES: usize = 8192;

/// Longest line, in bytes; the rest is cut.
pub(in super::super) const MAX_LINE: usize = 1024;

/// The log rate limit counts all panics by this cause.
const PANICS: &str = "parlor::panic";

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
    /// Lines were suppressed; their count is to be written when it is due.
    Look,
    End,
}

/// Starts logging to standard error for the whole process.
///
/// A panic of any thread becomes a line with its place, without its message, which may hold chat text. A program
/// that wants more sets a hook of its own (`std::panic::set_hook`) afterwards.
///
/// `level` is the lowest level that is shown. Without it `RUST_LOG` decides, in env_logger's syntax; without
/// that it is `info`. Logging never panics: an impossible time or a value that cannot be written costs part of
/// its line at most.
///
/// # Errors
/// If the thread cannot be started, or the process logs already.
pub fn start(level: Option<LevelFilter>) -> io::Result<Log> {
    let (lines, queue) = crossbeam_channel::bounded(QUEUE_LINES);
    let (writing, written) = crossbeam_channel::bounded(0);
    let dropped = Arc::new(AtomicU64::new(0));
    let filter = Arc::new(Filter { limiter: Mutex::default(), owes: AtomicBool::new(false), started: Instant::now() });
    let mut builder = Builder::new();
    let mut wrong = None;
    builder.filter_level(level.unwrap_or(LevelFilter::Info));
    // tungstenite logs what people say, at debug and trace.
    builder.filter_module("tungstenite", LevelFilter::Info);
    if level.is_none() {
        match variables::read("RUST_LOG") {
            Ok(filters) => _ = filters.map(|filters| builder.parse_filters(&filters)),
            Err(sentence) => wrong = Some(sentence),
        }
    }
    let (asked, waker) = (Arc::clone(&filter), lines.clone());
    builder.format(move |f, record| match asked.text_of(record) {
        Some(text) => f.write_all(line_of(record.level(), &text).as_bytes()),
        None => {
            if !asked.owes.swap(true, Ordering::SeqCst) {
                let _ = waker.try_send(Line::Look); // full: the thread looks after each line anyway
            }
            Ok(())
        }
    });
    let pipe = Pipe { lines: lines.clone(), dropped: Arc::clone(&dropped) };
    let (of_panics, theirs) = (pipe.clone(), Arc::clone(&filter));
    builder.target(Target::Pipe(Box::new(pipe)));
    builder.try_init().map_err(io::Error::other)?;
    thread::Builder::new().name("log".into()).stack_size(128 * 1024).spawn(move || {
        let _writing = writing;
        drain(&queue, &dropped, &filter);
    })?;
    // std's own hook would block while standard error is not read. A panic in a hook aborts the process, so this
    // one formats no values of others and takes no lock.
    panic::set_hook(Box::new(move |panic| {
        let (thread, place) = (thread::current(), panic.location().map(ToString::to_string));
        let (name, place) = (thread.name().unwrap_or("without a name"), place.as_deref().unwrap_or("a place unknown"));
        let text = one_line(&format!("thread {name} panicked at {place}"), MAX_LINE);
        if log::log_enabled!(Level::Error) && theirs.lets_panic_through(&text) {
            let _ = of_panics.clone().write(line_of(Level::Error, &text).as_bytes());
        }
    }));
    if let Some(sentence) = wrong {
        log::warn!("{sentence}");
    }
    Ok(Log { written, lines })
}

impl Log {
    /// Waits until every line has been written, `at_most` this long: a standard error that is not read cannot
    /// keep the program from ending.
    pub fn finish(self, at_most: Duration) {
        let until = Instant::now() + at_most;
        if self.lines.send_deadline(Line::End, until).is_ok() {
            let _ = self.written.recv_deadline(until);
        }
    }
}

/// One line of the log, written at this moment.
fn line_of(level: Level, text: &str) -> String {
    format!("{} {level:<5} {text}\n", stamp(SystemTime::now()))
}

/// Formats a time as ISO 8601: `2026-01-31T23:59:59.999Z`, with a sign before years beyond 9999 or before 0.
/// It accepts any clock; env_logger's own format panics beyond the year 9999.
fn stamp(now: SystemTime) -> String {
    let ms: i128 = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis().cast_signed(),
        Err(before) => -before.duration().as_millis().cast_signed(),
    };
    const DAY: i128 = 24 * 3_600_000;
    let (days, ms) = (ms.div_euclid(DAY), ms.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    let year = year.abs();
    format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

/// The date of a number of days since 1970, in the Gregorian calendar (Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `civil_from_days`): years begin in March, so that a leap day is their last.
fn civil(days: i128) -> (i128, i128, i128) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i128::from(month <= 2), month, day)
}

/// The text of an event, on one line. If its `Display` fails or panics, the text ends there; `to_string` would
/// panic.
fn text_of(args: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let written = panic::catch_unwind(AssertUnwindSafe(|| fmt::write(&mut text, args)));
    if !matches!(written, Ok(Ok(()))) {
        text.push_str(" … (the rest of this line cannot be written)");
    }
    one_line(&text, MAX_LINE)
}

/// Where env_logger writes each finished line.
#[derive(Clone)]
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
    limiter: Mutex<LogRateLimit>,
    /// Lines were suppressed since the thread checked.
    owes: AtomicBool,
    started: Instant,
}

impl Filter {
    /// The text of an event, on one line; `None` if it is over the limit of its cause.
    fn text_of(&self, record: &Record<'_>) -> Option<String> {
        let text = text_of(*record.args());
        let line = record.line().unwrap_or_default();
        let mut limiter = self.limiter.lock();
        let written = limiter.lets_through(record.target(), line, record.level(), &text, self.started.elapsed());
        written.then_some(text)
    }

    /// Whether to write a panic. If the thread panicked while it held the lock, write it.
    fn lets_panic_through(&self, text: &str) -> bool {
        let limiter = self.limiter.try_lock();
        limiter.is_none_or(|mut limiter| limiter.lets_through(PANICS, 0, Level::Error, text, self.started.elapsed()))
    }

    /// When the thread has to write a count.
    fn next_due(&self) -> Option<Instant> {
        self.owes.store(false, Ordering::SeqCst); // first: a line that comes now must wake the thread
        self.limiter.lock().next_due().map(|due| self.started + due)
    }
}

/// Writes all lines. A standard error that is closed or full loses lines, nothing else.
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
        let counts = filter.limiter.lock().due(now);
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
            // A count that was due just before stands behind the end.
            for line in queue.try_iter().take(QUEUE_LINES) {
                if let Line::Text(line) = line {
                    let _ = stderr.write_all(&line);
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64, ms: u32) -> Option<String> {
        let time = Duration::new(seconds.unsigned_abs(), 0);
        let base = if seconds < 0 { UNIX_EPOCH.checked_sub(time) } else { UNIX_EPOCH.checked_add(time) };
        base.and_then(|base| base.checked_add(Duration::from_millis(ms.into()))).map(stamp)
    }

    #[test]
    fn stamp_of_any_clock_is_a_date() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_827_696, "2000-02-29T12:34:56.007Z"),
            (1_795_977_232, "2026-11-29T18:33:52.007Z"),
            (253_402_300_799, "9999-12-31T23:59:59.007Z"),
            (253_402_300_800, "+10000-01-01T00:00:00.007Z"),
            (-1, "1969-12-31T23:59:59.007Z"),
            (-62_167_219_200, "0000-01-01T00:00:00.007Z"),
            (-62_167_219_201, "-0001-12-31T23:59:59.007Z"),
        ] {
            assert_eq!(at(seconds, 7).as_deref(), Some(expected));
        }
        for edge in [i64::MAX, i64::MAX - 1, i64::MIN + 1, i64::MIN] {
            // Some systems cannot represent this time.
            assert!(at(edge, 0).is_none_or(|stamp| stamp.ends_with('Z')), "{edge}");
        }
    }

    proptest! {
        #[test]
        fn stamp_rises_with_the_clock(seconds in 0..253_402_300_799_i64, ms in 0..1000_u32) {
            let stamp = at(seconds, ms).unwrap();
            prop_assert_eq!(stamp.len(), 24);
            prop_assert!(stamp < at(seconds + 1, ms).unwrap());
        }
    }

    struct Wrong(bool);

    impl fmt::Display for Wrong {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            assert!(!self.0, "a Display that panics");
            Err(fmt::Error)
        }
    }

    #[test]
    fn failing_log_value_costs_one_line() {
        for panics in [false, true] {
            let text = text_of(format_args!("it is {} of it", Wrong(panics)));
            assert_eq!(text, "it is half … (the rest of this line cannot be written)");
        }
        assert_eq!(text_of(format_args!("all is {}", "well")), "all is well");
    }
}
