//! The rate limits of one session: they tell how long each item has to wait.
//!
//! There are two allowances, each a token bucket. `--rate` and `--burst` bound what others hear and what
//! costs the manager a search; `--request-rate` bounds answers to the asker alone. Nothing is refused:
//! an item over its allowance waits in the reader, and TCP slows the sender. Only repeated lines at the
//! relay door are dropped (see [`Throttle::take`]).
//!
//! Time is an argument. The throttle knows no socket and no thread.

use std::time::Duration;

use crate::protocol::{Body, Command, Cost};
use crate::wire::Inbound;

use super::buckets::{Buckets, Used};
use super::costs::{cost, counts_as_line, explains};

/// Bytes of input without an effect that one token of `--rate` pays for: blank lines, telnet's NOP,
/// heartbeats, parts of lines that are too long (case A5: 38 MB/s of them took 1.8 cores).
const INPUT_PER_TOKEN: usize = 4 * 1024;
/// Bytes of dropped repeated lines that one token of `--request-rate` pays for.
const DROPPED_PER_TOKEN: usize = 4 * 1024;

/// A decision of the throttle about one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// It passes, and its tokens are taken.
    Pass,
    /// It waits; ask again after this time. No token was taken.
    Wait(Duration),
    /// It is dropped.
    Drop,
}

/// The rate limits of one session.
#[derive(Debug, Clone)]
pub(in super::super) struct Throttle {
    buckets: Buckets,
    /// The buckets at the start of the session, refilled as if it had used nothing.
    inherited: Buckets,
    /// Whether repeated lines are dropped.
    drops_repeats: bool,
    /// The last line that passed, where repeated lines are dropped.
    last: Option<Body>,
    /// Bytes of dropped lines that no token has paid for.
    dropped: usize,
    /// Whether the session was told that its lines wait.
    told: bool,
    /// Bytes read that no item explains so far.
    unexplained: usize,
    /// How many of them may be an unfinished item: the longest line, packet or frame.
    longest: usize,
}

impl Throttle {
    /// The rate limits of a session that has `buckets`. `longest` is the length of its longest item; if
    /// `drops_repeats`, repeated lines over the allowance are dropped.
    pub(in super::super) fn new(longest: usize, drops_repeats: bool, buckets: Buckets) -> Self {
        Self {
            inherited: buckets.clone(),
            buckets,
            drops_repeats,
            last: None,
            dropped: 0,
            told: false,
            unexplained: 0,
            longest,
        }
    }

    /// Tokens that the session itself has used and not regained.
    pub(in super::super) fn used(&mut self, now: Duration) -> Used {
        let (missing, inherited) = (self.buckets.missing(now), self.inherited.missing(now));
        Used {
            lines: missing.lines.saturating_sub(inherited.lines),
            requests: missing.requests.saturating_sub(inherited.requests),
        }
    }

    /// Takes the tokens for `item`, or tells it to wait or to be dropped.
    ///
    /// At the relay door a line over the allowance is dropped if it equals the last one. GoChat's client
    /// repeats its last word until it is killed, and megabytes of it may then be in the kernel's buffers
    /// before the end of its input (case D7).
    pub(in super::super) fn take(&mut self, item: &Inbound, now: Duration) -> Verdict {
        if self.told && self.buckets.lines.is_full(now) {
            self.told = false;
        }
        let taken = match cost(item) {
            None => Ok(()),
            Some(Cost::Request) => self.buckets.requests.take(1, now),
            Some(lines) => self.buckets.lines.take(lines.lines(), now),
        };
        match (taken, item) {
            (Ok(()), Inbound::Command(Command::Say(body))) if self.drops_repeats => self.last = Some(body.clone()),
            (Ok(()), _) => {}
            (Err(_), Inbound::Command(Command::Say(body))) if self.last.as_ref() == Some(body) => {
                return self.drop_line(body.as_str().len(), now);
            }
            (Err(wait), _) => return Verdict::Wait(wait),
        }
        self.unexplained = self.unexplained.saturating_sub(explains(item));
        Verdict::Pass
    }

    /// Takes the tokens for `lines` at once, or none of them.
    ///
    /// # Errors
    /// The time after which there are as many.
    #[cfg(feature = "web")]
    pub(in super::super) fn take_lines(&mut self, lines: u32, now: Duration) -> Result<(), Duration> {
        self.buckets.lines.take(lines, now)
    }

    /// Takes the token for an answer to the asker alone.
    ///
    /// # Errors
    /// The time after which there is one.
    #[cfg(feature = "web")]
    pub(in super::super) fn take_request(&mut self, now: Duration) -> Result<(), Duration> {
        self.buckets.requests.take(1, now)
    }

    /// Whether to tell the session that `item` waits: once, until its allowance is full again. Requests wait
    /// only milliseconds, so a session is not told of those.
    pub(in super::super) fn tells(&mut self, item: &Inbound) -> bool {
        counts_as_line(item) && !std::mem::replace(&mut self.told, true)
    }

    /// Records that `bytes` were read.
    pub(in super::super) fn note_read(&mut self, bytes: usize) {
        self.unexplained = self.unexplained.saturating_add(bytes);
    }

    /// How long reading has to pause because too much input had no effect. Call it when everything that was
    /// read has been decoded and has passed.
    pub(in super::super) fn pause(&mut self, now: Duration) -> Option<Duration> {
        while self.unexplained >= self.longest + INPUT_PER_TOKEN {
            if let Err(wait) = self.buckets.lines.take(1, now) {
                return Some(wait);
            }
            self.unexplained -= INPUT_PER_TOKEN;
        }
        None
    }

    /// Drops a repeated line, at the rate at which its bytes may be read.
    fn drop_line(&mut self, length: usize, now: Duration) -> Verdict {
        if self.dropped >= DROPPED_PER_TOKEN {
            if let Err(wait) = self.buckets.requests.take(1, now) {
                return Verdict::Wait(wait);
            }
            self.dropped -= DROPPED_PER_TOKEN;
        }
        let length = length + 1; // its end
        self.dropped += length;
        self.unexplained = self.unexplained.saturating_sub(length);
        Verdict::Drop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Nick, Notice, Refusal};
    use crate::server::session::buckets::Rates;
    use crate::wire::Key;

    const RATES: Rates = Rates { rate: 5, burst: 40, requests: 1000 };
    const LONGEST: usize = 4096;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn throttle(drops_repeats: bool) -> Throttle {
        Throttle::new(LONGEST, drops_repeats, RATES.buckets(ms(0)))
    }

    fn say(words: &str) -> Inbound {
        Inbound::Command(Command::Say(Body::new(words).unwrap()))
    }

    fn rename_to_ann() -> Inbound {
        Inbound::Command(Command::Rename(Nick::parse("ann").unwrap()))
    }

    fn echo() -> Inbound {
        Inbound::Custom { key: Key::Route(1), data: b"test".to_vec() }
    }

    /// How many of `item` pass at once.
    fn passing(throttle: &mut Throttle, item: &Inbound, now: Duration) -> usize {
        (0..100_000).take_while(|_| throttle.take(item, now) == Verdict::Pass).count()
    }

    #[test]
    fn lines_lists_and_requests_have_their_costs() {
        let who = Inbound::Command(Command::UserList);
        for (item, wanted) in [
            (say("hi"), 40),
            (who, 20),
            (rename_to_ann(), 8),
            (Inbound::Refused(Refusal::BadName { instead: None }), 8),
            (Inbound::Refused(Refusal::NoName), 8),
            (Inbound::Command(Command::Whois("ann".into())), 40),
            (Inbound::Command(Command::Topic(None)), 1000),
            (Inbound::Command(Command::Ping), 1000),
            (Inbound::Command(Command::Help(None)), 1000),
            (Inbound::Refused(Refusal::NobodyToAnswer), 1000),
            (Inbound::Tell(Notice::StillHere), 1000),
            (echo(), 1000),
            (Inbound::Pong([0x8a, 0].into()), 1000),
            (Inbound::Heartbeat, 100_000),
        ] {
            assert_eq!(passing(&mut throttle(false), &item, ms(0)), wanted, "{item:?}");
        }
    }

    #[test]
    fn requests_take_nothing_from_lines() {
        let mut throttle = throttle(false);
        assert_eq!(passing(&mut throttle, &echo(), ms(0)), 1000);
        assert_eq!(passing(&mut throttle, &say("hi"), ms(0)), 40);
        assert_eq!(throttle.take(&echo(), ms(0)), Verdict::Wait(ms(1)));
        assert_eq!(throttle.take(&say("hi"), ms(0)), Verdict::Wait(ms(200)));
        assert_eq!(passing(&mut throttle, &echo(), ms(500)), 500);
    }

    #[test]
    fn rename_waits_until_five_lines_are_paid() {
        let mut throttle = throttle(false);
        assert_eq!(passing(&mut throttle, &say("hi"), ms(0)), 40);
        assert_eq!(throttle.take(&rename_to_ann(), ms(0)), Verdict::Wait(ms(1000)));
        assert_eq!(throttle.take(&rename_to_ann(), ms(1000)), Verdict::Pass);
    }

    #[test]
    fn throttled_session_is_told_once() {
        let mut throttle = throttle(false);
        passing(&mut throttle, &say("hi"), ms(0));
        assert!(throttle.tells(&say("hi")) && !throttle.tells(&say("hi")));
        assert!(!throttle.tells(&echo()), "requests wait without a word");
        assert_eq!(throttle.take(&say("hi"), ms(7000)), Verdict::Pass);
        assert!(!throttle.tells(&say("hi")));
        assert_eq!(throttle.take(&say("hi"), ms(8200)), Verdict::Pass);
        assert!(throttle.tells(&say("hi")), "the allowance was full again");
    }

    #[test]
    fn repeated_lines_over_the_allowance_are_dropped() {
        let mut relay = throttle(true);
        assert_eq!(passing(&mut relay, &say("hi"), ms(0)), 40);
        assert_eq!(relay.take(&say("hi"), ms(0)), Verdict::Drop);
        assert_eq!(relay.take(&say("ho"), ms(0)), Verdict::Wait(ms(200)), "another line waits");
        assert_eq!(relay.take(&say("hi"), ms(200)), Verdict::Pass);
        assert_eq!(relay.take(&say("ho"), ms(400)), Verdict::Pass);
        assert_eq!(relay.take(&say("ho"), ms(400)), Verdict::Drop);
        assert_eq!(relay.take(&say("hi"), ms(400)), Verdict::Wait(ms(200)), "it is not the last line any more");
        let mut text = throttle(false);
        passing(&mut text, &say("hi"), ms(0));
        assert_eq!(text.take(&say("hi"), ms(0)), Verdict::Wait(ms(200)), "at other doors it waits");
    }

    #[test]
    fn dropped_lines_pay_for_the_bytes_read() {
        let mut relay = throttle(true);
        passing(&mut relay, &say("hi"), ms(0));
        let dropped = (0..10_000_000).take_while(|_| relay.take(&say("hi"), ms(0)) == Verdict::Drop).count();
        assert!((1000 * 4096 / 3..1001 * 4096 / 3 + 2).contains(&dropped), "{dropped} lines of three bytes");
        assert_eq!(relay.take(&say("hi"), ms(0)), Verdict::Wait(ms(1)));
    }

    #[test]
    fn input_without_effect_pays_lines() {
        for longest in [4096, 65_536] {
            let mut throttle = Throttle::new(longest, false, RATES.buckets(ms(0)));
            let mut read = 0;
            while throttle.pause(ms(0)).is_none() {
                throttle.note_read(1024);
                read += 1024;
            }
            assert!((longest + 41 * 4096 - 1024..longest + 41 * 4096 + 1024).contains(&read), "{longest}: {read}");
            assert_eq!(throttle.pause(ms(0)), Some(ms(200)));
            assert_eq!(throttle.pause(ms(200)), None);
        }
    }

    #[test]
    fn input_with_effect_pays_nothing() {
        let mut throttle = Throttle::new(65_535, false, Rates { burst: 2, ..RATES }.buckets(ms(0)));
        let long = Inbound::Custom { key: Key::Route(1), data: vec![b'x'; 60_000] };
        for _ in 0..500 {
            throttle.note_read(64_000);
            assert_eq!(throttle.take(&long, ms(0)), Verdict::Pass);
            assert_eq!(throttle.pause(ms(0)), None);
        }
        // A small request in a large object with unknown keys.
        let paused = (0..10).find(|_| {
            throttle.note_read(64_000);
            assert_eq!(throttle.take(&echo(), ms(0)), Verdict::Pass);
            throttle.pause(ms(0)).is_some()
        });
        assert_eq!(paused, Some(1));
    }

    #[test]
    fn rate_zero_lets_everything_pass() {
        let rates = Rates { rate: 0, burst: 1, requests: 0 };
        let mut throttle = Throttle::new(LONGEST, true, rates.buckets(ms(0)));
        for item in [say("hi"), rename_to_ann(), echo()] {
            assert_eq!(passing(&mut throttle, &item, ms(0)), 100_000);
        }
        throttle.note_read(1 << 30);
        assert_eq!(throttle.pause(ms(0)), None);
    }
}
