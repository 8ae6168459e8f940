//! Posts: lines that one connection posts to the HTTP door, one in each request, each after the answer to the last.
//!
//! An answer promises that the line is delivered. So each reader must have each line, once and in order.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::flags::Post;
use super::http::Requests;
use super::payload::{self, Kind, Payload};
use super::process;
use super::report::{Run, progress};
use super::sequence::Sequences;
use super::swarm::{STUCK, Swarm};
use super::target::Role;

/// Most readers that are being greeted at once.
const MAX_GREETING: usize = 256;
/// Where the lines are posted: to the room that each reader joins.
const PATH: &str = "/lobby";

/// Measures it once.
pub(super) fn run(how: &Post) -> Result<Run, String> {
    let to = &how.http.to;
    if !to.wire.is_of_parlor() {
        return Err(format!("--wire {}: only a Parlor has an HTTP door", to.wire.name()));
    }
    let (readers, length) = (how.readers as usize, usize::from(how.bytes));
    let mut swarm = Swarm::new(to)?;
    swarm.open(readers, Role::Reader, MAX_GREETING)?;
    swarm.discard_for(how.settle)?;
    swarm.reset_counts();
    let mut requests = Requests::connect(how.http.address())?;
    let mut sequences = Sequences::new(readers, 1);
    let mut answers =
        Histogram::<u64>::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?;

    let bar = progress("post", how.seconds);
    let before = to.pid.map(process::usage).transpose()?;
    let started = Instant::now();
    let (mut sent, mut line) = (0_u64, Vec::new());
    while started.elapsed() < how.seconds {
        let payload = Payload { kind: Kind::Data, due: swarm.clock.now(), number: sequences.say(0), talker: 0 };
        line.clear();
        payload.write(length, &mut line);
        let asked = Instant::now();
        let answer = requests.post(PATH, &line)?;
        if answer.trim_ascii_end() != b"said 1" {
            return Err(format!("the answer to a post of one line is {}", String::from_utf8_lossy(answer)));
        }
        answers.saturating_record(asked.elapsed().as_nanos() as u64);
        sent += 1;
        hear(&mut swarm, &mut sequences, length, Duration::ZERO)?;
        bar.set_position(started.elapsed().as_millis() as u64);
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = to.pid.map(process::usage).transpose()?;
    bar.finish_and_clear();

    let expected = sent * u64::from(how.readers);
    let mut moved = Instant::now();
    while delivered(&swarm) < expected && moved.elapsed() < STUCK {
        if hear(&mut swarm, &mut sequences, length, Duration::from_millis(100))? {
            moved = Instant::now();
        }
    }
    // A line that came twice is followed by the next one, except the last.
    hear(&mut swarm, &mut sequences, length, Duration::from_millis(100))?;
    let delivered = delivered(&swarm);
    if delivered != expected || sequences.faults > 0 {
        return Err(format!(
            "{delivered} deliveries came where {expected} were expected, {} of them out of order: no rate",
            sequences.faults
        ));
    }
    let cpu = before.zip(after).map(|(before, after)| (after.cpu - before.cpu).as_secs_f64() * 1e6 / sent as f64);
    let ms = |quantile| answers.value_at_quantile(quantile) as f64 / 1e6;
    Ok(Run::of("post")
        .given("wire", to.wire.name())
        .given("readers", how.readers)
        .given("bytes", how.bytes)
        .figure("lines", sent as f64, "")
        .figure("lines_per_second", sent as f64 / seconds, "/s")
        .maybe("cpu_per_line", cpu, "µs")
        .figure("answer_p50", ms(0.5), "ms")
        .figure("answer_p99", ms(0.99), "ms")
        .figure("answer_max", answers.max() as f64 / 1e6, "ms"))
}

/// Reads what the readers have received. Returns whether anything has moved.
fn hear(swarm: &mut Swarm, sequences: &mut Sequences, length: usize, at_most: Duration) -> Result<bool, String> {
    let moved = swarm.turn(Some(at_most), |index, connection, bytes| {
        let mut rest = std::mem::take(&mut connection.rest);
        payload::scan(&mut rest, bytes, length, |payload| {
            connection.delivered += 1;
            sequences.take(index, &payload);
        });
        connection.rest = rest;
    })?;
    swarm.check()?;
    Ok(moved)
}

fn delivered(swarm: &Swarm) -> u64 {
    swarm.connections.iter().map(|connection| connection.delivered).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Http, To};
    use crate::target::Wire;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread;

    /// Posts to a server of one reader and one poster. It says a line as often as `times` tells, by its number.
    fn post_to(times: fn(usize) -> usize) -> Result<Run, String> {
        let (text, http) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let to = To { wire: Wire::Text, to: Some(text.local_addr().unwrap()), pid: None };
        let how = Post {
            http: Http { to, http: Some(http.local_addr().unwrap()) },
            readers: 1,
            bytes: 64,
            seconds: Duration::from_millis(50),
            settle: Duration::ZERO,
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut reader, _) = text.accept().unwrap();
                reader.write_all(b"*** who lists people\n").unwrap();
                let mut poster = BufReader::new(http.accept().unwrap().0);
                let mut line = String::new();
                for number in 0.. {
                    while line != "\r\n" {
                        line.clear();
                        if poster.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    line.clear();
                    let mut body = [0; 64];
                    poster.read_exact(&mut body).unwrap();
                    for _ in 0..times(number) {
                        let _ = reader.write_all(&[b"[127.0.0.1:9]deploy: ", &body[..], b"\n"].concat());
                    }
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsaid 1\n";
                    if poster.get_mut().write_all(answer).is_err() {
                        return;
                    }
                }
            });
            run(&how)
        })
    }

    #[test]
    fn line_heard_twice_gives_no_rate() {
        assert!(post_to(|_| 1).is_ok());
        let error = post_to(|number| 1 + usize::from(number == 1)).unwrap_err();
        assert!(error.ends_with("1 of them out of order: no rate"), "{error}");
    }
}
