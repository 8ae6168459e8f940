//! Churn: sessions connect, are greeted and leave while others listen. The result is the cost of a visit. The
//! listeners must still receive each line afterwards.

use std::time::{Duration, Instant};

use super::connection::State;
use super::flags::{Churn, Room};
use super::payload::SHORTEST;
use super::process;
use super::report::Run;
use super::room::{self, fence};
use super::swarm::{STUCK, Swarm};
use super::target::Role;

/// Measures it once.
pub(super) fn run(how: &Churn) -> Result<Run, String> {
    let room = Room {
        to: how.to.clone(),
        readers: how.readers,
        talkers: 1,
        rooms: 1,
        bytes: SHORTEST as u16,
        seconds: Duration::ZERO,
        settle: Duration::from_millis(500),
    };
    let mut listeners = room::fill(&room)?;
    let mut visitors = Swarm::new(&how.to)?;
    let (mut begun, mut ended) = (0, 0);
    let mut leaving = vec![false; how.visits.min(how.in_flight) as usize];
    let before = how.to.pid.map(process::usage).transpose()?;
    let started = Instant::now();
    let mut moved = started;
    for _ in &leaving {
        visitors.connect(Role::Reader)?;
        begun += 1;
    }
    while ended < how.visits {
        if visitors.turn(Some(Duration::from_millis(10)), |_, _, _| {})? {
            moved = Instant::now();
        } else if moved.elapsed() > STUCK {
            return Err(format!("only {ended} of {} visits came to an end", how.visits));
        }
        for (place, leaving) in leaving.iter_mut().enumerate() {
            match visitors.connections[place].state {
                State::Joined if !*leaving => {
                    *leaving = true;
                    visitors.leave(place);
                }
                State::Closed if !*leaving => return Err("a visit was ended before it was let in".into()),
                State::Closed if visitors.connections[place].reads => {
                    ended += 1;
                    if begun < how.visits {
                        visitors.reconnect(place)?;
                        begun += 1;
                        *leaving = false;
                    } else {
                        visitors.connections[place].reads = false; // counted
                    }
                }
                _ => {}
            }
        }
        listeners.turn(Some(Duration::ZERO), |_, _, _| {})?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = how.to.pid.map(process::usage).transpose()?;
    listeners.discard_for(room.settle)?;
    fence(&mut listeners, &room)?; // every member still receives each line
    let visits = f64::from(how.visits);
    let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64() * 1e6 / visits);
    Ok(Run::of("churn")
        .given("wire", how.to.wire.name())
        .given("readers", how.readers)
        .given("in_flight", how.in_flight)
        .figure("visits", visits, "")
        .figure("visits_per_second", visits / seconds, "/s")
        .maybe("cpu_per_visit", cpu, "µs")
        .greetings(&visitors.greetings))
}
