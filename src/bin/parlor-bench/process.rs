//! Processor time and memory of a process, from /proc: on Linux only.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Processor time of all its threads, in steps of 10 ms.
    pub(super) cpu: Duration,
    /// Resident memory, in bytes.
    pub(super) resident: u64,
    /// Its page tables, in bytes.
    pub(super) page_tables: u64,
    pub(super) threads: u64,
}

/// Kernel memory of one thread's stack on 64-bit Linux (THREAD_SIZE of x86-64 and arm64), in bytes.
pub(super) const KERNEL_STACK: u64 = 16 * 1024;

/// Reads the usage of a process.
pub(super) fn usage(pid: u32) -> Result<Usage, String> {
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).map_err(|error| format!("cannot read what process {pid} uses, {path}: {error}"))
    };
    let stat = read("stat")?;
    let status = read("status")?;
    // The name, in brackets, may hold anything; utime and stime are the 12th and 13th after it.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(Usage {
        cpu: Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64),
        resident: field("VmRSS:") * 1024,
        page_tables: field("VmPTE:") * 1024,
        threads: field("Threads:"),
    })
}

/// Raises the limit of descriptors to the most that is allowed: each connection needs one.
pub(super) fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If this fails, opening the connections reports it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
