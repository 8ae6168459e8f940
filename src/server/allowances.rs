//! What ended sessions of an address have used of their rate limits and not yet regained.
//!
//! A session is had anew for nothing: without this, a peer that connects, says 40 lines and closes,
//! again and again, is never held back (case A2). So a new session starts with what its address has
//! left. Open sessions share nothing: an office behind one address is not starved.
//!
//! Time is an argument. An address is kept only until it has regained everything, 8 s at the usual
//! rates. There is room for [`MAX_ADDRESSES`]; when it is taken, the one that has been kept longest is
//! forgotten, which only ever gives that address something. No address pays for another one.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::throttle::{Buckets, Rates, Used};

/// Addresses that are kept at once: 0.5 MiB at most.
const MAX_ADDRESSES: usize = 4096;
/// Kept addresses that are looked at for each session that ends, so that those which have regained
/// everything go, and more go than come.
const LOOKED_AT: usize = 2;

/// The addresses of ended sessions that still have something to regain.
#[derive(Debug)]
pub(super) struct Allowances {
    rates: Rates,
    by_address: HashMap<IpAddr, Buckets>,
    /// The same addresses, each once, in the order in which they are looked at.
    order: VecDeque<IpAddr>,
}

impl Allowances {
    pub(super) fn new(rates: Rates) -> Self {
        Self { rates, by_address: HashMap::new(), order: VecDeque::new() }
    }

    /// What a new session starts with. `origin` is what its address is counted by, if it is counted.
    pub(super) fn open(&mut self, origin: Option<IpAddr>, now: Duration) -> Buckets {
        let kept = origin.and_then(|origin| self.by_address.get(&origin)).cloned();
        kept.unwrap_or_else(|| self.rates.buckets(now))
    }

    /// A session has ended that `used` so much of its own and has not regained it.
    pub(super) fn end(&mut self, origin: Option<IpAddr>, used: Used, now: Duration) {
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

    /// Forgets addresses that have regained everything, among the next few.
    fn forget_some(&mut self, now: Duration) {
        for _ in 0..LOOKED_AT.min(self.order.len()) {
            let Some(origin) = self.order.pop_front() else { return };
            if self.by_address.get_mut(&origin).is_some_and(|kept| !kept.are_full(now)) {
                self.order.push_back(origin);
            } else {
                self.by_address.remove(&origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::protocol::{Body, Command};
    use crate::server::throttle::{Throttle, Verdict};
    use crate::wire::{Inbound, Key, Limits, Wire};

    const RATES: Rates = Rates { rate: 5, burst: 40, requests: 1000 };
    const LIMITS: Limits = Limits { max_line: 4096, max_packet: 65_535, max_frame: 65_536 };

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
        Throttle::new(Wire::Text, LIMITS, allowances.open(origin, now))
    }

    fn leave(allowances: &mut Allowances, origin: Option<IpAddr>, mut throttle: Throttle, now: Duration) {
        allowances.end(origin, throttle.used(now), now);
    }

    /// Says as many lines as pass at once, at most `most`.
    fn says(throttle: &mut Throttle, most: usize, now: Duration) -> usize {
        (0..most).take_while(|_| throttle.take(&line(), now) == Verdict::Pass).count()
    }

    /// Comes, says as many lines as it can, and goes: how many.
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
        assert_eq!(says(&mut late, 10, ms(0)), 10, "nobody has ended");
        for one in office {
            leave(&mut allowances, address(1), one, ms(0));
        }
        assert_eq!(says(&mut late, 1000, ms(0)), 30, "who is here keeps what it has");
        assert_eq!(visit(&mut allowances, address(1), ms(0)), 0);
        assert_eq!(visit(&mut allowances, address(1), ms(8000)), 40, "all six regain at once");
    }

    #[test]
    fn what_is_inherited_is_not_counted_twice() {
        let mut allowances = Allowances::new(RATES);
        for (said, left) in [(10, 40), (5, 30), (0, 25), (0, 25), (20, 25)] {
            let mut throttle = come(&mut allowances, address(1), ms(0));
            assert_eq!(says(&mut throttle.clone(), 1000, ms(0)), left);
            says(&mut throttle, said, ms(0));
            leave(&mut allowances, address(1), throttle, ms(0));
        }
        // Regained while it was open, by the session and by its address.
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
    fn many_addresses_neither_grow_it_nor_cost_others() {
        let mut allowances = Allowances::new(RATES);
        visit(&mut allowances, address(0), ms(0));
        for number in 1..20_000 {
            assert_eq!(visit(&mut allowances, address(number), ms(0)), 40, "nobody pays for others");
            assert!(allowances.by_address.len() <= MAX_ADDRESSES);
            assert_eq!(allowances.by_address.len(), allowances.order.len());
        }
        assert_eq!(visit(&mut allowances, address(19_999), ms(0)), 0, "the last ones are kept");
        assert_eq!(visit(&mut allowances, address(0), ms(0)), 40, "the first ones are forgotten");
        // All have regained everything: each further session forgets two of them.
        for _ in 0..MAX_ADDRESSES {
            visit(&mut allowances, address(7), ms(60_000));
        }
        assert!(allowances.by_address.len() <= 1, "{}", allowances.by_address.len());
        assert_eq!(allowances.by_address.len(), allowances.order.len());
    }
}
