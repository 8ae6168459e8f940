//! The commands for scripts: each does one thing, and its exit code tells whether it is done.

use std::io::{self, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;
use regex::Regex;

use super::address::{address, has_port};
use super::error::Error;
use super::pipe::{read_ahead, split};
use super::reconnect::{NAME_RETRY_INTERVAL, NAME_RETRY_TIME, Pauses};
use super::rows::Rows;
use super::settings::Settings;
use super::show::{self, Paint};
use parlor::client::{Client, ClientError};
use parlor::protocol::{Body, RoomName, VisitTo};
use parlor::wire::{Heard, Speech, Wire};

/// Interval at which received lines are read while standard input is silent.
const READ_INTERVAL: Duration = Duration::from_millis(250);
/// Longest wait of one call.
const HOUR: Duration = Duration::from_secs(3600);
/// Shortest part of a line that is tried, in bytes.
const SHORTEST_PART: usize = 64;

/// The result of a command.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    /// It could not be done, for this reason.
    Not(String),
}

/// Connects and takes the wanted name, if there is one.
fn connect(settings: &Settings) -> Result<Client, ClientError> {
    let until = Instant::now() + settings.timeout;
    let mut client = Client::connect_within(&*settings.address, settings.wire, settings.timeout)?;
    if let Some(nick) = &settings.name {
        client.take_name(nick, until)?;
    }
    Ok(client)
}

/// Connects. Without a named door or port it tries the JSON door for half the time, where a line needs no
/// joining and leaving. Else it uses the named or the text door, under the wanted name.
fn connect_to_send(settings: &Settings) -> Result<Client, Error> {
    let programs = Wire::Json(None);
    if !settings.wire_is_given && !has_port(&settings.host) {
        let address = address(&settings.host, programs)?;
        if let Ok(client) = Client::connect_within(&*address, programs, settings.timeout / 2) {
            return Ok(client);
        }
    }
    if settings.wire == Wire::Text {
        return Ok(connect(settings)?);
    }
    Ok(Client::connect_within(&*settings.address, settings.wire, settings.timeout)?)
}

/// Connects and joins the wanted room.
fn connect_and_join(settings: &Settings) -> Result<Client, ClientError> {
    let mut client = connect(settings)?;
    let until = Instant::now() + settings.timeout;
    match &settings.room {
        Some(room) => client.join(room, until)?,
        None => client.join(&RoomName::lobby(), until)?,
    }
    Ok(client)
}

/// Says the lines of `text` to the room, or to one session.
pub(super) fn send(settings: &Settings, text: &str, to: Option<&str>) -> Result<Outcome, Error> {
    let bodies: Vec<Body> = text.lines().filter_map(Body::new).collect();
    if bodies.is_empty() {
        return Ok(Outcome::Not("there is nothing to say in that".to_owned()));
    }
    let mut client = connect_to_send(settings)?;
    let until = || Instant::now() + settings.timeout;
    // A visit costs the room one line; the text door has none.
    if client.talker().wire() != Wire::Text {
        let visit = to.map_or_else(|| VisitTo::Room(settings.room.clone()), |name| VisitTo::Person(name.to_owned()));
        for body in &bodies {
            client.visit(settings.name.as_ref(), &visit, body, until())?;
        }
        client.leave();
        return Ok(Outcome::Done);
    }
    if let (None, Some(room)) = (to, &settings.room) {
        client.join(room, until())?;
    }
    for body in &bodies {
        match to {
            Some(name) => client.tell(name, body, until())?,
            None => client.say(body, until())?,
        }
    }
    client.leave();
    Ok(Outcome::Done)
}

/// Prints lines until standard output closes, or the connection ends under `--no-reconnect`.
pub(super) fn tail(settings: &Settings, json: bool, out: &mut io::Stdout) -> Result<Outcome, Error> {
    let mut line = Line::new(settings)?;
    let (paint, rows) = (Paint::on(out), Rows::of(out));
    loop {
        let Some(Heard::Speech(speech)) = line.recv(Instant::now() + HOUR)? else { continue };
        if speech.past {
            continue;
        }
        let line = if json { show::object(&speech) } else { rows.indented(&paint.speech(&speech)) };
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return Ok(Outcome::Done); // standard output is closed
        }
    }
}

/// Waits for a line that matches.
pub(super) fn expect(
    settings: &Settings,
    regex: &Regex,
    out: &mut (impl Write + IsTerminal),
) -> Result<Outcome, Error> {
    let until = Instant::now() + settings.timeout;
    let mut line = Line::new(settings)?;
    while let Some(heard) = line.recv(until)? {
        let shown = match &heard {
            Heard::Speech(Speech { past: true, .. }) => None,
            Heard::Speech(speech) => Some(Paint::none().speech(speech)),
            other => Paint::none().movement(other),
        };
        if let Some(shown) = shown.filter(|shown| regex.is_match(shown)) {
            let _ = writeln!(out, "{}", Rows::of(out).indented(&shown)); // the line has matched, even if standard output is closed
            line.client.leave();
            return Ok(Outcome::Done);
        }
        // In a busy room there is always another line.
        if Instant::now() >= until {
            break;
        }
    }
    Ok(Outcome::Not(format!("nothing matched {regex} in {:?}", settings.timeout)))
}

/// Prints the names of the room's members.
pub(super) fn who(settings: &Settings, out: &mut impl Write) -> Result<Outcome, Error> {
    let mut client = connect(settings)?;
    let names = client.who(settings.room.as_ref(), Instant::now() + settings.timeout)?;
    for name in names {
        if writeln!(out, "{name}").is_err() {
            break;
        }
    }
    client.leave();
    Ok(Outcome::Done)
}

/// Says each line of `input` when the line before has come back.
pub(super) fn pipe(settings: &Settings, input: impl Read + Send + 'static) -> Result<Outcome, Error> {
    let mut line = Line::new(settings)?;
    let bodies = read_ahead(input)?;
    let mut refused = 0_u64;
    let mut limit = usize::MAX;
    loop {
        match bodies.recv_timeout(READ_INTERVAL) {
            Ok(body) => refused += u64::from(!line.say_all(body.as_str(), &mut limit)?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        // Other lines are read and dropped, so that this client is no slow consumer. They must not delay the next
        // line.
        let until = Instant::now() + READ_INTERVAL;
        while line.recv(Instant::now())?.is_some() && Instant::now() < until {}
    }
    line.client.leave();
    Ok(if refused == 0 { Outcome::Done } else { Outcome::Not(format!("lines refused: {refused}")) })
}

/// A connection that reconnects after a break.
struct Line<'a> {
    settings: &'a Settings,
    client: Client,
    pauses: Pauses,
}

impl<'a> Line<'a> {
    /// Connects. A first connection that fails is not tried again.
    fn new(settings: &'a Settings) -> Result<Self, ClientError> {
        Ok(Self { settings, client: connect_and_join(settings)?, pauses: Pauses::new() })
    }

    /// The next event, on this connection or a later one; `None` if none arrives until `deadline`.
    fn recv(&mut self, deadline: Instant) -> Result<Option<Heard>, ClientError> {
        loop {
            match self.client.recv(deadline) {
                Err(error) if error.is_break() && self.settings.reconnects => {
                    if !self.connect_again(&error, Some(deadline))? {
                        return Ok(None);
                    }
                }
                heard => return heard,
            }
        }
    }

    /// Says a line, in parts if it is longer than the server accepts. Returns false if a part was refused.
    ///
    /// After a break it repeats the part that has not come back: a part may come twice, but is not lost.
    fn say_all(&mut self, text: &str, limit: &mut usize) -> Result<bool, ClientError> {
        let mut rest = text;
        let mut breaks = 0;
        while !rest.is_empty() {
            let (part, behind) = split(rest, *limit);
            let Some(body) = Body::new(part) else {
                rest = behind;
                continue;
            };
            match self.client.say(&body, Instant::now() + self.settings.timeout) {
                Ok(()) => (rest, breaks) = (behind, 0),
                Err(error) if error.is_break() && self.settings.reconnects => {
                    breaks += 1;
                    // The part itself may be the reason why the server closes.
                    if breaks > 1 && part.len() > SHORTEST_PART {
                        *limit = part.len() / 2;
                    }
                    self.connect_again(&error, None)?;
                }
                Err(ClientError::Refused { text, .. }) => match shorter(&text, part.len()) {
                    Some(less) => *limit = less,
                    None => {
                        show::warn(&text);
                        return Ok(false);
                    }
                },
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Connects again, without a limit of attempts. Returns false at `deadline`.
    fn connect_again(&mut self, error: &ClientError, deadline: Option<Instant>) -> Result<bool, ClientError> {
        self.pauses.broke();
        let mut why = error.to_string();
        let mut name_refused = None;
        loop {
            let (told, pause) = self.pauses.next();
            let (told, pause) =
                if name_refused.is_some() { (NAME_RETRY_INTERVAL, NAME_RETRY_INTERVAL) } else { (told, pause) };
            show::warn(&format!("{why}; connecting again in {:.1} s", told.as_secs_f32()));
            let left = deadline.map_or(HOUR, |deadline| deadline.saturating_duration_since(Instant::now()));
            std::thread::sleep(pause.min(left));
            if pause >= left {
                return Ok(false);
            }
            match connect_and_join(self.settings) {
                Ok(client) => {
                    self.client = client;
                    self.pauses.connected();
                    show::warn("connected again");
                    return Ok(true);
                }
                Err(error @ ClientError::Refused { .. }) => {
                    if name_refused.get_or_insert_with(Instant::now).elapsed() >= NAME_RETRY_TIME {
                        return Err(error);
                    }
                    why = error.to_string();
                }
                Err(error) => why = error.to_string(),
            }
        }
    }
}

/// The length of a smaller part, after one of `length` bytes was refused with these words; `None` if its
/// length was not the reason.
fn shorter(refusal: &str, length: usize) -> Option<usize> {
    let (_, limit) = refusal.split_once("too long")?.1.split_once("the limit is ")?;
    let digits = limit.split(|c: char| !c.is_ascii_digit()).next()?;
    let limit: usize = digits.parse().ok()?;
    // Leave room for a backslash; a packet also has keys and escapes.
    let next = if limit < length { limit.saturating_sub(8) } else { length * 3 / 4 };
    (length > SHORTEST_PART.min(limit) && next > 0).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use crossbeam_channel::bounded;
    use std::io::{BufRead, BufReader};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::thread;

    use crate::flags::Flags;
    use crate::saved::SavedSettings;

    /// Longer than the test takes, on a busy machine too.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// A text door for one client, where bob never stops talking. It ends when the client leaves, or after the
    /// deadline, and returns the lines that the client sent.
    fn flood() -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
            stream.write_all(b"[127.0.0.1:9]127.0.0.1:9: I am here\n").unwrap();
            let (sender, lines) = bounded(16);
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

    fn settings(timeout: &str, address: SocketAddr) -> Settings {
        let flags = Flags::try_parse_from(["parlor-cli", &address.to_string(), "--timeout", timeout]).unwrap();
        Settings::of(&flags, |_| None, &SavedSettings::default()).unwrap()
    }

    /// The time-out was checked only in a pause of the stream, which may never come.
    #[test]
    fn expect_in_busy_room_times_out() {
        let (address, server) = flood();
        let regex = Regex::new("nobody says this").unwrap();
        let outcome = expect(&settings("300ms", address), &regex, &mut io::stdout()).unwrap();
        assert!(matches!(&outcome, Outcome::Not(why) if why.starts_with("nothing matched")), "{outcome:?}");
        server.join().unwrap();
    }

    /// The pipe said one line, and then read for ever.
    #[test]
    fn pipe_in_busy_room_says_all_lines() {
        let (address, server) = flood();
        let outcome = pipe(&settings("20s", address), "one\ntwo\nthree\n".as_bytes()).unwrap();
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        assert!(server.join().unwrap().starts_with("one\ntwo\nthree\n"));
    }
}
