//! How many sessions this machine has room for.
//!
//! A session needs one descriptor and two threads, and a thread needs memory maps. Each of these
//! has a limit, and reaching the last one is not an error that can be handled: when the process may
//! not map any more memory, std's thread start aborts it. So the limits are read at the start, and
//! the gate never lets it come to that.

use std::fmt;
use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

/// Descriptors for everything but sessions: listeners, pipes, the log, the spare.
const OTHER_DESCRIPTORS: u64 = 32;
/// Threads for everything but sessions.
const OTHER_THREADS: u64 = 16;
/// Maps of one thread: its stack, its signal stack, and a guard page for each.
const MAPS_PER_THREAD: u64 = 4;
const THREADS_PER_SESSION: u64 = 2;
/// Maps for everything but sessions: the binary, its libraries, the heap and its arenas.
const OTHER_MAPS: u64 = 512;

/// The smallest of the limits, and which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) sessions: usize,
    pub(super) limited_by: &'static str,
}

impl Capacity {
    /// Raises the soft limit of descriptors to the hard one and reads all limits. One that cannot
    /// be read does not limit.
    pub(super) fn of_this_machine() -> Self {
        let limits = [
            (raise_descriptors().map(|all| all.saturating_sub(OTHER_DESCRIPTORS)), "open files (ulimit -n)"),
            (user_threads().map(sessions_of_threads), "threads of this user (ulimit -u)"),
            (read_number("/proc/sys/kernel/threads-max").map(sessions_of_threads), "threads (kernel.threads-max)"),
            (read_number("/proc/sys/kernel/pid_max").map(sessions_of_threads), "threads (kernel.pid_max)"),
            (threads_of_cgroups().map(sessions_of_threads), "threads (the cgroup's pids.max)"),
            (read_number("/proc/sys/vm/max_map_count").map(sessions_of_maps), "memory maps (vm.max_map_count)"),
        ];
        let known = limits.into_iter().filter_map(|(sessions, limited_by)| Some((sessions?, limited_by)));
        let (sessions, limited_by) = known.min_by_key(|(sessions, _)| *sessions).unwrap_or((u64::MAX, "nothing known"));
        Self { sessions: usize::try_from(sessions).unwrap_or(usize::MAX), limited_by }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sessions at once, limited by {}", self.sessions, self.limited_by)
    }
}

/// The limit of descriptors after raising it; `None` where there is none.
fn raise_descriptors() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Refused, the lower limit stands, and is what counts below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current
}

/// The user's limit of threads. It does not bind root; others share it with what else they run, so
/// a start of a thread may fail earlier, which is answered then.
fn user_threads() -> Option<u64> {
    if geteuid().is_root() { None } else { getrlimit(Resource::Nproc).current }
}

/// The least limit of threads that control groups set this process: a service's `TasksMax`, a container's.
fn threads_of_cgroups() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    least_pids_max(&groups, Path::new("/sys/fs/cgroup"))
}

/// `groups` is in the format of cgroups(7), one `NUMBER:CONTROLLERS:/PATH` a line; a group is bound by
/// those it is in, too.
fn least_pids_max(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let tree = match controllers {
            "" => Some(root.to_owned()), // version 2: one tree for all
            some => some.split(',').any(|one| one == "pids").then(|| root.join("pids")),
        };
        let folders = Path::new(group).ancestors().filter_map(|folder| folder.strip_prefix("/").ok());
        folders.filter_map(|folder| read_number(tree.as_ref()?.join(folder).join("pids.max"))).collect::<Vec<_>>()
    });
    limits.min()
}

fn read_number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok() // "max" is no number and no limit
}

fn sessions_of_threads(threads: u64) -> u64 {
    threads.saturating_sub(OTHER_THREADS) / THREADS_PER_SESSION
}

fn sessions_of_maps(maps: u64) -> u64 {
    maps.saturating_sub(OTHER_MAPS) / (THREADS_PER_SESSION * MAPS_PER_THREAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_linux_has_room_for_eight_thousand() {
        assert_eq!(sessions_of_maps(65_530), 8127);
        assert_eq!(sessions_of_threads(10), 0);
        assert!(Capacity::of_this_machine().sessions > 0);
    }

    #[test]
    fn the_least_limit_of_all_groups_around_counts() {
        let root = std::env::temp_dir().join(format!("parlor-cgroup-{}", std::process::id()));
        let set = |folder: &str, limit: &str| {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("pids.max"), format!("{limit}\n")).unwrap();
        };
        set("system.slice", "9000");
        set("system.slice/parlor.service", "max");
        set("pids/docker", "500");
        let least = |groups: &str| least_pids_max(groups, &root);
        let found = [
            least("0::/system.slice/parlor.service\n"),
            least("0::/\n"),
            least("4:cpu,cpuacct:/docker\n3:pids:/docker/x\n0::/system.slice\n"),
            least("no such thing"),
        ];
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, [Some(9000), None, Some(500), None]);
    }
}
