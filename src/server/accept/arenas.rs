//! A bound on the address space that glibc's malloc reserves.
//!
//! glibc gives threads arenas, up to eight for each processor. Each reserves 64 MiB of address space, and
//! 128 MiB while it is aligned. Under RLIMIT_AS (`ulimit -v`) they leave no space for threads and other
//! allocations, and the process aborts: at 500 MB with 105 sessions. `MALLOC_ARENA_MAX` bounds them;
//! glibc reads it when a program starts.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::machine::limit_of;

const VARIABLE: &str = "MALLOC_ARENA_MAX";
const ARENA_SPACE: u64 = 64 << 20;
const ARENAS_PER_PROCESSOR: u64 = 8;
/// Arenas may take this part of a limited address space.
const ARENA_PART: u64 = 4;

/// Executes this program again with fewer arenas, if they could take more than a quarter of its address
/// space. The process id stays. Returns if that is not so, or cannot be done.
///
/// # Errors
/// If the program cannot be executed again. It then runs with more arenas and fewer sessions.
pub fn bound() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let Some(limit) = limit_of("Max address space").and_then(|limit| limit.current) else { return Ok(()) };
    let Some(fewer) = fewer_than(most(&status), limit).filter(|_| is_glibc() && env::var_os(VARIABLE).is_none()) else {
        return Ok(());
    };
    let mut words = env::args_os();
    let mut command = Command::new(env::current_exe()?);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    Err(command.args(words).env(VARIABLE, fewer.to_string()).exec())
}

/// Address space that arenas may take, in bytes. `status` is /proc/self/status.
pub(super) fn reserved(status: &str) -> u64 {
    match most(status) {
        // The first arena is the program's own heap.
        0 | 1 => 0,
        most => most.saturating_mul(ARENA_SPACE), // without the main heap, and one more while the last is aligned
    }
}

/// Most arenas in this process.
fn most(status: &str) -> u64 {
    if !is_glibc() {
        return 0;
    }
    let set = env::var(VARIABLE).ok().and_then(|value| value.parse().ok()).filter(|most| *most > 0);
    set.unwrap_or_else(|| processors(status) * ARENAS_PER_PROCESSOR)
}

/// The number of arenas that a limit allows, if that is fewer.
fn fewer_than(most: u64, limit: u64) -> Option<u64> {
    let allowed = (limit / ARENA_PART / ARENA_SPACE).max(1);
    (allowed < most).then_some(allowed)
}

fn is_glibc() -> bool {
    cfg!(all(target_os = "linux", target_env = "gnu"))
}

/// The number of processors that this process may use: `Cpus_allowed: ff,ffffffff`.
fn processors(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed:")).unwrap_or("1");
    let count: u32 = mask.chars().filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum();
    u64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_take_a_quarter_of_the_space() {
        assert_eq!(fewer_than(16, 600_000_000), Some(2));
        assert_eq!(fewer_than(16, 100 << 20), Some(1));
        assert_eq!(fewer_than(16, 2 << 30), Some(8));
        assert_eq!(fewer_than(16, 4 << 30), None);
        assert_eq!(fewer_than(0, 1), None, "no arenas, as by musl");
    }

    #[test]
    fn processors_are_counted_by_their_mask() {
        assert_eq!(processors("Name:\tx\nCpus_allowed:\tff,ffffffff\n"), 40);
        assert_eq!(processors("Cpus_allowed:\t3\n"), 2);
        assert_eq!(processors(""), 1);
    }
}
