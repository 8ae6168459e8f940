//! Guests who take a polite leave: every line of theirs must be heard, and their echoes come back.

use std::time::{Duration, SystemTime};

use super::Promise;
use super::count::Count;
use super::door::Door;
use super::guests::Guest;
use super::peer::{Heard, Peer, Voice};

/// A polite end takes so long at most: lines held back by flood control go first.
const POLITE_END: Duration = Duration::from_secs(30);

impl<'a> Guest<'a> {
    /// Says some lines at its ease and takes its leave.
    pub(super) fn talk(&mut self) -> Option<()> {
        let mut peer = self.come()?;
        let mut voice = Voice::new(self.shared);
        for _ in 0..self.random.between(1, 12) {
            let mut out = Vec::new();
            voice.say(peer.door, self.random.between(1, 3) as u32, self.random.between(0, 200) as u16, &mut out);
            if !peer.send(&out) || peer.listen(|unit| voice.hears(unit)) != Heard::More {
                self.shared.cut_short(peer.address, &format!("a talker by {} was cut", peer.door.name()));
                return None;
            }
            self.pause(100);
        }
        if peer.door == Door::Text && self.random.one_in(2) {
            peer.send(b"/quit see you\n");
        } else {
            peer.end_input();
        }
        self.take_leave(peer, voice, Count::Talked)
    }

    /// Everything at once, the end of input with it, and then listens to the end.
    pub(super) fn half_close(&mut self) -> Option<()> {
        let mut peer = self.come()?;
        let mut voice = Voice::new(self.shared);
        let mut out = Vec::new();
        voice.say(peer.door, self.random.between(1, 40) as u32, self.random.between(0, 300) as u16, &mut out);
        peer.send(&out);
        peer.end_input();
        let echoes = peer.door.echoes();
        self.take_leave(peer, voice, Count::HalfClosed)?;
        if echoes {
            self.shared.count(Count::EchoPending); // nothing had been read when its input ended
        }
        Some(())
    }

    /// More than flood control lets through, listening meanwhile.
    pub(super) fn flood(&mut self) -> Option<()> {
        let mut peer = self.come()?;
        let mut voice = Voice::new(self.shared);
        for _ in 0..25 {
            let mut out = Vec::new();
            voice.say(peer.door, 20, self.random.between(0, 300) as u16, &mut out);
            if !peer.send(&out) {
                self.shared.cut_short(peer.address, &format!("a flooder by {} was cut", peer.door.name()));
                return None;
            }
            if self.random.one_in(4) {
                peer.listen(|unit| voice.hears(unit));
            }
        }
        // At the relay door, what is over the allowance when the input ends is thrown away: nothing is promised.
        if peer.door == Door::Relay || self.random.one_in(3) {
            self.shared.count(Count::Flooded);
            peer.reset();
            return Some(());
        }
        peer.end_input();
        self.take_leave(peer, voice, Count::Flooded)
    }

    /// A byte at a time.
    pub(super) fn dribble(&mut self) -> Option<()> {
        let mut peer = self.come()?;
        let mut voice = Voice::new(self.shared);
        let mut out = Vec::new();
        voice.say(peer.door, 2, 10, &mut out);
        for byte in out {
            if !peer.send(&[byte]) {
                self.shared.cut_short(peer.address, &format!("a dribbler by {} was cut", peer.door.name()));
                return None;
            }
            if self.random.one_in(8) {
                peer.listen(|unit| voice.hears(unit));
            }
        }
        peer.end_input();
        self.take_leave(peer, voice, Count::Dribbled)
    }

    /// Its input has ended: everything that it said must come back to it, and to everybody.
    fn take_leave(&mut self, mut peer: Peer<'a>, mut voice: Voice, what: Count) -> Option<()> {
        let end = peer.hear_out(POLITE_END, |unit| voice.hears(unit));
        let (talker, said) = voice.has_said();
        let door = peer.door.name();
        if end != Heard::End || (peer.door.echoes() && voice.echoes != said) {
            let echoes = voice.echoes;
            let bare = format!("talker {talker} by {door}: {end:?} after {echoes} of {said} lines of its own");
            if voice.echoes > said {
                self.shared.fault(bare);
            } else {
                self.shared.cut_short(peer.address, &bare);
            }
            return None;
        }
        let doubt = (!peer.door.echoes()).then(|| (peer.address, SystemTime::now()));
        self.shared.was_polite(Promise { talker, said, doubt });
        self.shared.count(what);
        Some(())
    }
}
