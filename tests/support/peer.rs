//! One connection of a test, which waits for facts.
//!
//! A failing wait shows everything that this peer has said and heard.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockFilter, SockRef, Socket, Type};

use super::{DEADLINE, wait_for};

/// A BPF program of one instruction: return 0, so nothing of any packet is taken, ends and
/// acknowledgements included (`BPF_RET | BPF_K`).
const TAKE_NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);

/// Of a conversation, a failing test shows so much from its end.
const SHOWN: usize = 16 * 1024;
/// And so much of each line.
const SHOWN_OF_A_LINE: usize = 300;

/// One connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Its address, which is also its first name on the text door.
    pub(crate) name: String,
    /// Said at the head of a failure: which line of a script this peer is at.
    pub(crate) place: String,
    pub(super) door: SocketAddr,
    /// Bytes that were read, and how many of them were looked at.
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

    /// Comes in by a text door as soon as there is a place.
    pub(crate) fn enter_when_free(door: SocketAddr) -> Self {
        let enter = || {
            let mut peer = Self::connect(door);
            (!peer.line().starts_with("!!!")).then_some(peer)
        };
        wait_for(enter, || "a free place".to_owned())
    }

    /// Comes in by a text door and takes a name. The other members of the room hear of both.
    pub(crate) fn enter_as(door: SocketAddr, nick: &str) -> Self {
        let mut peer = Self::enter(door);
        peer.take_name(nick);
        peer
    }

    /// Enters by a text door, and hides joins and leaves from then on.
    pub(crate) fn enter_quiet(door: SocketAddr) -> Self {
        let mut peer = Self::enter(door);
        peer.be_quiet();
        peer
    }

    /// Hides joins and leaves from here on (text door only).
    #[track_caller]
    pub(crate) fn be_quiet(&mut self) {
        self.send("/quiet on");
        self.skip_until(|line| line.trim_end_matches('\r') == "*** Joins and leaves are hidden from you");
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

    /// Waits until so many sessions are at the server, by whichever doors; what else is heard
    /// meanwhile is lost (text door only).
    #[track_caller]
    pub(crate) fn wait_for_members(&mut self, sessions: usize) {
        let words = format!(", {sessions} here");
        let ask = || {
            self.send("/uptime");
            let answer = self.skip_until(|line| line.starts_with("*** Up for "));
            answer.trim_end_matches('\r').ends_with(&words).then_some(())
        };
        wait_for(ask, || format!("{sessions} sessions at the server"));
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

    /// The following lines as an iterator, for a flood. An error is a deadline or a reset.
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

/// Two of them chat, so the room goes on.
#[track_caller]
pub(crate) fn chat(alice: &mut Peer, bob: &mut Peer) {
    for (from, to) in [(0, 1), (1, 0)] {
        let pair = [&mut *alice, &mut *bob];
        pair[from].send("still here");
        let wanted = format!("[{0}]{0}: still here", pair[from].name);
        for peer in [from, to] {
            pair[peer].skip_until(|line| line == wanted);
        }
    }
}
