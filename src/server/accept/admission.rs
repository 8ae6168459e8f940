//! Admission: limits on sessions in all, for each address, and of silent sessions.
//!
//! A session holds a [`Slot`] from its accept until its last thread has dropped it. The drop frees the slot.
//! Slots have small numbers, so tables by slot stay dense.
//!
//! A caller at a program's door (JSON, frames) that sends nothing costs as much as any other, and cannot be told
//! from a program that only listens. So no session ends for silence alone. But silent sessions have a limit of
//! their own. When it is reached, the session that has been silent longest ends for the next caller, if its
//! grace is over.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::protocol::{Refusal, SessionId};

/// A silent session keeps its slot for this time in any case. A program that means to speak does so within a
/// round trip or two.
const SILENT_GRACE: Duration = Duration::from_secs(10);

/// The slots, and the limits by which they are given.
#[derive(Debug)]
pub(in super::super) struct Admission {
    slots: usize,
    per_address: usize,
    silent: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Freed slots, the last one on top.
    free: Vec<u32>,
    /// Slots that were ever used.
    opened: u32,
    taken: usize,
    by_origin: HashMap<IpAddr, usize>,
    /// Sessions that have sent nothing, and since when. Ids rise, so the first one is the oldest.
    silent: BTreeMap<SessionId, Duration>,
}

/// A caller's request for a slot.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Request {
    pub(in super::super) id: SessionId,
    pub(in super::super) address: IpAddr,
    /// Whether silent sessions are counted at its door.
    pub(in super::super) counts_when_silent: bool,
}

impl Admission {
    /// Admits `slots` sessions at once, at most `per_address` of them from one address (0 = no limit). At most
    /// `silent` of them may have sent nothing (0 = no limit), and never more than half.
    pub(in super::super) fn new(slots: usize, per_address: usize, silent: usize) -> Arc<Self> {
        let silent = if silent == 0 { usize::MAX } else { silent.min(slots / 2).max(1) };
        Arc::new(Self { slots, per_address, silent, counts: Mutex::default() })
    }

    /// Gives a slot to a caller. Returns the silent session that has to end for it, if one has. `now` is
    /// measured from any fixed moment.
    pub(in super::super) fn admit(
        self: &Arc<Self>,
        caller: Request,
        now: Duration,
    ) -> Result<(Slot, Option<SessionId>), Refusal> {
        let mut counts = self.counts.lock();
        if counts.taken >= self.slots {
            return Err(Refusal::Full { limit: self.slots });
        }
        let origin = origin(caller.address);
        if self.per_address > 0
            && let Some(origin) = origin
            && counts.by_origin.get(&origin).is_some_and(|held| *held >= self.per_address)
        {
            return Err(Refusal::TooManyFrom { address: origin, limit: self.per_address });
        }
        let mut must_go = None;
        if caller.counts_when_silent && counts.silent.len() >= self.silent {
            match counts.silent.first_entry() {
                Some(oldest) if now.saturating_sub(*oldest.get()) >= SILENT_GRACE => {
                    must_go = Some(oldest.remove_entry().0);
                }
                _ => return Err(Refusal::TooManySilent { limit: self.silent }),
            }
        }
        if let Some(origin) = origin {
            *counts.by_origin.entry(origin).or_default() += 1;
        }
        counts.taken += 1;
        let index = counts.free.pop().unwrap_or_else(|| {
            counts.opened += 1;
            counts.opened - 1
        });
        if caller.counts_when_silent {
            counts.silent.insert(caller.id, now);
        }
        drop(counts);
        Ok((Slot { admission: Arc::clone(self), index, id: caller.id, origin }, must_go))
    }
}

/// The address by which sessions are counted; `None` if they are not. This machine's own programs are the
/// operator's. One customer has at least a /64 of IPv6, so the second half does not count.
fn origin(address: IpAddr) -> Option<IpAddr> {
    match address {
        address if address.is_loopback() => None,
        IpAddr::V4(_) => Some(address),
        IpAddr::V6(v6) => Some(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
    }
}

/// A session's slot. Its drop frees it.
#[derive(Debug)]
pub(in super::super) struct Slot {
    admission: Arc<Admission>,
    pub(in super::super) index: u32,
    id: SessionId,
    origin: Option<IpAddr>,
}

impl Slot {
    /// The address that the session is counted by; `None` if it is not counted.
    pub(in super::super) fn origin(&self) -> Option<IpAddr> {
        self.origin
    }

    /// Records that the session has sent something whole: it is not silent.
    pub(in super::super) fn has_spoken(&self) {
        self.admission.counts.lock().silent.remove(&self.id);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.taken -= 1;
        counts.free.push(self.index);
        counts.silent.remove(&self.id);
        if let Some(origin) = self.origin
            && let Some(held) = counts.by_origin.get_mut(&origin)
        {
            *held -= 1;
            if *held == 0 {
                counts.by_origin.remove(&origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });

    fn caller(address: &str, counts_when_silent: bool) -> Request {
        let id = SessionId(NEXT.replace(NEXT.get() + 1));
        Request { id, address: address.parse().unwrap(), counts_when_silent }
    }

    fn admit(admission: &Arc<Admission>, address: &str) -> Result<Slot, Refusal> {
        admission.admit(caller(address, false), Duration::ZERO).map(|(slot, _)| slot)
    }

    #[test]
    fn slots_are_counted_and_freed() {
        let (one, two) = ("10.0.0.1", "10.0.0.2");
        let admission = Admission::new(3, 2, 0);
        let first = admit(&admission, one).unwrap();
        let second = admit(&admission, one).unwrap();
        assert_eq!((first.index, second.index), (0, 1));
        let too_many = Refusal::TooManyFrom { address: one.parse().unwrap(), limit: 2 };
        assert_eq!(admit(&admission, one).unwrap_err(), too_many);
        let third = admit(&admission, two).unwrap();
        assert_eq!(admit(&admission, two).unwrap_err(), Refusal::Full { limit: 3 });
        drop(first);
        assert_eq!(admit(&admission, one).unwrap().index, 0);
        drop((second, third));
        assert!(admission.counts.lock().by_origin.is_empty());
    }

    #[test]
    fn first_half_of_ipv6_counts_loopback_does_not() {
        let admission = Admission::new(100, 1, 0);
        let _held: Vec<Slot> = ["2001:db8::1", "2001:db8:0:1::1", "10.0.0.1", "fe80::1"]
            .map(|address| admit(&admission, address).unwrap())
            .into();
        for (address, counted) in [
            ("2001:db8::1", "2001:db8::"),
            ("2001:db8::ffff:1:2:3", "2001:db8::"),
            ("2001:db8:0:1:ffff::", "2001:db8:0:1::"),
            ("10.0.0.1", "10.0.0.1"),
            ("fe80::2", "fe80::"),
        ] {
            let refusal = Refusal::TooManyFrom { address: counted.parse().unwrap(), limit: 1 };
            assert_eq!(admit(&admission, address).unwrap_err(), refusal, "{address}");
        }
        let _more: Vec<Slot> = ["2001:db8:0:2::1", "2001:db9::1", "10.0.0.2"]
            .into_iter()
            .chain(["127.0.0.1", "127.0.0.9", "::1"].repeat(3))
            .map(|address| admit(&admission, address).unwrap_or_else(|refusal| panic!("{address}: {refusal}")))
            .collect();
        assert_eq!(admission.counts.lock().by_origin.len(), 7);
    }

    /// Rate limits use the origin, with or without `--max-per-address`.
    #[test]
    fn slot_has_its_origin_without_a_limit() {
        let admission = Admission::new(100, 0, 0);
        for (address, origin) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("2001:db8:0:1:ffff::", Some("2001:db8:0:1::")),
            ("127.0.0.1", None),
            ("::1", None),
        ] {
            let slot = admit(&admission, address).unwrap();
            assert_eq!(slot.origin(), origin.map(|origin| origin.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn oldest_silent_session_ends_after_its_grace() {
        let admission = Admission::new(100, 0, 2);
        let at = Duration::from_secs;
        let come = |seconds| admission.admit(caller("10.0.0.1", true), at(seconds));
        let (first, gone) = come(0).unwrap();
        assert_eq!(gone, None);
        let (second, _) = come(4).unwrap();
        assert_eq!(come(9).unwrap_err(), Refusal::TooManySilent { limit: 2 }, "both are within their grace");
        let (third, gone) = come(10).unwrap();
        assert_eq!(gone, Some(first.id));
        assert_eq!(come(13).unwrap_err(), Refusal::TooManySilent { limit: 2 });
        // The first session was replaced already: its late first bytes and its end change no count.
        first.has_spoken();
        drop(first);
        assert_eq!(come(13).unwrap_err(), Refusal::TooManySilent { limit: 2 });
        // A session that has spoken is not counted and never has to end.
        second.has_spoken();
        let (fourth, gone) = come(100).unwrap();
        assert_eq!(gone, None);
        let (_fifth, gone) = come(100).unwrap();
        assert_eq!(gone, Some(third.id));
        drop(fourth);
        assert_eq!(come(100).map(|(_, gone)| gone), Ok(None), "a slot was freed");
        // At the other doors silent sessions are not counted.
        for _ in 0..50 {
            std::mem::forget(admit(&admission, "10.0.0.1").unwrap());
        }
    }

    #[test]
    fn silent_sessions_never_have_over_half_the_slots() {
        let limit = |slots, silent| Admission::new(slots, 0, silent).silent;
        assert_eq!((limit(4096, 1024), limit(100, 1024), limit(1, 1024)), (1024, 50, 1));
        assert_eq!(limit(4096, 0), usize::MAX, "0 is no limit");
    }
}
