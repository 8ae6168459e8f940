//! How many sessions this machine has room for.
//!
//! A session needs one descriptor and two threads, and a thread needs memory maps and address space. Each
//! of these has a limit. Running out of maps or memory cannot be handled: std's thread start and any
//! allocation then abort the process. So the server reads the limits at its start, and admits no more
//! sessions than they allow.

use std::fmt;
use std::fs;

use crate::config::Config;

use super::super::session::READER_STACK;
use super::arenas;
use super::door::StartError;
use super::machine::{
    in_status, least_of_cgroups, limit_of, promised_memory, raise_descriptors, read_number, user_threads,
};

/// Descriptors for everything but sessions: listeners, pipes, the log, the spare.
const OTHER_DESCRIPTORS: u64 = 32;
/// Descriptors that the server opens after it has counted the open ones.
const LATER_DESCRIPTORS: u64 = 16;
/// Threads for everything but sessions.
const OTHER_THREADS: u64 = 16;
/// Maps of one thread: its stack, its signal stack, and a guard page for each.
const MAPS_PER_THREAD: u64 = 4;
const THREADS_PER_SESSION: u64 = 2;
/// Maps for everything but sessions: the binary, its libraries, the heap and its arenas.
const OTHER_MAPS: u64 = 512;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Address space of one thread: a stack, a signal stack and their guard pages. A writer may reuse the stack
/// of an ended reader, which is the larger one.
const THREAD_SPACE: u64 = READER_STACK as u64 + 32 * KIB;
/// Heap bytes of a session besides its outbox: buffers, lines in transit, its entry in the manager.
const SESSION_HEAP: u64 = 256 * KIB;
/// Resident memory of a session, twice the measured 57 KiB: control groups count this.
const SESSION_MEMORY: u64 = 128 * KIB;
/// Memory for everything but sessions: the manager's stack, history, chunks for rooms.
const OTHER_MEMORY: u64 = 32 * MIB;

/// One resource limit of the process or the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    name: &'static str,
    value: u64,
    /// The part that is used by everything but sessions, and by each session.
    other: u64,
    each: u64,
    /// The unit in which operators set the limit: 1024 if that is KiB.
    unit: u64,
}

impl Limit {
    fn sessions(&self) -> u64 {
        self.value.saturating_sub(self.other) / self.each
    }

    fn least(&self) -> u64 {
        (self.other + self.each).div_ceil(self.unit)
    }
}

/// The sessions that the lowest limit allows, and that limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Capacity {
    pub(in super::super) sessions: usize,
    limit: Option<Limit>,
}

impl Capacity {
    /// Raises the soft limit of descriptors to the hard one and reads all limits. A limit that
    /// cannot be read is ignored.
    ///
    /// # Errors
    /// If there is no room for a single session.
    pub(in super::super) fn of_this_machine(config: &Config) -> Result<Self, StartError> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self::of(all_limits(config, &status))
    }

    fn of(limits: impl IntoIterator<Item = Limit>) -> Result<Self, StartError> {
        let limit = limits.into_iter().min_by_key(Limit::sessions);
        let sessions = limit.map_or(u64::MAX, |limit| limit.sessions());
        if let Some(limit) = limit.filter(|limit| limit.sessions() == 0) {
            let unit = if limit.unit == KIB { " KiB" } else { "" };
            let (value, least) = (limit.value / limit.unit, limit.least());
            let sentence = format!(
                "there is no room for a single session: the limit of {} is {value}{unit}. Raise it to {least}{unit} at least",
                limit.name
            );
            return Err(StartError::NoRoom { sentence });
        }
        Ok(Self { sessions: usize::try_from(sessions).unwrap_or(usize::MAX), limit })
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.limit.map_or("nothing known", |limit| limit.name);
        write!(f, "{} sessions at once, limited by {name}", self.sessions)
    }
}

/// Every limit that is known. `status` is the text of /proc/self/status (proc_pid_status(5)).
fn all_limits(config: &Config, status: &str) -> Vec<Limit> {
    let threads = |value: Option<u64>, name| {
        value.map(|value| Limit { name, value, other: OTHER_THREADS, each: THREADS_PER_SESSION, unit: 1 })
    };
    let space = THREADS_PER_SESSION * THREAD_SPACE + SESSION_HEAP + config.max_pending as u64;
    let memory = |value: Option<u64>, name, taken: u64, each| {
        value.map(|value| Limit { name, value, other: taken + OTHER_MEMORY, each, unit: KIB })
    };
    let limits = [
        raise_descriptors().map(|value| {
            let open = fs::read_dir("/proc/self/fd").map_or(0, |open| open.count() as u64);
            let other = OTHER_DESCRIPTORS.max(open + LATER_DESCRIPTORS);
            Limit { name: "open files (ulimit -n)", value, other, each: 1, unit: 1 }
        }),
        threads(user_threads(status), "threads of this user (ulimit -u)"),
        threads(read_number("/proc/sys/kernel/threads-max"), "threads (kernel.threads-max)"),
        threads(read_number("/proc/sys/kernel/pid_max"), "threads (kernel.pid_max)"),
        threads(least_of_cgroups("pids", &["pids.max"]), "threads (the cgroup's pids.max)"),
        read_number("/proc/sys/vm/max_map_count").map(|value| {
            let each = THREADS_PER_SESSION * MAPS_PER_THREAD;
            Limit { name: "memory maps (vm.max_map_count)", value, other: OTHER_MAPS, each, unit: 1 }
        }),
        memory(
            limit_of("Max address space").and_then(|limit| limit.current),
            "address space (ulimit -v)",
            in_status(status, "VmSize:") * KIB + arenas::reserved(status),
            space,
        ),
        memory(
            limit_of("Max data size").and_then(|limit| limit.current),
            "data (ulimit -d)",
            in_status(status, "VmData:") * KIB,
            space,
        ),
        memory(promised_memory(), "memory to promise (vm.overcommit_memory is 2)", 0, space),
        memory(
            least_of_cgroups("memory", &["memory.max", "memory.limit_in_bytes"]),
            "memory (the cgroup's memory.max)",
            0,
            SESSION_MEMORY,
        ),
    ];
    limits.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &'static str, value: u64, other: u64, each: u64) -> Limit {
        Limit { name, value, other, each, unit: 1 }
    }

    #[test]
    fn stock_linux_has_room_for_eight_thousand() {
        let maps = limit("maps", 65_530, OTHER_MAPS, THREADS_PER_SESSION * MAPS_PER_THREAD);
        assert_eq!(Capacity::of([maps]).unwrap().sessions, 8127);
        assert!(Capacity::of_this_machine(&Config::default()).unwrap().sessions > 0);
    }

    #[test]
    fn limit_without_room_is_a_start_error() {
        let few = limit("open files (ulimit -n)", 20, 32, 1);
        let error = Capacity::of([limit("threads", 100, 16, 2), few]).unwrap_err().to_string();
        assert!(error.contains("the limit of open files (ulimit -n) is 20. Raise it to 33 at least"), "{error}");
        assert_eq!(Capacity::of([Limit { value: 33, ..few }]).unwrap().sessions, 1);
        let short = Limit { unit: KIB, ..limit("address space (ulimit -v)", 40_000 * KIB, 50 * MIB, MIB) };
        let error = Capacity::of([short]).unwrap_err().to_string();
        assert!(error.contains("(ulimit -v) is 40000 KiB. Raise it to 52224 KiB at least"), "{error}");
    }
}
