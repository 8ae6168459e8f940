//! Rate-limit tokens that ended sessions of an address have used and not regained.
//!
//! Connecting again is free. Without this, a peer that connects, says 40 lines and closes, again and
//! again, would never be throttled (case A2). So a new session starts with the tokens that its address
//! has left. Open sessions share nothing, so an office behind one address is not starved.
//!
//! Time is an argument of [`Allowances`]; [`Allowance`] has a clock. An address is kept until it has
//! regained everything, 8 s at the default rates. At most [`MAX_ADDRESSES`] are kept; a further one replaces
//! the oldest, which then starts full. No address pays for another one.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::buckets::{Buckets, Rates, Used};
use super::throttle::Throttle;

/// Most addresses that are kept: 0.5 MiB.
const MAX_ADDRESSES: usize = 4096;
/// Addresses checked whenever a session ends. Those that have regained everything are removed. More than
/// one are checked, so that more are removed than added.
const CHECKED_PER_END: usize = 2;

/// Addresses of ended sessions with tokens to regain.
#[derive(Debug)]
pub(in super::super) struct Allowances {
    rates: Rates,
    by_address: HashMap<IpAddr, Buckets>,
    /// The same addresses, each once, in the order in which they are checked.
    order: VecDeque<IpAddr>,
}

impl Allowances {
    pub(in super::super) fn new(rates: Rates) -> Self {
        Self { rates, by_address: HashMap::new(), order: VecDeque::new() }
    }

    /// The buckets of a new session. `origin` is the address that it is counted by, if it is counted.
    pub(in super::super) fn open(&mut self, origin: Option<IpAddr>, now: Duration) -> Buckets {
        let kept = origin.and_then(|origin| self.by_address.get(&origin)).cloned();
        kept.unwrap_or_else(|| self.rates.buckets(now))
    }

    /// Records the tokens that an ended session `used` and has not regained.
    pub(in super::super) fn end(&mut self, origin: Option<IpAddr>, used: Used, now: Duration) {
        self.forget_some(now);
        let Some(origin) = origin else { return };
        if used == Used::default() {
            return;
        }
        if let Some(kept) = self.by_address.get_mut(&origin) {
            return kept.lose(used, now);
        }
        if self.order.len() >= MAX_ADDRESSES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_address.remove(&oldest);
        }
        let mut kept = self.rates.buckets(now);
        kept.lose(used, now);
        self.by_address.insert(origin, kept);
        self.order.push_back(origin);
    }

    /// Checks the next few addresses, and forgets those that have regained everything.
    fn forget_some(&mut self, now: Duration) {
        for _ in 0..CHECKED_PER_END.min(self.order.len()) {
            let Some(origin) = self.order.pop_front() else { return };
            if self.by_address.get_mut(&origin).is_some_and(|kept| !kept.are_full(now)) {
                self.order.push_back(origin);
            } else {
                self.by_address.remove(&origin);
            }
        }
    }
}

/// The throttle of one open session. Dropped, it leaves the used tokens to the session's address: also when a
/// panic ends the session.
pub(in super::super) struct Allowance<'a> {
    allowances: &'a Mutex<Allowances>,
    origin: Option<IpAddr>,
    started: Instant,
    throttle: Throttle,
}

impl<'a> Allowance<'a> {
    /// A session that is counted by `origin`. `throttle` makes its throttle from what its address has left;
    /// all times are measured from `started`.
    pub(in super::super) fn open(
        allowances: &'a Mutex<Allowances>,
        origin: Option<IpAddr>,
        started: Instant,
        throttle: impl FnOnce(Buckets) -> Throttle,
    ) -> Self {
        let buckets = allowances.lock().open(origin, started.elapsed());
        Self { allowances, origin, started, throttle: throttle(buckets) }
    }
}

impl Drop for Allowance<'_> {
    fn drop(&mut self) {
        let now = self.started.elapsed();
        self.allowances.lock().end(self.origin, self.throttle.used(now), now);
    }
}

impl Deref for Allowance<'_> {
    type Target = Throttle;

    fn deref(&self) -> &Throttle {
        &self.throttle
    }
}

impl DerefMut for Allowance<'_> {
    fn deref_mut(&mut self) -> &mut Throttle {
        &mut self.throttle
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::protocol::{Body, Command};
    use crate::server::session::throttle::Verdict;
    use crate::wire::{Inbound, Key};

    const RATES: Rates = Rates { rate: 5, burst: 40, requests: 1000 };

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(number).into())
    }

    fn line() -> Inbound {
        Inbound::Command(Command::Say(Body::new("hi").unwrap()))
    }

    fn echo() -> Inbound {
        Inbound::Custom { key: Key::Route(1), data: Vec::new() }
    }

    fn come(allowances: &mut Allowances, origin: Option<IpAddr>, now: Duration) -> Throttle {
        Throttle::new(4096, false, allowances.open(origin, now))
    }

    fn leave(allowances: &mut Allowances, origin: Option<IpAddr>, mut throttle: Throttle, now: Duration) {
        allowances.end(origin, throttle.used(now), now);
    }

    /// Says up to `most` lines without a wait; returns how many passed.
    fn says(throttle: &mut Throttle, most: usize, now: Duration) -> usize {
        (0..most).take_while(|_| throttle.take(&line(), now) == Verdict::Pass).count()
    }

    /// Opens a session, says as many lines as pass, and ends it; returns how many passed.
    fn visit(allowances: &mut Allowances, origin: Option<IpAddr>, now: Duration) -> usize {
        let mut throttle = come(allowances, origin, now);
        let said = says(&mut throttle, 1000, now);
        leave(allowances, origin, throttle, now);
        said
    }

    #[test]
    fn reconnecting_regains_no_more_than_staying() {
        let mut allowances = Allowances::new(RATES);
        let said: usize = (0..100).map(|n| visit(&mut allowances, address(1), ms(n * 100))).sum();
        assert_eq!(said, 40 + 49, "a burst, and five a second");
        assert_eq!(visit(&mut allowances, address(2), ms(9900)), 40, "another address has its own");
    }

    #[test]
    fn sessions_side_by_side_share_nothing() {
        let mut allowances = Allowances::new(RATES);
        let mut office: Vec<_> = (0..6).map(|_| come(&mut allowances, address(1), ms(0))).collect();
        for one in &mut office {
            assert_eq!(says(one, 1000, ms(0)), 40);
        }
        let mut late = come(&mut allowances, address(1), ms(0));
        assert_eq!(says(&mut late, 10, ms(0)), 10, "no session has ended");
        for one in office {
            leave(&mut allowances, address(1), one, ms(0));
        }
        assert_eq!(says(&mut late, 1000, ms(0)), 30, "an open session keeps what it has");
        assert_eq!(visit(&mut allowances, address(1), ms(0)), 0);
        assert_eq!(visit(&mut allowances, address(1), ms(8000)), 40, "all six regain at once");
    }

    #[test]
    fn inherited_use_is_not_counted_twice() {
        let mut allowances = Allowances::new(RATES);
        for (said, left) in [(10, 40), (5, 30), (0, 25), (0, 25), (20, 25)] {
            let mut throttle = come(&mut allowances, address(1), ms(0));
            assert_eq!(says(&mut throttle.clone(), 1000, ms(0)), left);
            says(&mut throttle, said, ms(0));
            leave(&mut allowances, address(1), throttle, ms(0));
        }
        // Session and address both regained while it was open.
        let mut throttle = come(&mut allowances, address(1), ms(0));
        assert_eq!(says(&mut throttle, 1000, ms(0)), 5);
        leave(&mut allowances, address(1), throttle, ms(4000));
        assert_eq!(visit(&mut allowances, address(1), ms(4000)), 20);
    }

    #[test]
    fn requests_belong_to_the_address_too() {
        let mut allowances = Allowances::new(RATES);
        let mut throttle = come(&mut allowances, address(1), ms(0));
        assert!((0..1000).all(|_| throttle.take(&echo(), ms(0)) == Verdict::Pass));
        leave(&mut allowances, address(1), throttle, ms(0));
        let mut next = come(&mut allowances, address(1), ms(0));
        assert_eq!(next.take(&echo(), ms(0)), Verdict::Wait(ms(1)));
        assert_eq!(says(&mut next, 1000, ms(0)), 40);
    }

    #[test]
    fn uncounted_addresses_and_no_limit_keep_nothing() {
        let mut allowances = Allowances::new(RATES);
        assert_eq!([visit(&mut allowances, None, ms(0)), visit(&mut allowances, None, ms(0))], [40, 40]);
        let mut unlimited = Allowances::new(Rates { rate: 0, burst: 1, requests: 0 });
        assert_eq!(visit(&mut unlimited, address(1), ms(0)), 1000);
        let mut silent = Allowances::new(RATES);
        let throttle = come(&mut silent, address(1), ms(0));
        leave(&mut silent, address(1), throttle, ms(0));
        for table in [allowances, unlimited, silent] {
            assert!(table.by_address.is_empty() && table.order.is_empty());
        }
    }

    #[test]
    fn many_addresses_stay_bounded_and_separate() {
        let mut allowances = Allowances::new(RATES);
        visit(&mut allowances, address(0), ms(0));
        for number in 1..20_000 {
            assert_eq!(visit(&mut allowances, address(number), ms(0)), 40, "no address pays for another");
            assert!(allowances.by_address.len() <= MAX_ADDRESSES);
            assert_eq!(allowances.by_address.len(), allowances.order.len());
        }
        assert_eq!(visit(&mut allowances, address(19_999), ms(0)), 0, "the last ones are kept");
        assert_eq!(visit(&mut allowances, address(0), ms(0)), 40, "the first ones are forgotten");
        // All have regained everything: each further session removes two of them.
        for _ in 0..MAX_ADDRESSES {
            visit(&mut allowances, address(7), ms(60_000));
        }
        assert!(allowances.by_address.len() <= 1, "{}", allowances.by_address.len());
        assert_eq!(allowances.by_address.len(), allowances.order.len());
    }

    /// Once, a panic in a reader gave its address a full allowance again.
    #[test]
    fn session_panic_leaves_its_used_tokens() {
        let slow = Rates { rate: 1, burst: 40, requests: 1000 };
        let (allowances, started) = (Mutex::new(Allowances::new(slow)), Instant::now());
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut allowance =
                Allowance::open(&allowances, address(1), started, |buckets| Throttle::new(4096, false, buckets));
            assert_eq!(says(&mut allowance, 30, started.elapsed()), 30);
            panic!("a bug in a decoder");
        }));
        assert!(ended.is_err());
        let now = started.elapsed();
        let left = visit(&mut allowances.lock(), address(1), now);
        assert!((10..40).contains(&left), "{left} lines"); // one more for each second of a slow machine
    }
}
