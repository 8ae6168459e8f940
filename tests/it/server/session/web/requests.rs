//! Requests and answers of one connection: their order, its end, and its limits.

use super::{Answer, get, post, server_with};
use crate::support::Peer;
use crate::support::recorded::HELLO;

#[test]
fn one_connection_answers_many_requests() {
    let (server, http) = server_with(&["--log-level", "debug"]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut client = Peer::connect(http);
    for number in 0..20 {
        client.send_raw(get("/readyz").as_bytes());
        assert_eq!(Answer::expect(&mut client, 200), "ready\n");
        client.send_raw(post("/lobby?name=ci", &format!("build {number}\n")).as_bytes());
        assert_eq!(Answer::expect(&mut client, 200), "said 1\n");
        alice.skip_until(|line| line.ends_with(&format!("]ci: build {number}")));
        client.send_raw(get("/healthz").as_bytes());
        assert_eq!(Answer::expect(&mut client, 200), "healthy\n");
        client.send_raw(get("/nowhere/at/all").as_bytes());
        Answer::expect(&mut client, 404);
    }
    let name = client.name.clone();
    client.leave();
    alice.expect_nothing(); // a connection that sends requests is not in the room
    let log = server.wait_for_log(&format!("(http, {name}) closed: peer closed"));
    assert!(log.contains(": Post \"/lobby\": 200"), "{log}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (server, http) = server_with(&[]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut client = Peer::connect(http);
    let pair = |number: usize| post("/lobby?name=ci", &format!("line {number}")) + &get("/readyz");
    client.send_raw((0..100).map(pair).collect::<String>().as_bytes());
    for number in 0..100 {
        assert_eq!(Answer::expect(&mut client, 200), "said 1\n");
        assert_eq!(Answer::expect(&mut client, 200), "ready\n");
        alice.skip_until(|line| line.ends_with(&format!("]ci: line {number}")));
    }
}

/// A client that asks whether to send the body is told to go on, once.
#[test]
fn expected_continue_comes_before_the_answer() {
    let (_server, http) = server_with(&[]);
    let mut client = Peer::connect(http);
    for _ in 0..3 {
        client
            .send_raw(b"POST /lobby HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        assert!(Answer::expect(&mut client, 100).is_empty());
        client.send_raw(b"h");
        client.send_raw(b"i");
        assert_eq!(Answer::expect(&mut client, 200), "said 1\n");
    }
}

#[test]
fn connection_ends_after_answer_when_asked() {
    let (_server, http) = server_with(&[]);
    for last in [
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /readyz HTTP/1.0\r\n\r\n",
        "HEAD /lobby/raw HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut client = Peer::connect(http);
        // Requests behind the last one must not turn the close into a reset.
        client.send_raw((last.to_owned() + &get("/readyz").repeat(500)).as_bytes());
        let answer = Answer::of(&mut client);
        assert!(answer.head.contains("\r\nConnection: close\r\n"), "{}", answer.head);
        client.expect_end();
    }
    // A reset would destroy the part of a long answer that is still on its way.
    let mut client = Peer::connect_narrow(http, 4096);
    let page = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.send_raw((page.to_owned() + &get("/readyz").repeat(500)).as_bytes());
    assert!(Answer::expect(&mut client, 200).ends_with("</html>\n"));
    client.expect_end();
}

#[test]
fn half_request_and_end_is_answered() {
    let (_server, http) = server_with(&[]);
    for (half, body) in [
        ("GET /readyz HTTP/1.1\r\nHo", 400),
        ("POST /lobby HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 9\r\n\r\nhalf", 400),
    ] {
        let mut client = Peer::connect(http);
        client.send_raw(half.as_bytes());
        client.half_close();
        Answer::expect(&mut client, body);
        client.expect_end();
    }
    // A whole request is answered though nothing can follow it.
    let mut client = Peer::connect(http);
    client.send_raw(get("/readyz").as_bytes());
    client.half_close();
    Answer::expect(&mut client, 200);
    client.expect_end();
}

/// Answers that are longer than all buffers on the way reach a client that reads them late.
#[test]
fn long_answers_wait_for_their_reader() {
    const PAGES: usize = 200; // some 8 MB
    let (_server, http) = server_with(&[]);
    let mut client = Peer::connect_narrow(http, 4096);
    client.send_raw(get("/").repeat(PAGES).as_bytes());
    for _ in 0..PAGES {
        let page = Answer::expect(&mut client, 200);
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{} bytes", page.len());
    }
}

#[test]
fn client_that_reads_no_answer_is_cut() {
    let (server, http) = server_with(&["--write-timeout", "200ms", "--log-level", "debug"]);
    let client = Peer::connect_narrow(http, 4096);
    let mut writer = client.again();
    writer.send_raw(get("/").repeat(200).as_bytes());
    server.wait_for_log(&format!("(http, {}) closed: slow reader", client.name));
}

#[test]
fn post_over_rate_limit_says_nothing() {
    let (server, http) = server_with(&["--rate", "1", "--burst", "10"]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut client = Peer::connect(http);
    let lines = |count: usize| post("/lobby?name=ci", &"hi\n".repeat(count));
    client.send_raw(lines(10).as_bytes());
    assert_eq!(Answer::expect(&mut client, 200), "said 10\n");
    client.send_raw(lines(9).as_bytes());
    let answer = Answer::of(&mut client);
    let seconds = answer.head.lines().find_map(|line| line.strip_prefix("Retry-After: ")).unwrap().trim_end();
    assert_eq!((answer.status, (5..=9).contains(&seconds.parse().unwrap())), (429, true), "{}", answer.head);
    client.send_raw(lines(11).as_bytes());
    assert!(Answer::expect(&mut client, 400).starts_with("11 lines are more than --burst, 10"));
    (0..10).for_each(|_| assert!(alice.line().ends_with("]ci: hi")));
    alice.expect_nothing();
}

/// Bytes behind the request for a WebSocket, in the same read, belong to the session.
#[test]
fn frame_behind_upgrade_belongs_to_session() {
    let (server, http) = server_with(&[]);
    let mut alice = Peer::enter_quiet(server.text);
    let mut client = Peer::connect(http);
    let object = br#"{"Act":"say","Name":"ann","Visit":true,"Data":"by frame"}"#;
    // A final text frame, masked with zeros.
    let frame = [&[0x81, 0x80 | u8::try_from(object.len()).unwrap(), 0, 0, 0, 0], &object[..]].concat();
    let upgrade = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.send_raw(&[get("/readyz").as_bytes(), upgrade.as_bytes(), &frame].concat());
    Answer::expect(&mut client, 200);
    let answer = Answer::of(&mut client);
    assert!(answer.status == 101 && answer.head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{}", answer.head);
    alice.skip_until(|line| line.ends_with("]ann: by frame"));
}

#[test]
fn full_server_answers_503() {
    let (server, http) = server_with(&["--max-clients", "1"]);
    let _alice = Peer::enter(server.text);
    let mut client = Peer::connect(http);
    let answer = Answer::of(&mut client);
    assert_eq!((answer.status, &answer.body[..]), (503, &b"Parlor is full (1 here), try again later\n"[..]));
    assert!(answer.head.contains("\r\nRetry-After: 10\r\n"), "{}", answer.head);
    client.expect_end();
}

/// A connection is silent until its first whole request.
#[test]
fn connection_is_silent_until_its_request() {
    let (server, http) = server_with(&["--max-silent", "1"]);
    let mut first = Peer::connect(http);
    let half = get("/readyz");
    first.send_raw(&half.as_bytes()[..10]);
    server.wait_until_read(&first);
    let mut second = Peer::connect(http);
    Answer::expect(&mut second, 503);
    first.send_raw(&half.as_bytes()[10..]);
    Answer::expect(&mut first, 200);
    let mut third = Peer::connect(http);
    third.send_raw(half.as_bytes());
    Answer::expect(&mut third, 200);
    let mut program = Peer::connect(server.json);
    program.send(HELLO);
    program.json_fence();
}
