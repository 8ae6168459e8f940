//! A hard life for a server, and a check of everything that was heard in it.
//!
//! ```text
//!   guests    come, talk, stall, flood, send rubbish, reset, vanish: each on a thread of its own
//!   pairs     one visitor at a time in a room of its own: every coming and going is told once
//!   signals   stops the server's process and continues it, with callers on their way in
//!   gallery   the witnesses at every door, who hear everything; order: one order for all of them
//! ```
//!
//! It begins with a while of churn to warm up, then a rest, in which the server's descriptors and
//! threads must be those of the witnesses alone; then comes the churn that counts, and the same rest
//! again. What takes resources away from the server meanwhile, or makes its system calls fail, is
//! the business of scripts/soak.sh, which starts this.

mod count;
mod door;
mod gallery;
mod guests;
mod order;
mod pairs;
mod peer;
mod polite;
mod random;
mod signals;
mod witness;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use count::{Count, Counters};
use gallery::Gallery;
use random::Random;

use super::flags::Soak;
use super::process;
use super::report::{Report, Run};

/// From here on a run is long enough for peers that vanish for 40 s.
const LONG: Duration = Duration::from_secs(300);
/// After the churn everybody must have gone within this: the longest is who vanished, or who waits for
/// the end of every patience of its own.
const GONE: Duration = Duration::from_secs(120);
/// What was said last must be heard within this.
const HEARD: Duration = Duration::from_secs(30);
/// A guest's stack: its buffers are small.
const STACK: usize = 128 * 1024;
/// What was wrong is told so often and counted beyond.
const TOLD: usize = 20;

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const OVER: u8 = 2;

/// What all threads of a soak share.
#[derive(Debug)]
pub(super) struct Shared {
    doors: [SocketAddr; 4],
    pid: u32,
    seed: u64,
    rate: u32,
    is_long: bool,
    phase: AtomicU8,
    busy: AtomicUsize,
    talkers: AtomicU32,
    visits: AtomicU64,
    counters: Counters,
    /// Who took a polite leave.
    polite: Mutex<Vec<Promise>>,
    /// The churn that counts is to end now.
    is_let_go: Arc<AtomicBool>,
    /// Connections that nothing comes from any more, and until when.
    vanished: Mutex<Vec<(Instant, TcpStream)>>,
    cut_short: AtomicU64,
    faults: Mutex<Notes>,
}

/// A talker's lines that everybody must have heard at the end.
#[derive(Debug, Clone, Copy)]
struct Promise {
    talker: u32,
    said: u32,
    /// Where its lines did not come back to it: its address, and when it went.
    doubt: Option<(SocketAddr, SystemTime)>,
}

/// A count with its first cases in words.
#[derive(Debug, Default)]
struct Notes {
    count: u64,
    told: Vec<String>,
}

impl Notes {
    fn add(&mut self, what: String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(what);
        }
    }
}

/// Somebody is at work; dropped, it is not.
struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn new(how: &Soak) -> Result<Self, String> {
        let doors = [how.text, how.relay, how.json_door, how.frame];
        if let Some(stranger) = doors.iter().find(|door| !door.ip().is_loopback()) {
            return Err(format!("{stranger} is not of this machine; a soak goes to 127.0.0.0/8 and ::1 only"));
        }
        Ok(Self {
            doors,
            pid: how.pid,
            seed: how.seed,
            rate: how.rate,
            is_long: how.seconds >= LONG,
            phase: AtomicU8::new(CLOSED),
            busy: AtomicUsize::new(0),
            talkers: AtomicU32::new(0),
            visits: AtomicU64::new(0),
            counters: Counters::default(),
            polite: Mutex::default(),
            is_let_go: Arc::default(),
            vanished: Mutex::default(),
            cut_short: AtomicU64::new(0),
            faults: Mutex::default(),
        })
    }

    /// Chance for one purpose; the seed repeats it.
    fn draw(&self, purpose: u64) -> Random {
        Random::new(Random::new(self.seed ^ purpose.wrapping_mul(0x2545_f491_4f6c_dd1d)).next())
    }

    fn is_open(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == OPEN
    }

    /// Waits while the house rests; `None` when all is over.
    fn wait_until_open(&self) -> Option<Busy<'_>> {
        loop {
            self.busy.fetch_add(1, Ordering::SeqCst);
            let busy = Busy(&self.busy);
            match self.phase.load(Ordering::SeqCst) {
                OPEN => return Some(busy),
                OVER => return None,
                _ => drop(busy),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn next_talker(&self) -> u32 {
        self.talkers.fetch_add(1, Ordering::Relaxed)
    }

    fn next_visit(&self) -> u64 {
        self.visits.fetch_add(1, Ordering::Relaxed)
    }

    fn count(&self, what: Count) {
        let place = what as usize;
        if self.counters[place].fetch_add(1, Ordering::Relaxed) == 0 {
            say(&format!("first {}", Count::ALL[place].1));
        }
    }

    fn counted(&self, what: Count) -> u64 {
        self.counters[what as usize].load(Ordering::Relaxed)
    }

    fn was_polite(&self, promise: Promise) {
        self.polite.lock().push(promise);
    }

    /// A session was ended which should not have been. That is right only where a fault was put into
    /// one of its own system calls, which is for the conductor to compare: by address and time.
    fn cut_short(&self, address: SocketAddr, what: &str) {
        self.cut_short_at(address, SystemTime::now(), what);
    }

    fn cut_short_at(&self, address: SocketAddr, when: SystemTime, what: &str) {
        self.cut_short.fetch_add(1, Ordering::Relaxed);
        let when = when.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        say(&format!("cut short {address} at {when:.3}: {what}"));
    }

    fn fault(&self, what: String) {
        self.faults.lock().add(what);
    }

    fn has_vanished(&self, address: SocketAddr, stream: TcpStream, time: Duration) {
        say(&format!("vanished {address}"));
        self.vanished.lock().push((Instant::now() + time, stream));
    }

    fn forget_vanished(&self) {
        self.vanished.lock().retain(|(until, _)| Instant::now() < *until);
    }

    /// Whether no guest is here any more.
    fn is_empty(&self) -> bool {
        self.forget_vanished();
        self.busy.load(Ordering::SeqCst) == 0 && self.vanished.lock().is_empty()
    }
}

/// What the server holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holds {
    descriptors: usize,
    threads: u64,
}

fn holds(pid: u32) -> Result<Holds, String> {
    let path = format!("/proc/{pid}/fd");
    let descriptors = fs::read_dir(&path).map_err(|error| format!("cannot read {path}: {error}"))?.count();
    Ok(Holds { descriptors, threads: process::usage(pid)?.threads })
}

/// Does it once and tells what was found; an error if anything was wrong.
pub(super) fn run(how: &Soak, json: bool) -> Result<(), String> {
    let shared = Shared::new(how)?;
    let mut gallery = Gallery::new(&shared);
    gallery.talks = true;
    if !gallery.run_until(HEARD, Gallery::all_in)? {
        return Err("the witnesses were not let in".into());
    }
    gallery.run_for(Duration::from_millis(300))?;
    let alone = holds(how.pid)?;
    if how.leash {
        watch_leash(Arc::clone(&shared.is_let_go))?;
    }
    let result = thread::scope(|scope| {
        let result = start_guests(how, &shared, scope).and_then(|()| live(how, &shared, &mut gallery, alone));
        shared.phase.store(OVER, Ordering::SeqCst);
        result
    });
    let resident = result?;

    let Gallery { order, sessions, visits, .. } = &gallery;
    let mut run = Run::of("soak").given("seed", how.seed);
    for (count, name) in Count::ALL {
        run = run.figure(name, shared.counted(count) as f64, "");
    }
    let faults = shared.faults.lock();
    let wrong = faults.count + order.faults;
    let run = run
        .figure("sessions", (sessions + shared.counted(Count::Sessions)) as f64, "")
        .figure("visits_of_witnesses", *visits as f64, "")
        .figure("lines", order.end() as f64, "")
        .figure("deliveries_checked", order.checked as f64, "")
        .figure("cut_short", shared.cut_short.load(Ordering::Relaxed) as f64, "")
        .figure("faults", wrong as f64, "")
        .figure("resident_after_warm_up", resident.0 as f64 / 1024.0, "KiB")
        .figure("resident_at_end", resident.1 as f64 / 1024.0, "KiB");
    let mut report = Report::new(json);
    report.add(run)?;
    report.finish()?;
    for what in faults.told.iter().chain(&order.told) {
        say(&format!("FAULT: {what}"));
    }
    if wrong > 0 {
        return Err(format!("{wrong} faults in what was heard"));
    }
    if resident.1 > resident.0 + (how.growth << 20) {
        let more = (resident.1 - resident.0) / 1024;
        return Err(format!("{more} KiB more are resident at the end than after the warm-up"));
    }
    Ok(())
}

fn start_guests<'scope>(
    how: &Soak,
    shared: &'scope Shared,
    scope: &'scope thread::Scope<'scope, '_>,
) -> Result<(), String> {
    let fail = |error: io::Error| format!("cannot start a thread: {error}");
    for number in 0..u64::from(how.guests) {
        let guest = move || guests::Guest::new(shared, number).run();
        Builder::new().stack_size(STACK).spawn_scoped(scope, guest).map_err(fail)?;
    }
    Builder::new().stack_size(STACK).spawn_scoped(scope, || pairs::run(shared)).map_err(fail)?;
    Builder::new().stack_size(STACK).spawn_scoped(scope, || signals::run(shared)).map_err(fail)?;
    Ok(())
}

/// Warm-up, rest, churn, rest; returns what was resident in the two rests, in bytes.
fn live(how: &Soak, shared: &Shared, gallery: &mut Gallery<'_>, alone: Holds) -> Result<(u64, u64), String> {
    churn(shared, gallery, how.warm_up, false)?;
    let first = rest(how, shared, gallery, alone)?;
    churn(shared, gallery, how.seconds, true)?;
    let second = rest(how, shared, gallery, alone)?;
    // The last lines of all, by which everybody is compared to the end.
    gallery.talks = true;
    gallery.run_for(Duration::from_millis(500))?;
    gallery.talks = false;
    let polite = std::mem::take(&mut *shared.polite.lock());
    // Where that is not so in time, the books say what is missing.
    gallery.run_until(HEARD, |gallery| gallery.has_heard_out(&polite))?;
    gallery.close_books(&polite);
    Ok((first, second))
}

fn churn(shared: &Shared, gallery: &mut Gallery<'_>, time: Duration, may_be_let_go: bool) -> Result<(), String> {
    (gallery.is_open, gallery.talks) = (true, true);
    shared.phase.store(OPEN, Ordering::SeqCst);
    say("churn begins");
    let until = Instant::now() + time;
    let done = gallery
        .run_until(time, |_| Instant::now() >= until || (may_be_let_go && shared.is_let_go.load(Ordering::Relaxed)));
    shared.phase.store(CLOSED, Ordering::SeqCst);
    say("churn ends");
    gallery.is_open = false;
    done.map(|_| ())
}

/// Waits until everybody has gone but those who stay, and the server holds what it held with them
/// alone; that this is not so in time is a fault. Returns what is resident then, in bytes.
fn rest(how: &Soak, shared: &Shared, gallery: &mut Gallery<'_>, alone: Holds) -> Result<u64, String> {
    // Those on the relay door know that they are in by what they hear, so somebody talks for now.
    if !gallery.run_until(GONE, |gallery| shared.is_empty() && gallery.is_at_rest())? {
        let (busy, vanished) = (shared.busy.load(Ordering::SeqCst), shared.vanished.lock().len());
        let seconds = GONE.as_secs();
        shared.fault(format!(
            "no rest after {seconds} s: {busy} guests at work, {vanished} vanished, {}",
            gallery.unrest()
        ));
    }
    gallery.talks = false;
    let mut held = Ok(alone);
    gallery.run_until(GONE, |_| {
        held = holds(how.pid);
        held.as_ref().map_or(true, |held| *held == alone)
    })?;
    let held = held?;
    if held != alone {
        shared.fault(format!("with the witnesses alone the server had {alone:?}, after the churn {held:?}"));
    }
    Ok(process::usage(how.pid)?.resident)
}

/// Lets the churn end when standard input does. The thread is nobody's: it may wait for longer than
/// all of this takes.
fn watch_leash(is_let_go: Arc<AtomicBool>) -> Result<(), String> {
    let watch = move || {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        is_let_go.store(true, Ordering::Relaxed);
    };
    let started = Builder::new().stack_size(STACK).spawn(watch);
    started.map(drop).map_err(|error| format!("cannot start a thread: {error}"))
}

/// A line for the conductor; standard error may be closed.
fn say(what: &str) {
    let _ = writeln!(io::stderr(), "soak: {what}");
}
