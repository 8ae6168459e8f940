//! The client: whole conversations with a server in this process, on every wire that it speaks. Its
//! end of the bytes is in `heard`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use parlor::client::{Client, ClientError, Heard, Kind, Speech};
use parlor::protocol::{CloseReason, Command, Malformed, Notice, Refusal, RoomName, VisitTo};
use parlor::server::Handle;
use parlor::wire::{Framing, HeardDecoder};
use parlor::{Config, Listen, Server, Wire};
use socket2::{Domain, Socket, Type};

use crate::support::values::{body, nick};
use crate::wire::heard::WIRES;

/// Longer than anything that works takes, on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(20);

fn soon() -> Instant {
    Instant::now() + DEADLINE
}

struct InProcess {
    handle: Option<Handle>,
}

impl InProcess {
    fn with(config: &Config, rate: u32) -> Self {
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listen = [Wire::Text, Wire::Json(None), Wire::Frame].map(|wire| Listen::required(wire, free)).to_vec();
        let server = Server::bind(&Config { listen, rate, ..config.clone() }).unwrap();
        Self { handle: Some(server.with_standard_routes().spawn().unwrap()) }
    }

    fn new() -> Self {
        Self::with(&Config::default(), 0)
    }

    fn address(&self, wire: Wire) -> SocketAddr {
        self.handle.as_ref().unwrap().address(wire).unwrap()
    }

    fn come(&self, wire: Wire) -> Client {
        let mut client = Client::connect(self.address(wire), wire).unwrap();
        client.join(&RoomName::lobby(), soon()).unwrap();
        client
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let handle = self.handle.take().unwrap();
        handle.stop();
        let _ = handle.join();
    }
}

/// Reads on until something satisfies `wanted`.
#[track_caller]
fn until(client: &mut Client, mut wanted: impl FnMut(&Heard) -> bool) -> Heard {
    let mut all = Vec::new();
    loop {
        match client.recv(soon()) {
            Ok(Some(heard)) if wanted(&heard) => return heard,
            Ok(Some(heard)) => all.push(heard),
            other => panic!("{other:?} after {all:#?}"),
        }
    }
}

const DOORS: [Wire; 3] = [Wire::Text, Wire::Json(None), Wire::Frame];

#[test]
fn people_at_every_door_talk() {
    let server = InProcess::new();
    let mut ann = server.come(Wire::Text);
    ann.take_name(&nick("ann"), soon()).unwrap();
    assert_eq!(ann.name(), Some("ann"));
    for wire in DOORS {
        let mut bob = server.come(wire);
        bob.take_name(&nick("bob"), soon()).unwrap();
        assert_eq!(bob.who(None, soon()).unwrap(), ["ann"], "{wire}");
        for line in ["hi", "who", "/nick x", "login", " blank before", "\\who", "GET / HTTP/1.1", "🏠"] {
            bob.say(&body(line), soon()).unwrap();
        }
        // A line that looks like an announcement is shown in quotation marks.
        let lines = ["hi", "who", "/nick x", "\"login\"", " blank before", "\\who", "GET / HTTP/1.1", "🏠"];
        for line in lines {
            let heard = until(&mut ann, |heard| matches!(heard, Heard::Speech(_)));
            let Heard::Speech(Speech { kind: Kind::Said, name, text, mine: false, .. }) = heard else { panic!() };
            assert_eq!((&*name, &*text), ("bob", line), "{wire}");
        }
        bob.send(&Command::Msg { to: "ann".into(), body: body("psst") }).unwrap();
        until(&mut ann, |heard| matches!(heard, Heard::Speech(Speech { kind: Kind::Told, .. })));
        ann.send(&Command::Msg { to: "bob".into(), body: body("yes?") }).unwrap();
        until(
            &mut bob,
            |heard| matches!(heard, Heard::Speech(Speech { kind: Kind::Told, name, text, .. }) if name == "ann" && text == "yes?"),
        );
        bob.leave();
        // Many joins and leaves are summed in one line.
        until(&mut ann, |heard| match heard {
            Heard::Left { name, why: None } => name == "bob",
            Heard::Info(text) => text.ends_with(" left"),
            _ => false,
        });
    }
}

#[test]
fn lines_before_an_answer_are_kept() {
    let server = InProcess::new();
    for wire in DOORS {
        let (mut ann, mut bob) = (server.come(wire), server.come(Wire::Text));
        for number in 0..20 {
            bob.say(&body(&format!("line {number}")), soon()).unwrap();
        }
        ann.say(&body("mine"), soon()).unwrap();
        for number in 0..20 {
            let wanted = format!("line {number}");
            until(&mut ann, |heard| matches!(heard, Heard::Speech(Speech { text, .. }) if *text == wanted));
        }
    }
}

/// By the doors of programs a line can be said without coming; a private one by every door.
#[test]
fn visit_costs_the_room_one_line() {
    let server = InProcess::new();
    let mut ann = server.come(Wire::Text);
    ann.take_name(&nick("ann"), soon()).unwrap();
    let dev = RoomName::parse("dev").unwrap();
    ann.join(&dev, soon()).unwrap();
    assert_eq!(ann.room(), Some("dev"));
    for wire in DOORS {
        let mut bob = Client::connect(server.address(wire), wire).unwrap();
        bob.tell("ann", &body("psst"), soon()).unwrap();
        assert!(matches!(bob.tell("nobody-here", &body("psst"), soon()), Err(ClientError::Refused { .. })));
        let to = VisitTo::Room(Some(dev.clone()));
        let visited = bob.visit(Some(&nick("deploy")), &to, &body("build 57 is up"), soon());
        if wire == Wire::Text {
            assert!(matches!(visited, Err(ClientError::Refused { .. })), "{visited:?}");
            until(&mut ann, |heard| matches!(heard, Heard::Speech(Speech { kind: Kind::Told, .. })));
            continue;
        }
        visited.unwrap();
        let taken = bob.visit(Some(&nick("ann")), &to, &body("not me"), soon());
        assert!(matches!(taken, Err(ClientError::Refused { code: Some(code), .. }) if code == "taken"), "{wire}");
        bob.leave();
        ann.say(&body("that was all"), soon()).unwrap();
        let mut all = Vec::new();
        until(&mut ann, |heard| {
            all.push(format!("{heard:?}"));
            matches!(heard, Heard::Speech(Speech { kind: Kind::Said, text, .. }) if text == "build 57 is up")
        });
        assert_eq!(all.len(), 2, "a private line and a visit: {all:#?}");
    }
}

#[test]
fn refusal_leaves_client_connected() {
    let server = InProcess::new();
    let mut ann = server.come(Wire::Text);
    ann.take_name(&nick("ann"), soon()).unwrap();
    for wire in DOORS {
        let mut bob = server.come(wire);
        match bob.take_name(&nick("ann"), soon()) {
            Err(ClientError::Refused { code, text }) => {
                assert_eq!(code.as_deref(), (wire != Wire::Text).then_some("taken"));
                assert_eq!(text, "ann is taken. Free: ann2, ann_, ann7");
            }
            other => panic!("{other:?}"),
        }
        bob.say(&body("never mind"), soon()).unwrap();
    }
    let mut bob = server.come(Wire::Text);
    let refused = bob.say(&body(&"x".repeat(5000)), soon());
    assert!(matches!(refused, Err(ClientError::Refused { .. })), "{refused:?}");
    bob.say(&body("short"), soon()).unwrap();
}

/// A line that fills its packet comes back with more keys, so the end of it is cut. It was said all the
/// same: everybody had it, and its sender was told that nobody had answered.
#[test]
fn line_coming_back_cut_was_said() {
    let server = InProcess::new();
    let mut ann = server.come(Wire::Text);
    let by = |framing| Wire::Json(Some(framing));
    for (wire, lengths) in [
        (Wire::Json(None), [65_000, 65_420]),
        (by(Framing::Gf3), [65_000, 65_420]),
        (by(Framing::Gf7), [65_000, 65_420]),
        (by(Framing::Gf1), [120, 200]),
    ] {
        let mut bob = Client::connect(server.address(Wire::Json(None)), wire).unwrap();
        for said in lengths.map(|length| "0".repeat(length)).iter().map(String::as_str).chain(["after"]) {
            bob.say(&body(said), soon()).unwrap();
            until(&mut ann, |heard| matches!(heard, Heard::Speech(Speech { text, .. }) if text == said));
        }
    }
}

/// One that is longer than a packet may be is not sent, where the server would close for it; so
/// those behind it are said.
#[test]
fn line_too_long_for_packet_is_refused() {
    let server = InProcess::new();
    for wire in [Wire::Json(None), Wire::Json(Some(Framing::Lines)), Wire::Frame] {
        let address = server.address(if wire == Wire::Frame { wire } else { Wire::Json(None) });
        let mut bob = Client::connect(address, wire).unwrap();
        for length in [65_537, 70_000] {
            match bob.say(&body(&"x".repeat(length)), soon()) {
                Err(ClientError::Refused { code: Some(code), text }) => {
                    assert_eq!(code, "toolong", "{wire}");
                    assert!(text.ends_with("Nothing was sent."), "{wire}: {text}");
                }
                other => panic!("{wire}: {other:?}"),
            }
        }
        bob.say(&body("after"), soon()).unwrap();
    }
}

#[test]
fn session_end_tells_its_reason() {
    let server = InProcess::with(&Config { max_clients: 1, ..Config::default() }, 0);
    let mut first = server.come(Wire::Text);
    for wire in DOORS {
        let error = Client::connect(server.address(wire), wire).unwrap_err().to_string();
        let address = server.address(wire);
        let full = "Parlor is full (1 here), try again later";
        assert_eq!(error, format!("{address} closed the connection: {full}"), "{wire}");
    }
    server.handle.as_ref().unwrap().stop();
    let error = loop {
        match first.recv(soon()) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the server did not stop"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason(), "The server is stopping. Goodbye");
}

/// A join summary is no reason for the end that came after it: a server that was killed after
/// `*** 2 came, 2 left` was lost because of `2 came, 2 left`.
#[test]
fn end_without_farewell_has_no_reason() {
    let by_the_way = [Notice::Pong, Notice::Refused(Refusal::NoName)];
    for (wire, encoding) in WIRES {
        for (notice, is_farewell) in by_the_way.iter().map(|notice| (notice, false)).chain([
            (&Notice::Goodbye(CloseReason::ServerStopping), true),
            (&Notice::Goodbye(CloseReason::Quit), true),
            (&Notice::Goodbye(CloseReason::Malformed(Malformed::PacketTooLong)), true),
            (&Notice::Goodbye(CloseReason::Idle { seconds: 30 }), wire == Wire::Text),
        ]) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let mut said = b"[127.0.0.1:9]127.0.0.1:9: I am here\n".to_vec();
            if wire != Wire::Text {
                said.clear();
                encoding.encode(&Notice::Pong, Some("1"), &mut said);
            }
            let is_answer = matches!(notice, Notice::Refused(_));
            encoding.encode(notice, is_answer.then_some("2"), &mut said);
            let server = thread::spawn(move || {
                let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
                if wire != Wire::Text {
                    let _ = stream.read(&mut [0; 1000]).unwrap(); // whether it is there
                }
                stream.write_all(&said).unwrap();
            });
            let mut client = Client::connect(address, wire).unwrap();
            let error = loop {
                match client.recv(soon()) {
                    Ok(heard) => assert!(heard.is_some(), "the end has not come"),
                    Err(error) => break error,
                }
            };
            server.join().unwrap();
            let told = error.to_string();
            let without = format!("{address} closed the connection");
            assert_eq!(told != without, is_farewell, "{encoding:?} {notice:?}: {told}");
            assert!(told.starts_with(&without), "{told}");
        }
    }
}

#[test]
fn connect_errors_name_their_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for wire in DOORS {
        // It takes the connection and says nothing.
        let error = Client::connect_within(address, wire, Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, ClientError::NoAnswer { .. }), "{error}");
        assert_eq!(error.to_string(), format!("no answer in time from {address}: is a {wire} door there?"));
    }
    // A port that is kept and not listened at: a free one could be another test's by now.
    let kept = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    kept.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let address = kept.local_addr().unwrap().as_socket().unwrap();
    let error = Client::connect(address, Wire::Text).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot connect to {address}: Connection refused"));
    assert!(matches!(Client::connect(address, Wire::Relay), Err(ClientError::Relay)));
    let server = InProcess::new();
    for (door, wire) in [(Wire::Text, Wire::Json(None)), (Wire::Text, Wire::Frame), (Wire::Json(None), Wire::Frame)] {
        let error = Client::connect_within(server.address(door), wire, Duration::from_secs(2)).unwrap_err();
        assert!(error.to_string().ends_with(&format!("is a {wire} door there?")), "{error}");
    }
}

/// Where flood control held a line back, the notice to slow down took its mark; its answer had none,
/// and a client that waited for it waited for ever.
#[test]
fn answers_carry_marks_of_their_requests() {
    // With requests without a mark among them, so that an event may end anywhere.
    for (rate, burst, last) in [(0, 40, 5000), (1000, 3, 600)] {
        let server = InProcess::with(&Config { burst, ..Config::default() }, rate);
        let mut stream = TcpStream::connect(server.address(Wire::Json(None))).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut bytes = Vec::new();
        for tag in 1..=last {
            let line = Command::Say(body("x"));
            Wire::Json(None).encode_request(&line, tag, &mut bytes).unwrap();
            if tag % 7 == 0 {
                bytes.extend_from_slice(b"\0\x1a{\"Act\":\"me\",\"Data\":\"nods\"}");
            }
        }
        let mut writing = stream.try_clone().unwrap();
        let writer = thread::spawn(move || writing.write_all(&bytes).unwrap());
        let mut decoder = HeardDecoder::new(Wire::Json(None)).unwrap();
        let (mut wanted, mut buffer) = (1, [0; 4096]);
        while wanted <= last {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "closed at {wanted}");
            decoder.feed(&buffer[..count]);
            while let Some((tag, heard)) = decoder.next().unwrap() {
                if matches!(heard, Heard::Speech(Speech { kind: Kind::Said, .. })) {
                    assert_eq!(tag, Some(wanted), "{rate} a second: {heard:?}");
                    wanted += 1;
                } else {
                    assert_eq!(tag, None, "{rate} a second: {heard:?}");
                }
            }
        }
        writer.join().unwrap();
    }
}

/// A server of one line a byte: the client must not wait for a whole read, nor take a part of one.
#[test]
fn slow_server_is_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in b"[127.0.0.1:9]127.0.0.1:9: I am here\r\n[127.0.0.1:9]127.0.0.1:9: login\r\n*** pong\r\n" {
            stream.write_all(&[*byte]).unwrap();
        }
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        rest
    });
    let mut client = Client::connect(address, Wire::Text).unwrap();
    assert_eq!(client.recv(soon()).unwrap(), Some(Heard::Info("pong".into())));
    client.send(&Command::Say(body("who"))).unwrap();
    drop(client);
    assert_eq!(server.join().unwrap(), "\\who\n");
}

/// Where others never stop talking, there was always one thing more to take, and a limit ended nothing.
#[test]
fn flood_stretches_no_time_limit() {
    const LIMIT: Duration = Duration::from_millis(300);
    for greets in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flood = thread::spawn(move || {
            let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
            if greets {
                stream.write_all(b"[127.0.0.1:9]127.0.0.1:9: I am here\n").unwrap();
            }
            // It ends with the client: a limit that it could stretch would never be over.
            let lines = b"[127.0.0.1:7]bob: and on and on\n".repeat(1000);
            while stream.write_all(&lines).is_ok() {}
        });
        let error = if greets {
            let mut client = Client::connect(address, Wire::Text).unwrap();
            client.say(&body("hi"), Instant::now() + LIMIT).unwrap_err()
        } else {
            Client::connect_within(address, Wire::Text, LIMIT).unwrap_err()
        };
        assert!(matches!(error, ClientError::NoAnswer { .. }), "{error}");
        flood.join().unwrap();
    }
}

mod exhaustive {
    use super::*;

    /// An idle limit of four seconds, and nothing said for five.
    #[test]
    fn waiting_client_is_kept_alive() {
        let server = InProcess::with(&Config { idle: Some(Duration::from_secs(4)), ..Config::default() }, 0);
        let mut client = server.come(Wire::Text);
        let until = Instant::now() + Duration::from_secs(5);
        while let Some(heard) = client.recv(until).unwrap() {
            // Not even warned.
            assert!(!matches!(&heard, Heard::Info(text) if text.starts_with("Quiet for 2")), "{heard:?}");
        }
        client.say(&body("still here"), soon()).unwrap();
    }
}
