//! The commands for scripts: each does one thing, and its exit code tells whether it is done.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use regex::Regex;

use super::flags::Flags;
use super::show::{self, Paint};
use super::{Client, ClientError};
use crate::protocol::{Body, clean};
use crate::wire::{Heard, Speech};

/// Longest line of standard input, in bytes; the rest of a longer one is left to the server to
/// refuse. No door takes more.
const MAX_LINE: u64 = 65_536;
/// Lines that are read ahead of the one being said.
const READ_AHEAD: usize = 16;
/// While standard input is silent, so often somebody looks what is heard.
const LOOK: Duration = Duration::from_millis(250);
/// A wait that ends only when something is heard.
const HOUR: Duration = Duration::from_secs(3600);

/// How a command ended, if nothing was in its way.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    /// It could not be done; why.
    Not(String),
}

/// Comes in, under the name that is wanted, if one is.
fn come(flags: &Flags, address: &str) -> Result<Client, ClientError> {
    let until = Instant::now() + flags.timeout;
    let mut client = Client::connect_within(address, flags.wire, flags.timeout)?;
    if let Some(nick) = &flags.name {
        client.take_name(nick, until)?;
    }
    Ok(client)
}

/// Says the lines of `text`.
pub(super) fn send(flags: &Flags, address: &str, text: &str) -> Result<Outcome, ClientError> {
    let mut client = come(flags, address)?;
    let bodies: Vec<Body> = text.lines().filter_map(Body::new).collect();
    if bodies.is_empty() {
        return Ok(Outcome::Not("there is nothing to say in that".to_owned()));
    }
    for body in &bodies {
        client.say(body, Instant::now() + flags.timeout)?;
    }
    client.leave();
    Ok(Outcome::Done)
}

/// Prints what is said, until the server or the reader goes.
pub(super) fn tail(flags: &Flags, address: &str, json: bool, out: &mut io::Stdout) -> Result<Outcome, ClientError> {
    let mut client = come(flags, address)?;
    client.enter(Instant::now() + flags.timeout)?;
    let paint = Paint::on(out);
    loop {
        let Some(Heard::Speech(speech)) = client.recv(Instant::now() + HOUR)? else { continue };
        if speech.past {
            continue;
        }
        let line = if json { show::object(&speech) } else { paint.speech(&speech) };
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return Ok(Outcome::Done); // nobody reads any more
        }
    }
}

/// Waits for a line that matches.
pub(super) fn expect(
    flags: &Flags,
    address: &str,
    regex: &Regex,
    out: &mut impl Write,
) -> Result<Outcome, ClientError> {
    let until = Instant::now() + flags.timeout;
    let mut client = come(flags, address)?;
    client.enter(until)?;
    while let Some(heard) = client.recv(until)? {
        let line = match &heard {
            Heard::Speech(Speech { past: true, .. }) => None,
            Heard::Speech(speech) => Some(Paint::none().speech(speech)),
            other => Paint::none().movement(other),
        };
        if let Some(line) = line.filter(|line| regex.is_match(line)) {
            let _ = writeln!(out, "{line}"); // it has matched, whether anybody reads it or not
            client.leave();
            return Ok(Outcome::Done);
        }
        // While others talk on, there is always something more to hear.
        if Instant::now() >= until {
            break;
        }
    }
    Ok(Outcome::Not(format!("nothing matched {regex} in {:?}", flags.timeout)))
}

/// Prints who is here.
pub(super) fn who(flags: &Flags, address: &str, out: &mut impl Write) -> Result<Outcome, ClientError> {
    let mut client = come(flags, address)?;
    for name in client.who(Instant::now() + flags.timeout)? {
        if writeln!(out, "{name}").is_err() {
            break;
        }
    }
    client.leave();
    Ok(Outcome::Done)
}

/// Says every line of `input`, each when the one before has come back.
pub(super) fn pipe(flags: &Flags, address: &str, input: impl Read + Send + 'static) -> Result<Outcome, ClientError> {
    let mut client = come(flags, address)?;
    let lines = read_ahead(input)?;
    let mut refused = 0_u64;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                let Some(body) = Body::new(&clean(&line)) else { continue };
                match client.say(&body, Instant::now() + flags.timeout) {
                    Err(ClientError::Refused { text, .. }) => {
                        let _ = writeln!(io::stderr(), "parlor-cli: {text}");
                        refused += 1;
                    }
                    said => said?,
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        // What the others say is not asked for here, but the server is not kept waiting with it; nor is
        // the next line, however much they say.
        let until = Instant::now() + LOOK;
        while client.recv(Instant::now())?.is_some() && Instant::now() < until {}
    }
    client.leave();
    Ok(if refused == 0 { Outcome::Done } else { Outcome::Not(format!("lines refused: {refused}")) })
}

/// Reads lines on a thread of their own, so that nobody is dropped for silence while none comes.
/// The thread ends with the input, or when nobody takes its lines any more.
fn read_ahead(input: impl Read + Send + 'static) -> Result<Receiver<Vec<u8>>, ClientError> {
    let (sender, lines) = bounded(READ_AHEAD);
    let read = move || {
        let mut input = BufReader::new(input);
        loop {
            let mut line = Vec::new();
            match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if line.len() as u64 == MAX_LINE && input.skip_until(b'\n').is_err() {
                return;
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("input".into()).spawn(read);
    thread.map_err(|error| ClientError::Terminal { attempted: "read standard input", error: error.to_string() })?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::net::{SocketAddr, TcpListener, TcpStream};

    /// Longer than anything that works takes, on a busy machine too.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// A text door for one client, where bob never stops talking. It ends when the client leaves, or
    /// after the deadline, and gives what it was told.
    fn flood() -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
            stream.write_all(b"[127.0.0.1:9]127.0.0.1:9: I am here\n").unwrap();
            let (sender, lines) = bounded(READ_AHEAD);
            let input = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let reader = thread::spawn(move || input.for_each(|line| sender.send(line).unwrap_or(())));
            let (until, mut told) = (Instant::now() + DEADLINE, String::new());
            let flood = "[127.0.0.1:7]bob: and on and on\n".repeat(1000);
            while Instant::now() < until {
                let mut said = flood.clone();
                for line in lines.try_iter() {
                    said += &format!("[127.0.0.1:9]x: {line}\n");
                    told += &(line + "\n");
                }
                if stream.write_all(said.as_bytes()).is_err() {
                    break;
                }
            }
            drop(stream);
            drop(lines);
            reader.join().unwrap();
            told
        };
        (address, thread::spawn(serve))
    }

    fn flags(timeout: &str) -> Flags {
        Flags::try_parse_from(["parlor-cli", "--timeout", timeout]).unwrap()
    }

    /// It ended when there was a moment's silence, which there may never be.
    #[test]
    fn what_is_expected_in_time_is_not_waited_for_longer() {
        let (address, server) = flood();
        let begun = Instant::now();
        let regex = Regex::new("nobody says this").unwrap();
        let outcome = expect(&flags("300ms"), &address.to_string(), &regex, &mut io::sink()).unwrap();
        assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
        assert!(matches!(&outcome, Outcome::Not(why) if why.starts_with("nothing matched")), "{outcome:?}");
        server.join().unwrap();
    }

    /// It said one line, and listened.
    #[test]
    fn a_pipe_says_its_lines_while_others_never_stop() {
        let (address, server) = flood();
        let begun = Instant::now();
        let outcome = pipe(&flags("20s"), &address.to_string(), "one\ntwo\nthree\n".as_bytes()).unwrap();
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
        assert!(server.join().unwrap().starts_with("one\ntwo\nthree\n"));
    }
}
