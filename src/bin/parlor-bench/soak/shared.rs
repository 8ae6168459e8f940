//! The state that all threads of a soak share.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::super::flags::Soak;
use super::count::{Count, Counters};
use super::random::Random;

/// A run of this length or more has time for peers that vanish for 40 s.
const LONG_RUN: Duration = Duration::from_secs(300);
/// Most faults that are reported in words. More are counted.
const MAX_REPORTED: usize = 20;

/// The settings of a soak.
#[derive(Debug)]
pub(super) struct Setup {
    /// The text, relay, JSON and frame doors.
    pub(super) doors: [SocketAddr; 4],
    /// The server's process.
    pub(super) pid: u32,
    /// Lines a second that the observers say.
    pub(super) rate: u32,
    pub(super) is_long: bool,
    seed: u64,
}

/// The state that all threads of a soak share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) phases: Phases,
    talkers: AtomicU32,
    visits: AtomicU64,
    counters: Counters,
    /// The lines of clients that have left in order.
    pub(super) expected: Mutex<Vec<Expected>>,
    /// The counted churn may end early.
    pub(super) may_end: Arc<AtomicBool>,
    /// Connections whose peer has vanished, each with the time when it is closed.
    pub(super) vanished: Mutex<Vec<(Instant, TcpStream)>>,
    pub(super) cut_short: AtomicU64,
    pub(super) faults: Mutex<FaultLog>,
}

/// A talker's lines that all observers must have received at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) talker: u32,
    pub(super) lines: u32,
    /// The talker's address and the time of its end, if its lines did not come back to it.
    pub(super) unconfirmed: Option<(SocketAddr, SystemTime)>,
}

/// Faults: their number, and the first of them in words.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    pub(super) count: u64,
    pub(super) reported: Vec<String>,
}

impl FaultLog {
    /// Adds a fault.
    pub(super) fn add(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.reported.len() < MAX_REPORTED {
            self.reported.push(what());
        }
    }
}

/// The phase of a soak, and the clients at work in it.
#[derive(Debug, Default)]
pub(super) struct Phases {
    phase: AtomicU8,
    busy: AtomicUsize,
}

/// Clients pause.
const PAUSED: u8 = 0;
/// Clients work.
const CHURN: u8 = 1;
/// The soak ends.
const OVER: u8 = 2;

/// A client at work, until it is dropped.
pub(super) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Phases {
    pub(super) fn begin_churn(&self) {
        self.phase.store(CHURN, Ordering::SeqCst);
    }

    pub(super) fn pause(&self) {
        self.phase.store(PAUSED, Ordering::SeqCst);
    }

    pub(super) fn end(&self) {
        self.phase.store(OVER, Ordering::SeqCst);
    }

    pub(super) fn is_churn(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == CHURN
    }

    /// The number of clients at work.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::SeqCst)
    }

    /// Waits for the churn. `None` when the soak ends.
    pub(super) fn wait_for_churn(&self) -> Option<Busy<'_>> {
        loop {
            self.busy.fetch_add(1, Ordering::SeqCst);
            let busy = Busy(&self.busy);
            match self.phase.load(Ordering::SeqCst) {
                CHURN => return Some(busy),
                OVER => return None,
                _ => drop(busy),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    /// Takes loopback addresses only: a soak must not load other people's machines.
    pub(super) fn new(how: &Soak) -> Result<Self, String> {
        let doors = [how.text, how.relay, how.json_door, how.frame];
        if let Some(remote) = doors.iter().find(|door| !door.ip().is_loopback()) {
            return Err(format!("{remote} is not of this machine; a soak goes to 127.0.0.0/8 and ::1 only"));
        }
        Ok(Self {
            setup: Setup { doors, pid: how.pid, rate: how.rate, is_long: how.seconds >= LONG_RUN, seed: how.seed },
            phases: Phases::default(),
            talkers: AtomicU32::new(0),
            visits: AtomicU64::new(0),
            counters: Counters::default(),
            expected: Mutex::default(),
            may_end: Arc::default(),
            vanished: Mutex::default(),
            cut_short: AtomicU64::new(0),
            faults: Mutex::default(),
        })
    }

    /// Random numbers for one purpose. The seed repeats them.
    pub(super) fn random(&self, purpose: u64) -> Random {
        Random::new(Random::new(self.setup.seed ^ purpose.wrapping_mul(0x2545_f491_4f6c_dd1d)).next())
    }

    pub(super) fn next_talker(&self) -> u32 {
        self.talkers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn next_visit(&self) -> u64 {
        self.visits.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn count(&self, what: Count) {
        let index = what as usize;
        if self.counters[index].fetch_add(1, Ordering::Relaxed) == 0 {
            report(&format!("first {}", Count::ALL[index].1));
        }
    }

    pub(super) fn counted(&self, what: Count) -> u64 {
        self.counters[what as usize].load(Ordering::Relaxed)
    }

    /// Records that the server ended a session that should have gone on. That is right only if a fault was put into
    /// a system call of that session. scripts/soak.sh compares the address and the time.
    pub(super) fn cut_short(&self, address: SocketAddr, what: &str) {
        self.cut_short_at(address, SystemTime::now(), what);
    }

    pub(super) fn cut_short_at(&self, address: SocketAddr, when: SystemTime, what: &str) {
        self.cut_short.fetch_add(1, Ordering::Relaxed);
        let when = when.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        report(&format!("cut short {address} at {when:.3}: {what}"));
    }

    pub(super) fn fault(&self, what: String) {
        self.faults.lock().add(|| what);
    }

    /// Keeps the connection of a vanished peer for this time.
    pub(super) fn keep_vanished(&self, address: SocketAddr, stream: TcpStream, time: Duration) {
        report(&format!("vanished {address}"));
        self.vanished.lock().push((Instant::now() + time, stream));
    }

    /// Closes connections of vanished peers whose time is over.
    pub(super) fn close_vanished(&self) {
        self.vanished.lock().retain(|(until, _)| Instant::now() < *until);
    }

    /// Whether no client is at work, and no vanished connection is left.
    pub(super) fn is_empty(&self) -> bool {
        self.close_vanished();
        self.phases.busy() == 0 && self.vanished.lock().is_empty()
    }
}

/// Writes a line for scripts/soak.sh. Standard error may be closed.
pub(super) fn report(what: &str) {
    let _ = writeln!(io::stderr(), "soak: {what}");
}
