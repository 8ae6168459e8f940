//! The actions of clients that leave in order: all observers must receive all their lines.

use std::time::{Duration, SystemTime};

use super::client::Client;
use super::count::Count;
use super::door::Door;
use super::peer::{Heard, Peer, Talker};
use super::shared::{Expected, Shared};

/// Longest time to an orderly end: lines that the rate limit delays go first.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Says some lines with pauses, and leaves.
pub(super) fn talk(client: &mut Client<'_>) -> Option<()> {
    let mut peer = client.enter()?;
    let mut talker = Talker::new(client.shared);
    for _ in 0..client.random.between(1, 12) {
        let mut out = Vec::new();
        talker.say(peer.door, client.random.between(1, 3) as u32, client.random.between(0, 200) as u16, &mut out);
        if !peer.send(&out) || peer.listen(|unit| talker.hears(unit)) != Heard::More {
            client.shared.cut_short(peer.address, &format!("a talker by {} was cut", peer.door.name()));
            return None;
        }
        client.pause(100);
    }
    if peer.door == Door::Text && client.random.one_in(2) {
        peer.send(b"/quit see you\n");
    } else {
        peer.end_input();
    }
    leave(client.shared, peer, talker, Count::Talked)
}

/// Sends lines and the end of its input at once, then reads to the end.
pub(super) fn half_close(client: &mut Client<'_>) -> Option<()> {
    let mut peer = client.enter()?;
    let mut talker = Talker::new(client.shared);
    let mut out = Vec::new();
    talker.say(peer.door, client.random.between(1, 40) as u32, client.random.between(0, 300) as u16, &mut out);
    peer.send(&out);
    peer.end_input();
    let echoes = peer.door.echoes();
    leave(client.shared, peer, talker, Count::HalfClosed)?;
    if echoes {
        client.shared.count(Count::EchoPending); // nothing had been read when its input ended
    }
    Some(())
}

/// Sends more than the rate limit lets through, and reads meanwhile.
pub(super) fn flood(client: &mut Client<'_>) -> Option<()> {
    let mut peer = client.enter()?;
    let mut talker = Talker::new(client.shared);
    for _ in 0..25 {
        let mut out = Vec::new();
        talker.say(peer.door, 20, client.random.between(0, 300) as u16, &mut out);
        if !peer.send(&out) {
            client.shared.cut_short(peer.address, &format!("a flooder by {} was cut", peer.door.name()));
            return None;
        }
        if client.random.one_in(4) {
            peer.listen(|unit| talker.hears(unit));
        }
    }
    // The relay door drops lines beyond the rate limit when the input ends, so nothing is expected of it.
    if peer.door == Door::Relay || client.random.one_in(3) {
        client.shared.count(Count::Flooded);
        peer.reset();
        return Some(());
    }
    peer.end_input();
    leave(client.shared, peer, talker, Count::Flooded)
}

/// Sends lines byte by byte.
pub(super) fn send_bytewise(client: &mut Client<'_>) -> Option<()> {
    let mut peer = client.enter()?;
    let mut talker = Talker::new(client.shared);
    let mut out = Vec::new();
    talker.say(peer.door, 2, 10, &mut out);
    for byte in out {
        if !peer.send(&[byte]) {
            client.shared.cut_short(peer.address, &format!("a bytewise talker by {} was cut", peer.door.name()));
            return None;
        }
        if client.random.one_in(8) {
            peer.listen(|unit| talker.hears(unit));
        }
    }
    peer.end_input();
    leave(client.shared, peer, talker, Count::SentBytewise)
}

/// Reads to the end after the input has ended. Each line must come back, and reach every observer.
fn leave(shared: &Shared, mut peer: Peer<'_>, mut talker: Talker, count: Count) -> Option<()> {
    let end = peer.read_to_end(END_TIMEOUT, |unit| talker.hears(unit));
    let (number, said) = talker.sent();
    let door = peer.door.name();
    if end != Heard::End || (peer.door.echoes() && talker.echoes != said) {
        let echoes = talker.echoes;
        let what = format!("talker {number} by {door}: {end:?} after {echoes} of {said} lines of its own");
        if talker.echoes > said {
            shared.fault(what);
        } else {
            shared.cut_short(peer.address, &what);
        }
        return None;
    }
    let unconfirmed = (!peer.door.echoes()).then(|| (peer.address, SystemTime::now()));
    shared.expected.lock().push(Expected { talker: number, lines: said, unconfirmed });
    shared.count(count);
    Some(())
}
