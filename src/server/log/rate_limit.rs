//! The log rate limit: a flood of log lines is cut to its beginning and a count.
//!
//! A peer that can make the server write one line can make it write ten thousand. They would hide the important
//! line and fill the disk. Each cause may therefore write a number of lines a second;
//! further lines are counted, and the count is one line. A cause that stays just below that rate for hours uses
//! up its long-term allowance; then a line a second is left. The lines of a stop have no limit: no peer can
//! repeat a stop.
//!
//! Time is an argument; this knows neither threads nor files.

use std::collections::HashMap;
use std::time::Duration;

use log::Level;

use super::UNLIMITED;

/// Lines of one cause in one window of time: more than a person reads, and enough to see a pattern.
const LINES: u64 = 20;
const WINDOW: Duration = Duration::from_secs(1);
/// The long-term allowance: lines beyond one a second. It covers a busy evening; a flood that never ends still
/// writes 10 MB a day.
const SAVED: u64 = 2000;
/// When the allowance is used up, a window lasts this long, with one line for each second.
const LONG_WINDOW: Duration = Duration::from_secs(10);
/// Most causes that are counted apart; the code has some dozens. All further ones count as one.
const CAUSES: usize = 256;

/// The place in the code that writes a line, and the line's target, by which one place may tell kinds apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Cause {
    target: Box<str>,
    line: u32,
}

/// The present window of one cause.
#[derive(Debug)]
struct Window {
    began: Duration,
    ends: Duration,
    written: u64,
    allowed: u64,
    /// The rest of `SAVED`, before this window's lines are taken off.
    saved: u64,
    /// Lines that were not written.
    more: u64,
    level: Level,
    /// The last line that was written.
    last: Box<str>,
}

impl Window {
    /// A window in which nothing has been written.
    fn new(saved: u64, now: Duration, level: Level) -> Self {
        let (length, allowed) = if saved < LINES { (LONG_WINDOW, LONG_WINDOW.as_secs()) } else { (WINDOW, LINES) };
        Self { began: now, ends: now + length, written: 0, allowed, saved, more: 0, level, last: "".into() }
    }

    /// The next window of the same cause. A second since the beginning of this one regains a line.
    fn next(&self, now: Duration, level: Level) -> Self {
        let earned = now.saturating_sub(self.began).as_secs();
        Self::new(self.saved.saturating_add(earned).saturating_sub(self.written).min(SAVED), now, level)
    }
}

/// A count of lines that were not written.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct More {
    pub(in super::super) level: Level,
    pub(in super::super) text: String,
}

/// Counts the lines of each cause.
#[derive(Debug, Default)]
pub(in super::super) struct LogRateLimit {
    causes: HashMap<Cause, Window>,
}

impl LogRateLimit {
    /// Whether a line of this cause is to be written at `now`, a time since any fixed moment.
    pub(in super::super) fn lets_through(
        &mut self,
        target: &str,
        line: u32,
        level: Level,
        text: &str,
        now: Duration,
    ) -> bool {
        if target == UNLIMITED {
            return true;
        }
        let mut cause = Cause { target: target.into(), line };
        if self.causes.len() >= CAUSES && !self.causes.contains_key(&cause) {
            self.causes.retain(|_, window| window.ends > now || window.more > 0);
            if self.causes.len() >= CAUSES {
                cause = Cause { target: "".into(), line: 0 };
            }
        }
        let window = self.causes.entry(cause).or_insert_with(|| Window::new(SAVED, now, level));
        // A window with suppressed lines stays until their count is written.
        if window.ends <= now && window.more == 0 {
            *window = window.next(now, level);
        }
        if window.written < window.allowed && window.ends > now {
            window.written += 1;
            window.last = text.into();
            true
        } else {
            window.more += 1;
            false
        }
    }

    /// When a count is due.
    pub(in super::super) fn next_due(&self) -> Option<Duration> {
        self.causes.values().filter(|window| window.more > 0).map(|window| window.ends).min()
    }

    /// The counts of the windows that have ended at `now`.
    pub(in super::super) fn due(&mut self, now: Duration) -> Vec<More> {
        let over = self.causes.values_mut().filter(|window| window.more > 0 && window.ends <= now);
        let told = |window: &mut Window| {
            let text = format!("and {} more like it: {}", window.more, window.last);
            let level = window.level;
            *window = window.next(now, level); // the flood may go on, in a window with its own allowance
            More { level, text }
        };
        over.map(told).collect()
    }
}

/// A text as one line of at most `limit` bytes that does nothing to a terminal: line ends, other controls and
/// characters that change the direction of text become `\n` and `\u{…}`.
pub(in super::super) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let turns =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() > limit {
            while line.len() + '…'.len_utf8() > limit {
                line.pop();
            }
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(1000);

    fn ms(ms: u64) -> Duration {
        AT + Duration::from_millis(ms)
    }

    #[test]
    fn flood_is_cut_to_beginning_and_count() {
        let mut limiter = LogRateLimit::default();
        let mut say =
            |n: u64, at| limiter.lets_through("parlor::closed::quit", 7, Level::Info, &format!("line {n}"), at);
        let written = (0..1254).filter(|n| say(*n, ms(n / 2))).count();
        assert_eq!(written, 20);
        assert_eq!(limiter.due(ms(999)), [], "the second is not over");
        assert_eq!(limiter.next_due(), Some(ms(1000)));
        let more = More { level: Level::Info, text: "and 1234 more like it: line 19".into() };
        assert_eq!(limiter.due(ms(1000)), [more]);
        assert_eq!((limiter.due(ms(1001)), limiter.next_due()), (vec![], None));
    }

    #[test]
    fn each_cause_and_second_has_its_allowance() {
        let mut limiter = LogRateLimit::default();
        let mut flood = |target: &str, line, at| {
            (0..30).filter(|_| limiter.lets_through(target, line, Level::Warn, "x", at)).count()
        };
        assert_eq!(flood("a", 1, ms(0)), 20);
        assert_eq!(flood("a", 2, ms(0)), 20, "another place");
        assert_eq!(flood("b", 1, ms(0)), 20, "another kind");
        assert_eq!(flood("a", 1, ms(999)), 0);
        assert_eq!(flood(UNLIMITED, 1, ms(0)), 30);
        // The counts are not written yet: none is lost, and no line comes before them.
        assert_eq!(flood("a", 1, ms(1000)), 0);
        let counts = |limiter: &mut LogRateLimit, at| {
            let mut texts: Vec<_> = limiter.due(at).into_iter().map(|more| more.text).collect();
            texts.sort();
            texts
        };
        let few = "and 10 more like it: x";
        assert_eq!(counts(&mut limiter, ms(1000)), [few, few, "and 70 more like it: x"]);
        assert!(limiter.lets_through("a", 1, Level::Warn, "x", ms(1001)));
        assert!(limiter.lets_through("a", 2, Level::Warn, "x", ms(5000)));
    }

    /// The number of written lines, counts included, if `each` come in each of the `seconds`.
    fn written_of(limiter: &mut LogRateLimit, each: u64, seconds: std::ops::Range<u64>) -> usize {
        let mut lines = 0;
        for at in seconds.flat_map(|second| (0..each).map(move |n| second * 1000 + n * 1000 / each)) {
            lines += limiter.due(ms(at)).len();
            lines += usize::from(limiter.lets_through("a", 1, Level::Info, "x", ms(at)));
        }
        lines
    }

    #[test]
    fn slow_flood_uses_up_its_allowance() {
        for each in [20, 25, 100] {
            let mut limiter = LogRateLimit::default();
            assert!(written_of(&mut limiter, each, 0..60) >= 1200, "a minute of {each} a second");
            let hour = written_of(&mut limiter, each, 60..3600);
            assert!((3600..6000).contains(&hour), "an hour of {each} a second: {hour} lines");
            let next = written_of(&mut limiter, each, 3600..7200);
            assert!((3500..4000).contains(&next), "the next hour of {each} a second: {next} lines");
            // A quiet hour restores the allowance.
            assert!(written_of(&mut limiter, each, 10_800..10_860) >= 1199, "a minute later of {each} a second");
        }
        let mut limiter = LogRateLimit::default();
        assert_eq!(written_of(&mut limiter, 1, 0..100_000), 100_000, "a line a second is always written");
    }

    #[test]
    fn causes_are_bounded() {
        let mut limiter = LogRateLimit::default();
        let written = (0..10_000).filter(|line| limiter.lets_through("a", *line, Level::Info, "x", ms(0))).count();
        assert_eq!((written, limiter.causes.len()), (CAUSES + 20, CAUSES + 1));
        assert!(limiter.lets_through("b", 1, Level::Info, "x", ms(1000)), "those whose second is over make room");
        assert!(limiter.causes.len() < 10);
    }

    #[test]
    fn log_line_has_no_controls() {
        let line = |text| one_line(text, 1024);
        assert_eq!(line("häufig, 家族: fine \\n"), "häufig, 家族: fine \\n");
        assert_eq!(line("a\r\nb\u{1b}[2J\0\u{7f}\u{9b}"), "a\\r\\nb\\u{1b}[2J\\u{0}\\u{7f}\\u{9b}");
        assert_eq!(line("\u{2028}\u{202e}\u{2066}\u{200f}"), "\\u{2028}\\u{202e}\\u{2066}\\u{200f}");
        for limit in 3..40 {
            for text in ["aaaaaaaaaa", "ééééééé", "\n\n\n\n\n\n", "家家家家", "a\u{202e}a\u{202e}"] {
                let line = one_line(text, limit);
                assert!(line.len() <= limit, "{text:?} in {limit}: {line:?}");
                let whole = one_line(text, 1024);
                assert!(line == whole || line.ends_with('…') && whole.len() > limit, "{text:?} in {limit}: {line:?}");
            }
        }
    }
}
