//! How many sessions this machine has room for.
//!
//! A session needs one descriptor and two threads, and a thread needs memory maps and address space. Each
//! of these has a limit. Running out of maps or memory cannot be handled: std's thread start and any
//! allocation then abort the process. So the server reads the limits at its start, and admits no more
//! sessions than they allow.

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getuid, setrlimit};

use crate::config::Config;

use super::READER_STACK;
use super::arenas;
use super::door::StartError;

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
    /// Raises the soft limit of descriptors to the hard one and reads all limits. One that cannot
    /// be read does not limit.
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

/// The limit of descriptors after raising it; `None` if there is none.
fn raise_descriptors() -> Option<u64> {
    const NAME: &str = "Max open files";
    let limit = limit_of(NAME)?;
    if limit.current != limit.maximum {
        // If this is refused, the lower limit is read below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    limit_of(NAME)?.current
}

/// A limit of this process by its name in proc_pid_limits(5). (rustix's `getrlimit` panics if a sandbox
/// refuses the call.)
pub(in super::super) fn limit_of(name: &str) -> Option<Rlimit> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let mut values = limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    let mut next = || values.next().map(|value| value.parse().ok()); // "unlimited" is no number
    Some(Rlimit { current: next()?, maximum: next()? })
}

/// The user's limit of threads. Other programs of the user share it, so a thread start may still fail; the
/// caller is then refused. The limit does not bind the machine's root, nor processes with the capabilities
/// below. It binds root in a container with its own users.
fn user_threads(status: &str) -> Option<u64> {
    /// CAP_SYS_ADMIN and CAP_SYS_RESOURCE.
    const EXEMPT: u64 = 1 << 21 | 1 << 24;
    let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let own_users = !users.is_empty() && users.split_whitespace().ne(["0", "0", "4294967295"]);
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = rights.and_then(|rights| u64::from_str_radix(rights.trim(), 16).ok()).unwrap_or_default();
    let exempt = !own_users && (getuid().is_root() || rights & EXEMPT != 0);
    if exempt { None } else { limit_of("Max processes")?.current }
}

/// Memory that the kernel may still promise, if it promises no more than it has.
fn promised_memory() -> Option<u64> {
    if read_number("/proc/sys/vm/overcommit_memory") != Some(2) {
        return None;
    }
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let (limit, promised) = (in_status(&memory, "CommitLimit:"), in_status(&memory, "Committed_AS:"));
    Some(limit.saturating_sub(promised) * KIB)
}

/// A number in the format of /proc/self/status: `VmSize:  12345 kB`. 0 if it is missing.
fn in_status(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The lowest limit among this process's control groups, such as a service's `TasksMax`.
fn least_of_cgroups(controller: &str, files: &[&str]) -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    least_in_groups(&groups, Path::new("/sys/fs/cgroup"), controller, files)
}

/// `groups` is in the format of cgroups(7), one `NUMBER:CONTROLLERS:/PATH` a line. The limits of the groups
/// around a group bind it too.
fn least_in_groups(groups: &str, root: &Path, controller: &str, files: &[&str]) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let tree = match controllers {
            "" => Some(root.to_owned()), // version 2: one tree for all
            some => some.split(',').any(|one| one == controller).then(|| root.join(controller)),
        };
        let folders = Path::new(group).ancestors().filter_map(|folder| folder.strip_prefix("/").ok());
        let limits = folders.flat_map(|folder| {
            let tree = tree.as_ref();
            files.iter().filter_map(move |file| read_number(tree?.join(folder).join(file)))
        });
        limits.collect::<Vec<_>>()
    });
    limits.min()
}

fn read_number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok() // "max" is no number and no limit
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

    #[test]
    fn limits_are_read_by_their_names() {
        for name in ["Max open files", "Max processes", "Max address space", "Max data size"] {
            assert!(limit_of(name).is_some(), "{name}");
        }
        assert_eq!(limit_of("Max nonsense"), None);
    }

    #[test]
    fn address_space_counts_what_is_taken() {
        let status = "VmSize:\t  500000 kB\nVmData:\t    1000 kB\nCapEff:\t0000000000000000\n";
        assert_eq!((in_status(status, "VmSize:"), in_status(status, "VmRSS:")), (500_000, 0));
    }

    #[test]
    fn lowest_limit_of_enclosing_groups_counts() {
        let root = std::env::temp_dir().join(format!("parlor-cgroup-{}", std::process::id()));
        let set = |folder: &str, file: &str, limit: &str| {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join(file), format!("{limit}\n")).unwrap();
        };
        set("system.slice", "pids.max", "9000");
        set("system.slice/parlor.service", "pids.max", "max");
        set("system.slice/parlor.service", "memory.max", "1000000");
        set("pids/docker", "pids.max", "500");
        set("memory/docker", "memory.limit_in_bytes", "700");
        let threads = |groups: &str| least_in_groups(groups, &root, "pids", &["pids.max"]);
        let memory = |groups: &str| least_in_groups(groups, &root, "memory", &["memory.max", "memory.limit_in_bytes"]);
        let found = [
            threads("0::/system.slice/parlor.service\n"),
            threads("0::/\n"),
            threads("4:cpu,cpuacct:/docker\n3:pids:/docker/x\n0::/system.slice\n"),
            threads("no such thing"),
            memory("0::/system.slice/parlor.service\n"),
            memory("5:memory:/docker\n"),
        ];
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, [Some(9000), None, Some(500), None, Some(1_000_000), Some(700)]);
    }
}
