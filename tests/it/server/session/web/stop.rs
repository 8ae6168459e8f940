//! A stop while connections are at the HTTP door and are no sessions.

use super::{Answer, get, post, server_with};
use crate::support::{Peer, wait_for};

/// A stop that waited for its deadline would fail these tests by their own.
const NEVER: [&str; 2] = ["--drain", "1h"];

#[test]
fn stop_ends_a_thousand_idle_connections() {
    let (server, http) = server_with(&[&NEVER[..], &["--log-level", "debug"]].concat());
    let mut clients: Vec<Peer> = (0..1000).map(|_| Peer::connect(http)).collect();
    for client in clients.iter_mut().step_by(2) {
        client.send_raw(get("/readyz").as_bytes());
        Answer::expect(client, 200);
    }
    let log = server.stop();
    clients.iter_mut().for_each(Peer::expect_end);
    let (_, after) = log.split_once("recv quit signal").unwrap();
    assert!(after.contains(") closed: server stopping") && !after.contains(") closed: idle"), "{after}");
}

#[test]
fn stop_refuses_half_a_request() {
    let (mut server, http) = server_with(&NEVER);
    let halves =
        ["GET /readyz HTTP/1.1\r\nHo", "POST /lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"];
    let mut clients = halves.map(|half| {
        let mut client = Peer::connect(http);
        client.send_raw(half.as_bytes());
        server.wait_until_read(&client);
        client
    });
    server.signal("TERM");
    for client in &mut clients {
        Answer::expect(client, 503);
        client.expect_end();
    }
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// A request that was sent before the stop is answered; its lines are said if and only if the answer says so.
#[test]
fn post_before_stop_gets_its_answer() {
    for _ in 0..10 {
        let (mut server, http) = server_with(&[]);
        let mut alice = Peer::enter_quiet(server.text);
        let mut client = Peer::connect(http);
        client.send_raw(get("/readyz").as_bytes());
        Answer::expect(&mut client, 200);
        server.signal("STOP");
        client.send_raw(post("/lobby?name=ci", "last words").as_bytes());
        server.signal("TERM");
        server.signal("CONT");
        let answer = Answer::of(&mut client);
        client.expect_end();
        let heard = String::from_utf8(alice.read_to_end()).unwrap();
        let is_said = heard.contains("]ci: last words\n");
        let status = answer.status;
        assert!((is_said && status == 200) || (!is_said && status == 503), "{status}: {heard}");
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    }
}

#[test]
fn stop_ends_streams() {
    let (mut server, http) = server_with(&NEVER);
    let mut alice = Peer::enter_quiet(server.text);
    let mut streams = ["raw", "json", "sse"].map(|feed| {
        let mut stream = Peer::connect(http);
        stream.send_raw(get(&format!("/lobby/{feed}?after=0")).as_bytes());
        Answer::expect(&mut stream, 200);
        stream
    });
    alice.send("hi");
    for stream in &mut streams {
        stream.skip_until(|line| line.contains("hi"));
    }
    server.signal("TERM");
    for stream in &mut streams {
        stream.read_to_end();
    }
    alice.read_to_end();
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// An answer that nobody reads keeps a connection only until the deadline of the stop.
#[test]
fn stop_cuts_an_unread_answer() {
    let (server, http) = server_with(&["--drain", "500ms", "--write-timeout", "1h", "--log-level", "debug"]);
    let mut client = Peer::connect_narrow(http, 4096);
    client.send_raw(get("/").repeat(200).as_bytes());
    assert_eq!(Answer::of(&mut client).status, 200);
    // The next answer waits for its reader when no more of them are logged. A stop that comes too early proves
    // nothing, and fails nothing.
    let (mut last, mut looks) = (0, 0);
    let look = || {
        let answered = server.log().matches(": Get \"/\": 200").count();
        looks = if answered == last { looks + 1 } else { 0 };
        last = answered;
        (answered > 1 && looks == 50).then_some(())
    };
    wait_for(look, || "an answer that waits".to_owned());
    let log = server.stop();
    assert!(log.contains(") closed: server stopping"), "{log}");
}
