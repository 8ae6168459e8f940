//! The limits of this process and this machine, from /proc and the control groups.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getuid, setrlimit};

const KIB: u64 = 1024;

/// The limit of descriptors after raising it; `None` if there is none.
pub(super) fn raise_descriptors() -> Option<u64> {
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
pub(super) fn limit_of(name: &str) -> Option<Rlimit> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let mut values = limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    let mut next = || values.next().map(|value| value.parse().ok()); // "unlimited" is no number
    Some(Rlimit { current: next()?, maximum: next()? })
}

/// The user's limit of threads. Other programs of the user share it, so a thread start may still fail; the
/// caller is then refused. The limit does not bind the machine's root, nor processes with the capabilities
/// below. It binds root in a container with its own users.
pub(super) fn user_threads(status: &str) -> Option<u64> {
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
pub(super) fn promised_memory() -> Option<u64> {
    if read_number("/proc/sys/vm/overcommit_memory") != Some(2) {
        return None;
    }
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let (limit, promised) = (in_status(&memory, "CommitLimit:"), in_status(&memory, "Committed_AS:"));
    Some(limit.saturating_sub(promised) * KIB)
}

/// A number in the format of /proc/self/status: `VmSize:  12345 kB`. 0 if it is missing.
pub(super) fn in_status(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The lowest limit among this process's control groups, such as a service's `TasksMax`.
pub(super) fn least_of_cgroups(controller: &str, files: &[&str]) -> Option<u64> {
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

pub(super) fn read_number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok() // "max" is no number and no limit
}

#[cfg(test)]
mod tests {
    use super::*;

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
