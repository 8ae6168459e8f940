//! Measures how long two people in the lobby wait for each other's lines while another room is flooded
//! past slow consumers. A server in which a slow consumer delays other rooms fails here.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use memchr::memmem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::crowd::enter;
use super::flags::Neighbours;
use super::report::Run;

/// A line that is not heard within this time counts as lost.
const HEARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause of a slow reader between its reads.
const READ_PAUSE: Duration = Duration::from_millis(50);
/// The flood fills the kernel's buffers of the slow readers in this time. Lines are timed after it.
const FILL_TIME: Duration = Duration::from_secs(1);

/// Runs one measurement.
pub(super) fn run(how: &Neighbours) -> Result<Run, String> {
    if !how.to.ip().is_loopback() {
        return Err(format!("{} is not of this machine; neighbours meet at 127.0.0.0/8 and ::1 only", how.to));
    }
    let fail = |error: std::io::Error| format!("cannot come in at {}: {error}", how.to);
    let mut two = [enter(how.to, false).map_err(fail)?, enter(how.to, false).map_err(fail)?];
    let open = |count: u32, narrow: bool| -> Result<Vec<TcpStream>, String> {
        let join = |mut stream: TcpStream| stream.write_all(b"/join evil\n").map(|()| stream);
        (0..count).map(|_| enter(how.to, narrow).and_then(join).map_err(fail)).collect()
    };
    let (mut talkers, mut slow) = (open(how.talkers, false)?, open(how.slow, true)?);
    for one in &two {
        one.set_nonblocking(false).and_then(|()| one.set_read_timeout(Some(HEARD_TIMEOUT))).map_err(fail)?;
    }
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    let (heard, waits) = thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&mut talkers, &is_over));
        scope.spawn(|| read_slowly(&mut slow, how.slow_rate, &is_over));
        thread::sleep(FILL_TIME);
        let waits = exchange(&mut two, how);
        is_over.store(true, Ordering::Relaxed);
        (flooding.join().unwrap_or_default(), waits)
    });
    let waits = waits?;
    let seconds = begun.elapsed().as_secs_f64();
    let ms = |quantile| waits.value_at_quantile(quantile) as f64 / 1e6;
    Ok(Run::of("neighbours")
        .given("talkers", how.talkers)
        .given("slow", how.slow)
        .given("slow_rate", how.slow_rate)
        .figure("lines", waits.len() as f64, "")
        .figure("p50", ms(0.5), "ms")
        .figure("p90", ms(0.9), "ms")
        .figure("p99", ms(0.99), "ms")
        .figure("max", waits.max() as f64 / 1e6, "ms")
        .figure("flood_heard", heard as f64 / seconds / 1e6, "MB/s"))
}

/// Two people say lines in turn, and each waits until both have heard it.
fn exchange(two: &mut [TcpStream; 2], how: &Neighbours) -> Result<Histogram<u64>, String> {
    let mut waits = Histogram::<u64>::new_with_bounds(1_000, 600_000_000_000, 3).map_err(|error| error.to_string())?;
    let until = Instant::now() + how.seconds;
    let mut buffer = [0; 16 * 1024];
    for number in 0_u32.. {
        thread::sleep(how.every);
        let said = Instant::now();
        if said >= until {
            break;
        }
        let mark = format!("neighbour {number}.");
        let [one, other] = &mut *two;
        let (from, to) = if number % 2 == 0 { (one, other) } else { (other, one) };
        from.write_all(format!("{mark}\n").as_bytes()).map_err(|error| format!("cannot talk: {error}"))?;
        for peer in [to, from] {
            let mut heard = Vec::new();
            while memmem::find(&heard, mark.as_bytes()).is_none() {
                match peer.read(&mut buffer) {
                    Ok(0) => return Err("the server has closed".into()),
                    Ok(count) => heard.extend_from_slice(&buffer[..count]),
                    Err(error) => return Err(format!("{mark} was not heard: {error}")),
                }
            }
            if memmem::find(&heard, b"flood").is_some() {
                return Err("a line of another room was heard in the lobby".into());
            }
        }
        waits.saturating_record(u64::try_from(said.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(waits)
}

/// Talks as fast as the server allows and reads everything. Returns the bytes read.
fn flood(talkers: &mut [TcpStream], is_over: &AtomicBool) -> u64 {
    let lines = format!("flood {}\n", "x".repeat(93)).repeat(300);
    let mut buffer = vec![0; 256 * 1024];
    let mut written = vec![0; talkers.len()];
    let mut heard = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut fds: Vec<PollFd<'_>> =
            talkers.iter().map(|stream| PollFd::new(stream, PollFlags::IN | PollFlags::OUT)).collect();
        let _ = poll(&mut fds, Timespec::try_from(READ_PAUSE).ok().as_ref());
        for (stream, written) in talkers.iter_mut().zip(&mut written) {
            if let Ok(count) = stream.read(&mut buffer) {
                heard += count as u64;
            }
            if let Ok(count) = stream.write(&lines.as_bytes()[*written..]) {
                *written = (*written + count) % lines.len();
            }
        }
    }
    heard
}

/// Reads a little now and then.
fn read_slowly(slow: &mut [TcpStream], bytes_per_second: u32, is_over: &AtomicBool) {
    let each = bytes_per_second as usize * READ_PAUSE.as_millis() as usize / 1000;
    let mut buffer = vec![0; each.max(1)];
    while !is_over.load(Ordering::Relaxed) {
        for stream in slow.iter_mut().filter(|_| each > 0) {
            match stream.read(&mut buffer) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
        thread::sleep(READ_PAUSE);
    }
}
