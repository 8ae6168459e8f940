//! A server of the test's own: the built binary on free ports.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use parlor::{Listen, Wire};

use super::peer::Peer;
use super::wait_for;

/// Every door, on free ports.
#[rustfmt::skip]
pub(crate) const DOORS: [&str; 8] = [
    "--listen", "text://127.0.0.1:0", "--listen", "relay://127.0.0.1:0",
    "--listen", "json://127.0.0.1:0", "--listen", "frame://127.0.0.1:0",
];

/// A door of this format on a free port, for a server within the test.
pub(crate) fn open(wire: Wire) -> Listen {
    Listen::required(wire, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// A running `parlor` with every door on free ports of 127.0.0.1.
pub(crate) struct TestServer {
    child: Child,
    pub(crate) text: SocketAddr,
    pub(crate) relay: SocketAddr,
    pub(crate) json: SocketAddr,
    pub(crate) frame: SocketAddr,
    ready: String,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
    ended: bool,
}

impl TestServer {
    /// Starts one with these flags besides the doors; without rate limits unless they set `--rate`.
    pub(crate) fn with(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
        command.args(DOORS);
        if !flags.contains(&"--rate") {
            command.args(["--rate", "0", "--request-rate", "0"]);
        }
        command.args(flags);
        Self::start(command)
    }

    /// Starts one with the flags of most tests.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Starts a command that ends up being `parlor` with every door.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, stderr) = (Arc::clone(&log), BufReader::new(child.stderr.take().unwrap()));
        let logging = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let address = |wire: &str| {
            door(&ready, wire).unwrap_or_else(|| panic!("no {wire} door: {ready:?}\n{}", log.lock().unwrap()))
        };
        let (text, relay, json, frame) = (address("text"), address("relay"), address("json"), address("frame"));
        Self { text, relay, json, frame, ready, child, log, logging: Some(logging), ended: false }
    }

    /// The address of a door that the flags have opened beside the others.
    #[track_caller]
    pub(crate) fn door(&self, wire: &str) -> SocketAddr {
        door(&self.ready, wire).unwrap_or_else(|| panic!("no {wire} door: {:?}", self.ready))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has a line with `words` in it; returns the whole log.
    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        wait_for(
            || Some(self.log()).filter(|log| log.contains(words)),
            || format!("{words:?} in the log:\n{}", self.log()),
        )
    }

    /// Sends a signal by its name (`TERM`, `INT`, …).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let pid = self.child.id();
        let status = wait_for(|| self.child.try_wait().unwrap(), || format!("the end of process {pid}"));
        self.ended = true;
        if let Some(logging) = self.logging.take() {
            logging.join().unwrap();
        }
        status
    }

    /// Stops it with TERM, which must end well; returns the whole log.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "exit status {status}, log:\n{}", self.log());
        self.log()
    }

    /// A number from `/proc/PID/status` by its name, such as `Threads`, `VmRSS` or its peak `VmHWM`
    /// (in KiB).
    pub(crate) fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits until it has taken everything that `peer` has sent out of its socket: what is sent
    /// after this comes in another read.
    pub(crate) fn wait_until_read(&self, peer: &Peer) {
        // In /proc/net/tcp an address is its bytes in host order and the port, in hexadecimal.
        let local = |port: u16| format!("0100007F:{port:04X}");
        let ours = format!("{} {}", local(peer.door.port()), local(peer.stream.local_addr().unwrap().port()));
        let unread = || {
            let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let socket = sockets.lines().find(|line| line.contains(&ours))?;
            let (_, unread) = socket.split_whitespace().nth(4)?.split_once(':')?;
            (unread == "00000000").then_some(())
        };
        wait_for(unread, || format!("all input of {} to be read", peer.name));
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

/// The address of a door in the ready line.
fn door(ready: &str, wire: &str) -> Option<SocketAddr> {
    let address = ready.split_whitespace().find_map(|word| word.strip_prefix(wire)?.strip_prefix('='))?;
    Some(address.parse().unwrap())
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            eprintln!("--- log of the server ---\n{}", self.log());
            return;
        }
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "exit status {status}, log:\n{}", self.log());
    }
}
