//! A room of readers and talkers, ready to be measured.

use std::time::Instant;

use super::flags::Room;
use super::payload::{self, Kind, Payload};
use super::swarm::{FENCE_TIMEOUT, Swarm};
use super::target::Role;

/// Most connections of one room that are being greeted at once.
const MAX_GREETING: usize = 256;
/// Attempts of [`fence`].
const FENCES: u32 = 15;

/// Opens the room's readers, then its talkers, then the sessions of the other rooms. Waits until all have joined and
/// receive each line, and until the notices about joins are over.
pub(super) fn fill(room: &Room) -> Result<Swarm, String> {
    let mut swarm = Swarm::new(&room.to)?;
    if room.rooms > 1 && !swarm.wire.has_rooms() {
        return Err(format!("--rooms {}: by {} there is one", room.rooms, swarm.wire.name()));
    }
    swarm.open(room.readers as usize, Role::Reader, MAX_GREETING)?;
    swarm.open(room.talkers as usize, Role::Talker, MAX_GREETING)?;
    for other in 1..room.rooms {
        swarm.open((room.readers + room.talkers) as usize, Role::OtherRoom(other), MAX_GREETING)?;
    }
    swarm.discard_for(room.settle)?;
    fence(&mut swarm, room)?;
    Ok(swarm)
}

/// Sends lines until one of them has reached every member that must receive it. Then all are in the room, and no
/// earlier line is still on its way.
pub(super) fn fence(swarm: &mut Swarm, room: &Room) -> Result<(), String> {
    let length = usize::from(room.bytes) - 1;
    let (wire, first_talker) = (swarm.wire, room.readers as usize);
    let must_receive = |index: usize| index < first_talker || wire.talker_hears_first(index - first_talker);
    let expected = (0..first_talker + room.talkers as usize).filter(|index| must_receive(*index)).count();
    let mut scratch = Vec::new();
    swarm.reset_counts();
    for number in 0..FENCES {
        swarm.say(first_talker, &Payload { kind: Kind::Fence, due: 0, number, talker: 0 }, length, &mut scratch);
        swarm.flush(first_talker);
        let until = Instant::now() + FENCE_TIMEOUT;
        let mut reached = 0;
        while reached < expected {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            swarm.turn(Some(left), |index, connection, bytes| {
                let mut rest = std::mem::take(&mut connection.rest);
                payload::scan(&mut rest, bytes, length, |found| {
                    reached += usize::from(must_receive(index) && found.number == number);
                });
                connection.rest = rest;
            })?;
        }
        swarm.check()?;
        if reached == expected {
            swarm.reset_counts();
            return Ok(());
        }
    }
    Err(format!("{}: lines do not reach everybody, so nothing can be measured", swarm.target()))
}
