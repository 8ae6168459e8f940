//! The figures of the process: processor time, memory, descriptors and threads, as the kernel tells them.
//!
//! Each measurement costs the same with more sessions, except the processor time. The kernel adds it up over all
//! threads, which takes 0.7 ms with 4,000 threads and 3 ms with 16,000. (`/proc/self/stat` does the same, takes
//! three times as long, and holds a lock that starting threads need.) So with many threads the processor time is
//! the value measured after the previous answer: [`Process::measure_if_due`] measures it when an answer has been sent.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// With at most so many threads, the processor time is read for each answer: it takes less than a millisecond.
const FEW_THREADS: u64 = 4000;

/// The figures at one moment. `None`: the kernel does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Processor time of all threads, those that have ended too.
    pub cpu: Option<Duration>,
    /// Bytes of memory in use.
    pub resident: Option<u64>,
    /// Bytes of address space in use.
    pub address_space: Option<u64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// The limit of descriptors; `None` also if there is none.
    pub max_fds: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// The start of the process, since 1970.
    pub started: Option<Duration>,
}

/// The figures that are kept between two answers.
#[derive(Debug)]
pub struct Process {
    started: Option<Duration>,
    /// The last measured processor time, in nanoseconds; 0 before the first.
    cpu: AtomicU64,
    /// The processor time was not measured for the last answer.
    is_due: AtomicBool,
}

impl Process {
    /// Reads the start of the process. Call this before there are many threads.
    #[must_use]
    pub fn new() -> Self {
        Self { started: started(), cpu: AtomicU64::new(0), is_due: AtomicBool::new(false) }
    }

    /// Reads the figures.
    #[must_use]
    pub fn read(&self) -> Figures {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let threads = in_lines(&status, "Threads:");
        if threads.is_some_and(|threads| threads <= FEW_THREADS) {
            self.measure_cpu();
        } else {
            self.is_due.store(true, Ordering::Relaxed);
        }
        let cpu = Some(self.cpu.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0);
        let bytes = |name| in_lines(&status, name).map(|kib| kib * 1024);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Figures {
            cpu: cpu.map(Duration::from_nanos),
            resident: bytes("VmRSS:"),
            address_space: bytes("VmSize:"),
            open_fds: open_fds(),
            max_fds: in_lines(&limits, "Max open files"),
            threads,
            started: self.started,
        }
    }

    /// Measures the processor time for the next [`Process::read`], if the last one did not.
    pub fn measure_if_due(&self) {
        if self.is_due.load(Ordering::Relaxed) && self.is_due.swap(false, Ordering::Relaxed) {
            self.measure_cpu();
        }
    }

    fn measure_cpu(&self) {
        use rustix::time::{ClockId, clock_gettime};
        let used = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
        // Of two that measure at once, the later value stays: the counter never jumps back.
        self.cpu.fetch_max(u64::try_from(used.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}

/// The number after `name`, at the beginning of a line: `Threads:  12`.
fn in_lines(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Open descriptors. Linux 6.2 and later tell the number as the folder's size; before that they are listed.
fn open_fds() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as u64), // without the folder's
        count => Some(count),
    }
}

/// Ticks in a second in the files under /proc: `USER_HZ`, which is 100 on each architecture that Rust
/// compiles for.
/// (To ask for it by rustix crashes under valgrind, which `scripts/bench.sh --instructions` needs.)
const TICKS_PER_SECOND: u64 = 100;

/// The start of the process: the boot, and ticks since then.
fn started() -> Option<Duration> {
    let boot = in_lines(&fs::read_to_string("/proc/stat").ok()?, "btime")?;
    let ticks = start_ticks(&fs::read_to_string("/proc/self/stat").ok()?)?;
    Some(Duration::from_secs(boot) + Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The start in the format of proc_pid_stat(5). The program's name, in parentheses, may hold blanks.
fn start_ticks(stat: &str) -> Option<u64> {
    const FIELD: usize = 22; // from 1; the name is the second
    stat.rsplit_once(')')?.1.split_whitespace().nth(FIELD - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_found_behind_any_name() {
        let stat = "812 (a) b (c) S 1 812 812 0 -1 4194560 5 0 0 0 17 4 0 0 20 0 9 0 123456 1000 50";
        assert_eq!(start_ticks(stat), Some(123_456));
        assert_eq!(start_ticks("812 (a"), None);
    }

    #[test]
    fn figures_are_those_of_this_process() {
        let process = Process::new();
        let before = process.read();
        let files: Vec<_> = (0..10).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let figures = process.read();
        assert!(figures.cpu >= before.cpu && figures.cpu.is_some());
        assert!(figures.open_fds.unwrap() >= files.len() as u64);
        assert!(figures.threads.unwrap() >= 1);
        assert!(figures.address_space > figures.resident && figures.resident.unwrap() > 100_000);
        let age = std::time::SystemTime::UNIX_EPOCH + figures.started.unwrap();
        assert!(age <= std::time::SystemTime::now() + Duration::from_secs(2));
    }
}
