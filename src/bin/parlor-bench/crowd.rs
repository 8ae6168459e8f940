//! Background load: sessions on the text door that listen, stall, vanish or flood until standard input ends. Another
//! program measures the server meanwhile.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockFilter, SockRef, Socket, Type};

use super::flags::Crowd;
use super::process;

/// Longest wait for the greeting.
const GREETING_TIMEOUT: Duration = Duration::from_secs(20);
/// A BPF program of one instruction (`BPF_RET | BPF_K`, 0) that drops each packet.
const DROP_ALL: SockFilter = SockFilter::new(0x06, 0, 0, 0);
/// Commands of a stalled session. Their answers are more than the kernel keeps for one connection.
const QUESTIONS: usize = 4_000;
const WAIT: Duration = Duration::from_millis(100);

/// Opens the sessions and keeps them until standard input ends.
pub(super) fn run(how: &Crowd) -> Result<(), String> {
    if !how.to.ip().is_loopback() {
        return Err(format!("{} is not of this machine; a crowd goes to 127.0.0.0/8 and ::1 only", how.to));
    }
    process::raise_descriptor_limit();
    let fail = |error: io::Error| format!("cannot come in at {}: {error}", how.to);
    let open = |count: u32, narrow: bool| -> Result<Vec<TcpStream>, String> {
        (0..count).map(|_| enter(how.to, narrow).map_err(fail)).collect()
    };
    let (mut readers, mut flooders) = (open(how.readers, false)?, open(how.flooders, false)?);
    let (mut stalled, vanished) = (open(how.stalled, true)?, open(how.vanished, false)?);
    for stream in &vanished {
        SockRef::from(stream).attach_filter(&[DROP_ALL]).map_err(fail)?;
    }
    // The answers are long, and the rate limit lets the commands through one by one.
    let questions = b"/help\n".repeat(QUESTIONS);
    for stream in &mut stalled {
        stream.set_nonblocking(true).map_err(fail)?;
        let _ = stream.write(&questions); // as many as the kernel takes
    }
    writeln!(io::stdout(), "crowd ready").map_err(|error| format!("cannot write: {error}"))?;
    let input = thread::spawn(|| io::copy(&mut io::stdin(), &mut io::sink()));
    let mut number = 0_u64;
    while !input.is_finished() {
        for stream in &mut flooders {
            number += 1;
            let _ = stream.write(format!("flood {number}\n").repeat(20).as_bytes());
        }
        discard(&mut readers, if flooders.is_empty() { WAIT } else { Duration::from_millis(1) })?;
        discard(&mut flooders, Duration::from_millis(1))?;
    }
    Ok(())
}

/// Opens a session and waits for its greeting. A `narrow` one has the smallest receive buffer.
pub(super) fn enter(to: SocketAddr, narrow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if narrow {
        socket.set_recv_buffer_size(4096)?;
    }
    socket.connect_timeout(&to.into(), GREETING_TIMEOUT)?;
    let mut stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(GREETING_TIMEOUT))?;
    stream.write_all(b"/stay\n")?;
    let (mut heard, mut buffer, until) = (Vec::new(), [0; 4096], Instant::now() + GREETING_TIMEOUT);
    while memmem::find(&heard, b"*** You may stay silent").is_none() {
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other(String::from_utf8_lossy(&heard).trim().to_owned())),
            count => heard.extend_from_slice(&buffer[..count]),
        }
        if Instant::now() > until {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Reads and discards what has arrived. Removes sessions that have ended.
fn discard(streams: &mut Vec<TcpStream>, at_most: Duration) -> Result<(), String> {
    let mut fds: Vec<PollFd<'_>> = streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(at_most).ok();
    poll(&mut fds, timeout.as_ref()).map_err(|error| format!("cannot poll: {error}"))?;
    let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    let mut buffer = [0; 64 * 1024];
    let mut index = 0;
    streams.retain_mut(|stream| {
        index += 1;
        !ready[index - 1]
            || match stream.read(&mut buffer) {
                Ok(count) => count > 0,
                Err(error) => matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock),
            }
    });
    Ok(())
}
