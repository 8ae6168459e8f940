//! The harness: a server of the test's own, and peers that wait for facts, never for time.
//!
//! A [`House`] is the built binary on free ports; it is stopped, and must stop well, when the test
//! ends. A [`Peer`] is one connection. Every wait has the same long deadline, after which the test
//! fails and shows everything that this peer has said and heard.
//!
//! Comings and goings are told one by one only while they are few (five within two seconds in a
//! room), so nobody waits for a `login` among many: who has been greeted is in the room
//! ([`Peer::enter`]), who was heard is too ([`Peer::enter_relay`]), and [`Movements`] counts both
//! kinds of telling.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, SockFilter, SockRef, Socket, Type};

/// Longer than anything that works takes, on a busy machine too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A BPF program of one instruction: return 0, so nothing of any packet is taken, ends and
/// acknowledgements included (`BPF_RET | BPF_K`).
const TAKE_NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);

/// Of a conversation, a failing test shows so much from its end.
const SHOWN: usize = 16 * 1024;
/// And so much of each line.
const SHOWN_OF_A_LINE: usize = 300;

/// Every door, on free ports.
#[rustfmt::skip]
pub(crate) const DOORS: [&str; 8] = [
    "--listen", "text://127.0.0.1:0", "--listen", "relay://127.0.0.1:0",
    "--listen", "json://127.0.0.1:0", "--listen", "frame://127.0.0.1:0",
];

/// A running `parlor` with every door on free ports of 127.0.0.1.
pub(crate) struct House {
    child: Child,
    pub(crate) text: SocketAddr,
    pub(crate) relay: SocketAddr,
    pub(crate) json: SocketAddr,
    pub(crate) frame: SocketAddr,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
    ended: bool,
}

impl House {
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
        let address = |wire: &str| -> SocketAddr {
            let door = ready.split_whitespace().find_map(|word| word.strip_prefix(wire)?.strip_prefix('='));
            door.unwrap_or_else(|| panic!("no {wire} door: {ready:?}\n{}", log.lock().unwrap())).parse().unwrap()
        };
        let (text, relay, json, frame) = (address("text"), address("relay"), address("json"), address("frame"));
        Self { text, relay, json, frame, child, log, logging: Some(logging), ended: false }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
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

impl Drop for House {
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

/// One frame: route and length in little-endian, data.
pub(crate) fn frame(route: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&route.to_le_bytes()[..], &length.to_le_bytes()[..], data].concat()
}

/// How many a text session was told came and left, one by one or in one line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Movements {
    pub(crate) came: usize,
    pub(crate) left: usize,
    /// Lines that said so.
    pub(crate) lines: usize,
}

impl Movements {
    /// Counts what a line tells; false where it is about something else.
    pub(crate) fn count(&mut self, line: &str) -> bool {
        let both = |line: &str| {
            let (came, left) = line.strip_prefix("*** ")?.strip_suffix(" left")?.split_once(" came, ")?;
            Some((came.parse().ok()?, left.parse().ok()?))
        };
        let (came, left) = match both(line) {
            Some(counts) => counts,
            None if line.starts_with('[') && line.ends_with(": login") => (1, 0),
            None if line.starts_with('[') && line.ends_with(" out") => (0, 1), // login out, time out leave out
            None if line.starts_with("*** ") && line.contains(" came from #") => (1, 0),
            None if line.starts_with("*** ") && line.contains(" went to #") => (0, 1),
            None => return false,
        };
        self.came += came;
        self.left += left;
        self.lines += 1;
        true
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(mut ask: impl FnMut() -> Option<T>, what: impl Fn() -> String) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "waited {DEADLINE:?} in vain for {}", what());
        thread::sleep(Duration::from_millis(2)); // between two looks at a fact
    }
}

/// One connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Its address, which is also its first name on the text door.
    pub(crate) name: String,
    /// Said at the head of a failure: which line of a script this peer is at.
    pub(crate) place: String,
    door: SocketAddr,
    /// What was read, and how much of it has been looked at.
    unread: Vec<u8>,
    looked_at: usize,
    /// The end of everything said (`>`) and heard (`<`), for a failing test.
    heard: String,
}

impl Peer {
    /// Connects, and reads nothing.
    pub(crate) fn connect(door: SocketAddr) -> Self {
        Self::of(TcpStream::connect(door).unwrap(), door)
    }

    /// Connects from this address of the machine (port 0: any), also if it is in use at another door.
    pub(crate) fn connect_from(from: SocketAddr, door: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&from.into()).unwrap();
        socket.connect(&door.into()).unwrap();
        Self::of(socket.into(), door)
    }

    /// Connects with a receive buffer of so many bytes, which stays as it is: otherwise the kernel
    /// lets it grow to megabytes, and no reader seems slow.
    pub(crate) fn connect_narrow(door: SocketAddr, bytes: usize) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        socket.connect(&door.into()).unwrap();
        Self::of(socket.into(), door)
    }

    fn of(stream: TcpStream, door: SocketAddr) -> Self {
        stream.set_nodelay(true).unwrap();
        let name = stream.local_addr().unwrap().to_string();
        Self { stream, name, place: String::new(), door, unread: Vec::new(), looked_at: 0, heard: String::new() }
    }

    /// The same connection, for another thread to talk by.
    pub(crate) fn again(&self) -> Self {
        Self::of(self.stream.try_clone().unwrap(), self.door)
    }

    /// Comes in by a text door and reads the greeting.
    pub(crate) fn enter(door: SocketAddr) -> Self {
        let mut peer = Self::connect(door);
        peer.fence();
        peer
    }

    /// Comes in by a text door and reads the greeting without asking for anything, which would
    /// count as a line.
    pub(crate) fn greeted(door: SocketAddr) -> Self {
        let mut peer = Self::connect(door);
        peer.skip_until(|line| line.starts_with("*** Say something") || line.starts_with("*** Quiet for"));
        peer
    }

    /// Comes in by a text door and takes a name. The other members of the room hear of both.
    pub(crate) fn enter_as(door: SocketAddr, nick: &str) -> Self {
        let mut peer = Self::enter(door);
        peer.take_name(nick);
        peer
    }

    /// Comes in by a text door, and from then on hears of no comings and goings.
    pub(crate) fn enter_quiet(door: SocketAddr) -> Self {
        let mut peer = Self::enter(door);
        peer.be_quiet();
        peer
    }

    /// Hears of no comings and goings from here on (text door only).
    #[track_caller]
    pub(crate) fn be_quiet(&mut self) {
        self.send("/quiet on");
        self.skip_until(|line| line.trim_end_matches('\r') == "*** Comings and goings are hidden from you");
    }

    /// Comes in by a relay door and says `here`, so that `witness`, at a text door, knows; returns
    /// its id too.
    #[track_caller]
    pub(crate) fn enter_relay(door: SocketAddr, witness: &mut Self) -> (Self, String) {
        let mut peer = Self::connect(door);
        peer.send("here");
        let address = format!("[{}]", peer.name);
        let heard = witness.skip_until(|line| line.starts_with(&address) && line.ends_with(": here"));
        let id = heard[address.len()..].trim_end_matches(": here").to_owned();
        (peer, id)
    }

    /// Waits until so many sessions are in the house, by whichever doors; what else is heard
    /// meanwhile is lost (text door only).
    #[track_caller]
    pub(crate) fn wait_for_company(&mut self, sessions: usize) {
        let words = format!(", {sessions} here");
        let ask = || {
            self.send("/uptime");
            let answer = self.skip_until(|line| line.starts_with("*** Up for "));
            answer.trim_end_matches('\r').ends_with(&words).then_some(())
        };
        wait_for(ask, || format!("{sessions} sessions in the house"));
    }

    /// Takes a name.
    #[track_caller]
    pub(crate) fn take_name(&mut self, nick: &str) {
        self.send(&format!("rename|{nick}"));
        self.expect("rename ok");
    }

    /// Sends a line.
    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\n").as_bytes());
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.note('>', bytes);
        if let Err(error) = self.stream.write_all(bytes) {
            self.fail(&format!("cannot send: {error}"));
        }
    }

    /// Sends bytes of which the last is urgent, as telnet does it with an interrupt's data mark.
    pub(crate) fn send_urgent(&mut self, bytes: &[u8]) {
        self.note('>', bytes);
        let sent = SockRef::from(&self.stream).send_out_of_band(bytes).unwrap();
        assert_eq!(sent, bytes.len());
    }

    /// The next line, without its end; `None` at the end of input.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(end) = self.unread[self.looked_at..].iter().position(|byte| *byte == b'\n') {
                let start = self.looked_at;
                self.looked_at += end + 1;
                let line = String::from_utf8_lossy(&self.unread[start..start + end]).into_owned();
                self.note('<', line.as_bytes());
                return Some(line);
            }
            if self.read_more(until) == 0 {
                if self.looked_at < self.unread.len() {
                    self.fail("input ended within a line");
                }
                return None;
            }
        }
    }

    /// The next line, without its end. A CR before it stays, so that a test can see it.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| self.fail("input ended, a line was expected"))
    }

    /// The next line must be this one; `{me}` in it is this peer's address.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        let wanted = line.replace("{me}", &self.name);
        let got = self.line();
        if got != wanted {
            self.fail(&format!("wanted {wanted:?}\n   got {got:?}"));
        }
    }

    /// Reads on until a line satisfies `wanted`, and returns it.
    #[track_caller]
    pub(crate) fn skip_until(&mut self, mut wanted: impl FnMut(&str) -> bool) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let line = self.line();
            if wanted(&line) {
                return line;
            }
            if Instant::now() > until {
                self.fail(&format!("heard for {DEADLINE:?} all but what was wanted"));
            }
        }
    }

    /// Asks the server for a sign of life and returns the lines that came before it (text door
    /// only). What the server did before it saw the question has been read when this returns.
    #[track_caller]
    pub(crate) fn fence(&mut self) -> Vec<String> {
        self.send("/ping");
        let mut before = Vec::new();
        loop {
            let line = self.line();
            if line.trim_end_matches('\r') == "*** pong" {
                return before;
            }
            before.push(line);
        }
    }

    /// Nothing has been heard that was not expected (text door only).
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        let lines = self.fence();
        if !lines.is_empty() {
            self.fail(&format!("wanted nothing, got {lines:?}"));
        }
    }

    /// Sends one JSON object as a line.
    #[track_caller]
    pub(crate) fn ask(&mut self, object: &Value) {
        self.send(&object.to_string());
    }

    /// The next line as JSON.
    #[track_caller]
    pub(crate) fn json(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| self.fail(&format!("{error}: {line:?}")))
    }

    /// As [`Peer::fence`], for a JSON session in lines.
    #[track_caller]
    pub(crate) fn json_fence(&mut self) -> Vec<Value> {
        self.send(r#"{"Act":"ping","Ref":"fence"}"#);
        let mut before = Vec::new();
        loop {
            let object = self.json();
            if object["Ref"] == "fence" {
                return before;
            }
            before.push(object);
        }
    }

    /// Sends one frame.
    #[track_caller]
    pub(crate) fn send_frame(&mut self, route: u32, data: &[u8]) {
        self.send_raw(&frame(route, data));
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub(crate) fn any_frame(&mut self) -> (u32, Vec<u8>) {
        let header = self.read_raw(8);
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        (number(0), self.read_raw(number(4) as usize))
    }

    /// The next frame that is no heartbeat.
    #[track_caller]
    pub(crate) fn next_frame(&mut self) -> (u32, Vec<u8>) {
        loop {
            let got = self.any_frame();
            if got != (0, Vec::new()) {
                return got;
            }
        }
    }

    /// The next frame that is no heartbeat must be this one.
    #[track_caller]
    pub(crate) fn expect_frame(&mut self, route: u32, data: &[u8]) {
        let got = self.next_frame();
        if got != (route, data.to_vec()) {
            let show = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
            self.fail(&format!("wanted {route} {:?}\n   got {} {:?}", show(data), got.0, show(&got.1)));
        }
    }

    /// As [`Peer::fence`], for a frame session.
    #[track_caller]
    pub(crate) fn frame_fence(&mut self) -> Vec<(u32, Vec<u8>)> {
        self.send_frame(112, br#"{"Ref":"fence"}"#);
        let mut before = Vec::new();
        loop {
            let (route, data) = self.next_frame();
            if route == 112 && String::from_utf8_lossy(&data).contains(r#""Ref":"fence""#) {
                return before;
            }
            before.push((route, data));
        }
    }

    /// Exactly so many bytes as they are.
    #[track_caller]
    pub(crate) fn read_raw(&mut self, count: usize) -> Vec<u8> {
        let until = Instant::now() + DEADLINE;
        while self.unread.len() - self.looked_at < count {
            if self.read_more(until) == 0 {
                self.fail(&format!("input ended before {count} bytes had come"));
            }
        }
        let bytes = self.unread[self.looked_at..self.looked_at + count].to_vec();
        self.looked_at += count;
        self.note('<', &bytes);
        bytes
    }

    /// The next bytes must be these.
    #[track_caller]
    pub(crate) fn expect_raw(&mut self, wanted: &[u8]) {
        let got = self.read_raw(wanted.len());
        if got != wanted {
            self.fail(&format!("wanted \"{}\"\n   got \"{}\"", wanted.escape_ascii(), got.escape_ascii()));
        }
    }

    /// Everything until the end of input, which must be a clean one.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let until = Instant::now() + DEADLINE;
        while self.read_more(until) > 0 {}
        let rest = self.unread.split_off(self.looked_at);
        self.note('<', &rest);
        self.note('<', b"(end)");
        rest
    }

    /// The server must have ended the connection, cleanly, with nothing more to read.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.read_to_end();
        if !rest.is_empty() {
            self.fail(&format!("wanted the end, got {:?}", String::from_utf8_lossy(&rest)));
        }
    }

    /// Ends this side's input; what the server still says can be read.
    pub(crate) fn half_close(&mut self) {
        self.note('>', b"(end)");
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends its input and waits for the server's end: then the room knows that it has left.
    #[track_caller]
    pub(crate) fn leave(mut self) {
        self.half_close();
        self.read_to_end();
    }

    /// Goes away with a reset instead of an end.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Is there no more, as after a cable is pulled: nothing that the server sends arrives or is
    /// acknowledged, and no end is said. Keep the connection, or the kernel says one for it.
    pub(crate) fn vanish(self) -> TcpStream {
        SockRef::from(&self.stream).attach_filter(&[TAKE_NOTHING]).unwrap();
        self.stream
    }

    /// What comes from here on as an iterator, for a flood. An error is a deadline or a reset.
    pub(crate) fn into_lines(self) -> impl Iterator<Item = io::Result<String>> + Send {
        self.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let rest = io::Cursor::new(self.unread[self.looked_at..].to_vec());
        BufReader::with_capacity(64 * 1024, rest.chain(self.stream)).lines()
    }

    /// Both sides of it so far, or its end.
    pub(crate) fn conversation(&self) -> &str {
        &self.heard
    }

    fn read_more(&mut self, until: Instant) -> usize {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.fail(&format!("nothing more came within {DEADLINE:?}"));
        }
        self.unread.drain(..self.looked_at);
        self.looked_at = 0;
        self.stream.set_read_timeout(Some(left)).unwrap();
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                count
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 1,
            Err(error) => self.fail(&format!("cannot read: {error}")),
        }
    }

    fn note(&mut self, side: char, bytes: &[u8]) {
        if self.heard.len() > 2 * SHOWN {
            let middle = self.heard.ceil_char_boundary(SHOWN);
            self.heard.replace_range(..middle, "…");
        }
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_OF_A_LINE)]);
        self.heard.push_str(&format!("{side} {}\n", text.escape_debug()));
    }

    #[track_caller]
    pub(crate) fn fail(&self, why: &str) -> ! {
        let unread = String::from_utf8_lossy(&self.unread[self.looked_at..]);
        panic!(
            "{}{} {why}\n--- the whole conversation ---\n{}--- and unread: {unread:?}",
            self.place,
            self.name,
            self.conversation()
        )
    }
}
