//! The display of events in a terminal: local times, marks on lines for this person, rows.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::rows::Rows;
use super::show::Paint;
use parlor::wire::{Heard, Kind, Speech};

/// The display settings.
#[derive(Debug)]
pub(super) struct Display {
    pub paint: Paint,
    pub rows: Rows,
    /// Whether the bell rings for lines that address this person.
    pub bell: bool,
    /// Whether the time stands before each line.
    pub time: AtomicBool,
}

impl Display {
    /// The rows of an event; `me` is this person's name.
    pub(super) fn heard(&self, heard: &Heard, me: Option<&str>) -> Option<String> {
        let line = match heard {
            Heard::Speech(speech) => self.speech(speech, me, &Zoned::now()),
            other => self.paint.line(other)?,
        };
        Some(self.rows.indented(&line))
    }

    fn speech(&self, speech: &Speech, me: Option<&str>, now: &Zoned) -> String {
        let mentioned = me.filter(|_| !speech.mine && speech.kind != Kind::ToldTo);
        let text = mentioned.and_then(|me| marked(&speech.text, me, |name| self.paint.strong(name)));
        let is_for_me = !speech.past && (speech.kind == Kind::Told || text.is_some());
        let line = match text {
            Some(text) => self.paint.speech(&Speech { text, ..speech.clone() }),
            None => self.paint.speech(speech),
        };
        // Only `>>>` tells a private line.
        let line = match line.strip_prefix(">>>") {
            Some(rest) if speech.kind == Kind::Told => format!("{}{rest}", self.paint.strong(">>>")),
            _ => line,
        };
        let at = speech.at.and_then(|at| Timestamp::from_millisecond(i64::try_from(at).ok()?).ok());
        let before = if speech.past {
            let clock = at.map(|at| past(at, now)).or_else(|| local(speech.clock.as_deref()?, now));
            let clock = clock.or_else(|| speech.clock.clone()).unwrap_or_default();
            self.paint.faint(format!("--- {clock}").trim_end()) + " "
        } else if self.time.load(Ordering::Relaxed) {
            let at = at.map_or_else(|| now.clone(), |at| at.to_zoned(now.time_zone().clone()));
            self.paint.faint(&at.strftime("%H:%M").to_string()) + " "
        } else {
            String::new()
        };
        let bell = if is_for_me && self.bell { "\x07" } else { "" };
        format!("{bell}{before}{line}")
    }
}

/// The local time of a line of the history, with its date if that is not today.
fn past(at: Timestamp, now: &Zoned) -> String {
    let at = at.to_zoned(now.time_zone().clone());
    let format = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(format).to_string()
}

/// The local time of `12:04` in UTC: the text door tells nothing more.
fn local(clock: &str, now: &Zoned) -> Option<String> {
    let (hour, minute) = clock.split_once(':')?;
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    let today = now.timestamp().to_zoned(TimeZone::UTC).date();
    let at = today.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    Some(at.with_time_zone(now.time_zone().clone()).strftime("%H:%M").to_string())
}

/// The text with each `name` in it marked, as a whole word only; `None` if there is none.
fn marked(text: &str, name: &str, mark: impl Fn(&str) -> String) -> Option<String> {
    let is_of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let (mut all, mut done) = (String::new(), 0);
    let mut before = None;
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        if at >= done
            && !before.is_some_and(is_of_a_name)
            && let Some(length) = begins_with(rest, name)
            && !rest.get(length..).and_then(|rest| rest.chars().next()).is_some_and(is_of_a_name)
        {
            all.push_str(text.get(done..at).unwrap_or_default());
            all.push_str(&mark(rest.get(..length).unwrap_or_default()));
            done = at + length;
        }
        before = Some(c);
    }
    all.push_str(text.get(done..).unwrap_or_default());
    (done > 0).then_some(all)
}

/// The length in bytes of `name`, in any case, at the beginning of `text`.
fn begins_with(text: &str, name: &str) -> Option<usize> {
    let mut wanted = name.chars().flat_map(char::to_lowercase).peekable();
    for (at, c) in text.char_indices() {
        if wanted.peek().is_none() {
            return Some(at);
        }
        for lower in c.to_lowercase() {
            if wanted.next() != Some(lower) {
                return None;
            }
        }
    }
    wanted.peek().is_none().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zoned(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    fn display(paint: Paint) -> Display {
        Display { paint, rows: Rows::none(), bell: true, time: AtomicBool::new(false) }
    }

    #[test]
    fn past_lines_have_local_times_and_dates() {
        let now = zoned("2026-11-29T00:30:00+05:30[Asia/Kolkata]");
        let display = display(Paint::none());
        let line = |at: Option<&str>, clock: Option<&str>| {
            let at = at.map(|at| at.parse::<Timestamp>().unwrap().as_millisecond() as u64);
            let (name, text, clock) = ("ann".into(), "hi".into(), clock.map(str::to_owned));
            display.speech(&Speech { name, text, at, clock, past: true, ..Speech::default() }, None, &now)
        };
        assert_eq!(line(Some("2026-11-28T18:45:00Z"), None), "--- 00:15 ann: hi");
        assert_eq!(line(Some("2026-11-28T18:15:00Z"), None), "--- 2026-11-28 23:45 ann: hi");
        assert_eq!(line(None, Some("18:45")), "--- 00:15 ann: hi");
        assert_eq!(line(None, Some("25:99")), "--- 25:99 ann: hi");
        assert_eq!(line(None, None), "--- ann: hi");
        assert_eq!(line(Some("9999-12-30T22:00:00Z"), None), "--- 9999-12-31 03:30 ann: hi");
        display.time.store(true, Ordering::Relaxed);
        let speech = Speech { name: "ann".into(), text: "hi".into(), ..Speech::default() };
        assert_eq!(display.speech(&speech, None, &now), "00:30 ann: hi");
        let at = Some(u64::MAX);
        assert_eq!(display.speech(&Speech { at, ..speech.clone() }, None, &now), "00:30 ann: hi");
        let at = Some("2026-11-28T18:45:00Z".parse::<Timestamp>().unwrap().as_millisecond() as u64);
        assert_eq!(display.speech(&Speech { at, ..speech }, None, &now), "00:15 ann: hi");
    }

    #[test]
    fn lines_for_me_are_marked_and_ring() {
        let now = zoned("2026-11-29T00:30:00+00:00[UTC]");
        let display = display(Paint::none());
        let line = |speech: Speech| display.speech(&speech, Some("ann"), &now);
        let said = |text: &str| Speech { name: "bob".into(), text: text.into(), ..Speech::default() };
        assert_eq!(line(said("hi Ann!")), "\x07bob: hi Ann!");
        assert_eq!(line(said("hi anna")), "bob: hi anna");
        assert_eq!(line(Speech { kind: Kind::Told, ..said("psst") }), "\x07>>> bob: psst");
        assert_eq!(line(Speech { kind: Kind::ToldTo, ..said("psst ann") }), ">>> to bob: psst ann");
        assert_eq!(line(Speech { mine: true, ..said("ann here") }), "bob: ann here");
        assert_eq!(line(Speech { past: true, ..said("ann?") }), "--- bob: ann?");
    }

    #[test]
    fn name_is_marked_where_it_stands_alone() {
        let mark = |text, name| marked(text, name, |name| format!("<{name}>"));
        for (text, name, wanted) in [
            ("ann", "ann", Some("<ann>")),
            ("ann, ANN: @ann", "ann", Some("<ann>, <ANN>: @<ann>")),
            ("joanne anna ann_ x-ann", "ann", None),
            ("Ολγα ολγα", "ολγα", Some("<Ολγα> <ολγα>")),
            ("İann", "ann", None),
            ("an", "ann", None),
            ("", "ann", None),
        ] {
            assert_eq!(mark(text, name).as_deref(), wanted, "{text}");
        }
    }
}
