//! Guests, each on a thread of its own, who do one ill-mannered thing after another.
//!
//! Some take a polite leave (see polite.rs). Where others break off (resets, rubbish), the lines that
//! were heard must still be a beginning of those said, which the order sees.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{SockFilter, SockRef};

use super::Shared;
use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Voice};
use super::random::Random;

/// The server's times are set by the conductor (scripts/soak.sh): `--idle`, `--write-timeout` and
/// `--join-grace` are 2 s each. What they bring about is waited for so long.
const SERVERS_CLOCKS: Duration = Duration::from_secs(12);
/// Who vanishes from the text door is noticed by its silence, a second later the end is forced …
const VANISHED_FROM_TEXT: Duration = Duration::from_millis(3_800);
/// … at the others by what it does not acknowledge (30 s), which is too long for a short run.
const VANISHED: Duration = Duration::from_secs(40);
/// A BPF program of one instruction: return 0, so nothing of any packet is taken, ends and
/// acknowledgements included (`BPF_RET | BPF_K`).
const TAKE_NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);
/// Callers of one crowd.
const CROWD: usize = 100;

/// Something that a guest does, and how often of all times together.
type Deed<'a> = (u64, fn(&mut Guest<'a>) -> Option<()>);

/// One guest after another.
pub(super) struct Guest<'a> {
    pub(super) shared: &'a Shared,
    pub(super) random: Random,
}

impl<'a> Guest<'a> {
    const DEEDS: [Deed<'a>; 14] = [
        (24, Self::talk),
        (10, Self::half_close),
        (6, Self::flood),
        (10, Self::reset),
        (10, Self::rubbish),
        (3, Self::speak_otherwise),
        (5, Self::dribble),
        (8, Self::wander),
        (3, Self::vanish),
        (4, Self::stall),
        (4, Self::be_idle),
        (6, Self::race),
        (2, Self::crowd),
        (2, Self::not_join),
    ];

    pub(super) fn new(shared: &'a Shared, number: u64) -> Self {
        Self { shared, random: shared.draw(number) }
    }

    /// Goes on while the house is open.
    pub(super) fn run(&mut self) {
        while let Some(_busy) = self.shared.wait_until_open() {
            let all: u64 = Self::DEEDS.iter().map(|(often, _)| often).sum();
            let mut which = self.random.between(1, all);
            for (often, deed) in Self::DEEDS {
                if which <= often {
                    deed(self);
                    break;
                }
                which -= often;
            }
            self.shared.forget_vanished();
            self.pause(200);
        }
    }

    pub(super) fn pause(&mut self, at_most_ms: u64) {
        thread::sleep(Duration::from_millis(self.random.between(0, at_most_ms)));
    }

    fn any_door(&mut self) -> Door {
        self.random.one_of(&Door::ALL)
    }

    pub(super) fn come(&mut self) -> Option<Peer<'a>> {
        let door = self.any_door();
        Peer::come(self.shared, door, "lobby")
    }

    /// Breaks off in the middle of whatever.
    fn reset(&mut self) -> Option<()> {
        let mut peer = if self.random.one_in(4) {
            let door = self.any_door();
            Peer::knock(self.shared, door)?
        } else {
            self.come()?
        };
        let mut voice = Voice::new(self.shared);
        let mut out = Vec::new();
        voice.say(peer.door, self.random.between(0, 30) as u32, 30, &mut out);
        let cut = self.random.between(0, out.len() as u64) as usize;
        // Whole lines only, and then a piece of something that is no line of ours.
        let whole = (0..cut).rev().find(|at| out[*at] == b'\n').map_or(0, |at| at + 1);
        let whole = if matches!(peer.door, Door::Packets | Door::Frame) { 0 } else { whole };
        peer.send(&out[..whole]);
        if self.random.one_in(2) {
            peer.send(b"half a li");
        }
        self.pause(20);
        peer.reset();
        self.shared.count(Count::Resets);
        Some(())
    }

    /// Bytes by chance, but never the mark by which lines are checked.
    fn rubbish(&mut self) -> Option<()> {
        let door = self.any_door();
        let mut peer = Peer::knock(self.shared, door)?;
        for _ in 0..self.random.between(1, 6) {
            let printable = self.random.one_in(2);
            let bytes: Vec<u8> = (0..self.random.between(1, 2000))
                .map(|_| match self.random.next() as u8 {
                    b'`' => b'\n',
                    byte if printable => b' ' + byte % 64,
                    byte => byte,
                })
                .collect();
            if !peer.send(&bytes) || peer.listen(|_| {}) != Heard::More {
                break;
            }
        }
        self.shared.count(Count::Rubbish);
        if self.random.one_in(2) {
            peer.reset();
        }
        Some(())
    }

    /// Another protocol on the text door.
    fn speak_otherwise(&mut self) -> Option<()> {
        let mut peer = Peer::knock(self.shared, Door::Text)?;
        let hello: &[u8] = self.random.one_of(&[
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x01\x00\x00\x00\x05\x00\x00\x00hello",
        ]);
        peer.send(hello);
        peer.hear_out(Duration::from_secs(3), |_| {});
        self.shared.count(Count::Foreign);
        Some(())
    }

    /// From room to room, with a word to this one and a question to that one.
    fn wander(&mut self) -> Option<()> {
        let mut peer = self.come()?;
        if peer.door == Door::Relay {
            return None; // which knows no commands
        }
        for _ in 0..self.random.between(2, 10) {
            let mut out = Vec::new();
            let room = format!("den{}", self.random.between(1, 4));
            let (act, data) = self.random.one_of(&[
                ("join", &*room),
                ("say", "who is in here?"),
                ("topic", "this and that"),
                ("who", ""),
                ("rooms", ""),
                ("history", "5"),
                ("me", "looks round"),
                ("msg", "nobody-of-this-name hello"),
                ("leave", ""),
                ("away", "for a moment"),
                ("no-such-thing", ""),
            ]);
            // What is said in the lobby without the mark is heard there, and is not checked.
            peer.door.act(act, data, &mut out);
            peer.send(&out);
            if peer.listen(|_| {}) != Heard::More {
                break;
            }
        }
        self.shared.count(Count::Wandered);
        Some(())
    }

    /// Is there no more, without a word: nothing that the server sends is acknowledged.
    fn vanish(&mut self) -> Option<()> {
        let long = self.shared.is_long && self.random.one_in(4);
        let door = if long { self.any_door() } else { Door::Text };
        let mut peer = Peer::knock(self.shared, door)?;
        if door == Door::Text && !long {
            peer.waits_for(b"*** who lists people").then_some(())?;
            self.shared.count(Count::Sessions);
        } else {
            peer.is_welcome("lobby").then_some(())?;
        }
        SockRef::from(&peer.stream).attach_filter(&[TAKE_NOTHING]).ok()?;
        self.shared.count(Count::Vanished);
        self.shared.has_vanished(peer.address, peer.stream, if long { VANISHED } else { VANISHED_FROM_TEXT });
        Some(())
    }

    /// Asks for much and reads nothing, until it is cut.
    fn stall(&mut self) -> Option<()> {
        let door = self.random.one_of(&[Door::Text, Door::Json, Door::Packets, Door::Frame]);
        let mut peer = Peer::knock_narrowly(self.shared, door)?;
        peer.is_welcome("lobby").then_some(())?;
        self.shared.count(Count::Stalled);
        let mut questions = Vec::new();
        (0..300).for_each(|_| door.act("history", "200", &mut questions));
        let mut written = 0;
        let _ = peer.stream.set_nonblocking(true);
        let until = Instant::now() + SERVERS_CLOCKS;
        while Instant::now() < until {
            // From where the last write ended: a packet that is torn would be another reason to be cut.
            written += std::io::Write::write(&mut peer.stream, &questions[written..]).unwrap_or(0);
            written %= questions.len();
            if has_failed(&peer.stream, Duration::from_millis(100)) {
                self.shared.count(Count::StalledAndCut);
                return Some(());
            }
        }
        None
    }

    /// Says nothing, until it is sent away.
    fn be_idle(&mut self) -> Option<()> {
        let mut peer = Peer::knock(self.shared, Door::Text)?;
        peer.waits_for(b"*** who lists people").then_some(())?;
        self.shared.count(Count::Sessions);
        self.shared.count(Count::WasIdle);
        let mut was_told = false;
        peer.hear_out(SERVERS_CLOCKS, |unit| was_told |= unit.starts_with(b"*** Disconnected: quiet"));
        was_told.then(|| self.shared.count(Count::IdleCut))
    }

    /// Two who want the same name at the same moment: one gets it, and not the other.
    fn race(&mut self) -> Option<()> {
        let mut both = [(); 2].map(|()| Peer::come(self.shared, Door::Text, "lobby"));
        let name = format!("racer{}", self.shared.next_visit());
        let wish = format!("rename|{name}\n");
        let first = usize::from(self.random.one_in(2));
        for place in [first, 1 - first] {
            both[place].as_mut()?.send(wish.as_bytes());
        }
        let [mut got, mut lost] = [0, 0];
        for peer in both.iter_mut().flatten() {
            let until = Instant::now() + SERVERS_CLOCKS;
            let before = (got, lost);
            while before == (got, lost) && Instant::now() < until {
                let heard = peer.listen(|unit| {
                    got += u32::from(unit == b"rename ok");
                    lost += u32::from(unit.starts_with(b"!!! ") && memmem::find(unit, b" is taken").is_some());
                });
                if heard != Heard::More {
                    return None;
                }
            }
        }
        self.shared.count(Count::Races);
        if got != 1 {
            self.shared.fault(format!("{got} of two got the name {name}, {lost} were refused it"));
        } else if lost == 1 {
            self.shared.count(Count::RacesLost);
        }
        Some(())
    }

    /// More callers than there are places, some of whom have gone again before they are let in.
    fn crowd(&mut self) -> Option<()> {
        let mut crowd: Vec<Peer<'_>> = Vec::new();
        for _ in 0..CROWD {
            let door = self.any_door();
            crowd.extend(Peer::knock(self.shared, door));
        }
        for mut peer in crowd {
            match self.random.between(0, 2) {
                0 => peer.reset(),
                1 => drop(peer),
                _ => {
                    peer.listen(|_| {});
                }
            }
        }
        self.shared.count(Count::Crowds);
        Some(())
    }

    /// A program that neither joins nor speaks.
    fn not_join(&mut self) -> Option<()> {
        let mut peer = Peer::knock(self.shared, Door::Packets)?;
        if peer.waits_for(b"\"doexit\"") {
            self.shared.count(Count::Unjoined);
        }
        Some(())
    }
}

/// Whether the connection has failed or been ended, without reading from it.
fn has_failed(stream: &TcpStream, at_most: Duration) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let timeout = Timespec::try_from(at_most).ok();
    poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}
