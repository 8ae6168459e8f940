//! The actions of clients that misbehave: they reset, stall, vanish or send rubbish.
//!
//! The lines that such a client has sent may be lost from some line on, but not before (see order.rs).

use std::net::TcpStream;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{SockFilter, SockRef};

use super::client::Client;
use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Talker};

/// Longest wait for an effect of the server's time-outs: scripts/soak.sh sets `--idle`, `--write-timeout` and
/// `--join-grace` to 2 s each.
const TIMEOUT_WAIT: Duration = Duration::from_secs(12);
/// The server notices a vanished text session by its silence, and forces its end a second later.
const VANISHED_FROM_TEXT: Duration = Duration::from_millis(3_800);
/// The server notices other vanished sessions by unacknowledged bytes (30 s), which is too long for a short run.
const VANISHED: Duration = Duration::from_secs(40);
/// A BPF program of one instruction (`BPF_RET | BPF_K`, 0) that drops each packet, acknowledgements included.
const DROP_ALL: SockFilter = SockFilter::new(0x06, 0, 0, 0);
/// Connections of one crowd.
const CROWD: usize = 100;

/// Resets the connection at any byte.
pub(super) fn reset(client: &mut Client<'_>) -> Option<()> {
    let mut peer = if client.random.one_in(4) {
        let door = client.any_door();
        Peer::connect(client.shared, door)?
    } else {
        client.enter()?
    };
    let mut talker = Talker::new(client.shared);
    let mut out = Vec::new();
    talker.say(peer.door, client.random.between(0, 30) as u32, 30, &mut out);
    let cut = client.random.between(0, out.len() as u64) as usize;
    // Whole lines only, and then the beginning of a line without the mark.
    let whole = (0..cut).rev().find(|at| out[*at] == b'\n').map_or(0, |at| at + 1);
    let whole = if matches!(peer.door, Door::Packets | Door::Frame) { 0 } else { whole };
    peer.send(&out[..whole]);
    if client.random.one_in(2) {
        peer.send(b"half a li");
    }
    client.pause(20);
    peer.reset();
    client.shared.count(Count::Resets);
    Some(())
}

/// Sends random bytes, but never the mark by which lines are checked.
pub(super) fn send_rubbish(client: &mut Client<'_>) -> Option<()> {
    let door = client.any_door();
    let mut peer = Peer::connect(client.shared, door)?;
    for _ in 0..client.random.between(1, 6) {
        let printable = client.random.one_in(2);
        let bytes: Vec<u8> = (0..client.random.between(1, 2000))
            .map(|_| match client.random.next() as u8 {
                b'`' => b'\n',
                byte if printable => b' ' + byte % 64,
                byte => byte,
            })
            .collect();
        if !peer.send(&bytes) || peer.listen(|_| {}) != Heard::More {
            break;
        }
    }
    client.shared.count(Count::Rubbish);
    if client.random.one_in(2) {
        peer.reset();
    }
    Some(())
}

/// Sends another protocol to the text door.
pub(super) fn speak_another_protocol(client: &mut Client<'_>) -> Option<()> {
    let mut peer = Peer::connect(client.shared, Door::Text)?;
    let hello: &[u8] = client.random.one_of(&[
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x01\x00\x00\x00\x05\x00\x00\x00hello",
    ]);
    peer.send(hello);
    peer.read_to_end(Duration::from_secs(3), |_| {});
    client.shared.count(Count::WrongProtocol);
    Some(())
}

/// Changes rooms, with random commands in each.
pub(super) fn change_rooms(client: &mut Client<'_>) -> Option<()> {
    let mut peer = client.enter()?;
    if peer.door == Door::Relay {
        return None; // this door has no commands
    }
    for _ in 0..client.random.between(2, 10) {
        let mut out = Vec::new();
        let room = format!("den{}", client.random.between(1, 4));
        let (act, data) = client.random.one_of(&[
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
        // The observers do not check lines without the mark.
        peer.door.act(act, data, &mut out);
        peer.send(&out);
        if peer.listen(|_| {}) != Heard::More {
            break;
        }
    }
    client.shared.count(Count::ChangedRooms);
    Some(())
}

/// Vanishes: the server gets no bytes, no end and no acknowledgement any more.
pub(super) fn vanish(client: &mut Client<'_>) -> Option<()> {
    let long = client.shared.setup.is_long && client.random.one_in(4);
    let door = if long { client.any_door() } else { Door::Text };
    let mut peer = Peer::connect(client.shared, door)?;
    if door == Door::Text && !long {
        peer.waits_for(b"*** who lists people").then_some(())?;
        client.shared.count(Count::Sessions);
    } else {
        peer.join("lobby").then_some(())?;
    }
    SockRef::from(&peer.stream).attach_filter(&[DROP_ALL]).ok()?;
    client.shared.count(Count::Vanished);
    client.shared.keep_vanished(peer.address, peer.stream, if long { VANISHED } else { VANISHED_FROM_TEXT });
    Some(())
}

/// Asks for much and reads nothing, until the server ends the session.
pub(super) fn stall(client: &mut Client<'_>) -> Option<()> {
    let door = client.random.one_of(&[Door::Text, Door::Json, Door::Packets, Door::Frame]);
    let mut peer = Peer::connect_narrow(client.shared, door)?;
    peer.join("lobby").then_some(())?;
    client.shared.count(Count::Stalled);
    let mut questions = Vec::new();
    (0..300).for_each(|_| door.act("history", "200", &mut questions));
    let mut written = 0;
    let _ = peer.stream.set_nonblocking(true);
    let until = Instant::now() + TIMEOUT_WAIT;
    while Instant::now() < until {
        // Goes on where the last write ended: a torn packet would be another reason to end the session.
        written += std::io::Write::write(&mut peer.stream, &questions[written..]).unwrap_or(0);
        written %= questions.len();
        if has_failed(&peer.stream, Duration::from_millis(100)) {
            client.shared.count(Count::StalledAndCut);
            return Some(());
        }
    }
    None
}

/// Says nothing, until the server ends the session.
pub(super) fn be_idle(client: &mut Client<'_>) -> Option<()> {
    let mut peer = Peer::connect(client.shared, Door::Text)?;
    peer.waits_for(b"*** who lists people").then_some(())?;
    client.shared.count(Count::Sessions);
    client.shared.count(Count::WasIdle);
    let mut was_told = false;
    peer.read_to_end(TIMEOUT_WAIT, |unit| was_told |= unit.starts_with(b"*** Disconnected: quiet"));
    was_told.then(|| client.shared.count(Count::IdleCut))
}

/// Lets two sessions ask for one name at the same time: exactly one must get it.
pub(super) fn race_for_a_name(client: &mut Client<'_>) -> Option<()> {
    let mut both = [(); 2].map(|()| Peer::enter(client.shared, Door::Text, "lobby"));
    let name = format!("racer{}", client.shared.next_visit());
    let wish = format!("rename|{name}\n");
    let first = usize::from(client.random.one_in(2));
    for place in [first, 1 - first] {
        both[place].as_mut()?.send(wish.as_bytes());
    }
    let [mut got, mut lost] = [0, 0];
    for peer in both.iter_mut().flatten() {
        let until = Instant::now() + TIMEOUT_WAIT;
        let before = (got, lost);
        while before == (got, lost) && Instant::now() < until {
            let heard = peer.listen(|unit| {
                got += u32::from(unit.starts_with(b"rename ok"));
                lost += u32::from(unit.starts_with(b"!!! ") && memmem::find(unit, b" is taken").is_some());
            });
            if heard != Heard::More {
                return None;
            }
        }
    }
    client.shared.count(Count::Races);
    if got != 1 {
        client.shared.fault(format!("{got} of two got the name {name}, {lost} were refused it"));
    } else if lost == 1 {
        client.shared.count(Count::RacesLost);
    }
    Some(())
}

/// Opens more connections than the server allows, and resets some of them at once.
pub(super) fn crowd(client: &mut Client<'_>) -> Option<()> {
    let mut crowd: Vec<Peer<'_>> = Vec::new();
    for _ in 0..CROWD {
        let door = client.any_door();
        crowd.extend(Peer::connect(client.shared, door));
    }
    for mut peer in crowd {
        match client.random.between(0, 2) {
            0 => peer.reset(),
            1 => drop(peer),
            _ => {
                peer.listen(|_| {});
            }
        }
    }
    client.shared.count(Count::Crowds);
    Some(())
}

/// Opens a JSON session that neither joins nor speaks.
pub(super) fn not_join(client: &mut Client<'_>) -> Option<()> {
    let mut peer = Peer::connect(client.shared, Door::Packets)?;
    if peer.waits_for(b"\"doexit\"") {
        client.shared.count(Count::Unjoined);
    }
    Some(())
}

/// Whether the connection has failed or ended, found without a read.
fn has_failed(stream: &TcpStream, at_most: Duration) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let timeout = Timespec::try_from(at_most).ok();
    poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}
