//! The log, as an operator reads it while strangers do their worst: of a flood the beginning and a
//! count, and nothing of what people say.
//!
//! The log of a program that uses the library is tested by a second run of this test binary, of
//! one test only, which finds its part in [`PART`].

#![allow(clippy::print_stdout, reason = "a program tells the test that has started it what it is at")]

mod standard_error;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, Peer, TestServer, wait_for};
use parlor::{Config, Listen, Server, Wire};
use serde_json::json;

/// Set in a program that a test has started: then the test of that name is the program.
const PART: &str = "TEST_PROGRAM";

/// Lines of one cause in a second, as the log allows them.
const LINES: usize = 20;

/// How many lines of the log have `words`, and how many more it says there were.
fn told(log: &str, words: &str) -> (usize, usize) {
    let (mut lines, mut more) = (0, 0);
    for line in log.lines().filter(|line| line.contains(words)) {
        match line.split_once(" more like it: ").and_then(|(head, _)| head.rsplit_once("and ")) {
            Some((_, count)) => more += count.parse::<usize>().unwrap(),
            None => lines += 1,
        }
    }
    (lines, more)
}

/// Waits until the log has told of `count` events, and sees that it did so in few lines.
fn expect_few_lines(server: &TestServer, words: &str, count: usize, began: Instant) {
    let all = || {
        let (lines, more) = told(&server.log(), words);
        (lines + more == count).then_some(lines)
    };
    let lines = wait_for(all, || format!("{count} times {words:?} in the log:\n{}", server.log()));
    let seconds = began.elapsed().as_secs() as usize + 2;
    assert!(lines <= LINES * seconds, "{lines} lines in {seconds} s:\n{}", server.log());
}

#[test]
fn log_flooded_by_broken_frames_stays_short() {
    let server = TestServer::new();
    let began = Instant::now();
    for _ in 0..300 {
        let mut peer = Peer::connect(server.frame);
        peer.send_raw(&[255; 8]);
    }
    expect_few_lines(&server, "closed: malformed input: a frame longer than --max-frame", 300, began);
    // Another cause is not silenced by it, and a stop tells of everybody.
    Peer::enter(server.text).leave();
    server.wait_for_log("closed: peer closed");
    let peers: Vec<Peer> = (0..50).map(|_| Peer::enter(server.text)).collect();
    let log = server.stop();
    assert_eq!(told(&log, ") closed: server stopping"), (50, 0), "{log}");
    assert_eq!(told(&log, "handler done."), (50, 0), "{log}");
    drop(peers);
}

#[test]
fn log_flooded_by_refusals_stays_short() {
    let server = TestServer::with(&["--max-clients", "1"]);
    let _alice = Peer::enter(server.text);
    let began = Instant::now();
    for _ in 0..300 {
        Peer::connect(server.text).expect("!!! Parlor is full (1 here), try again later");
    }
    expect_few_lines(&server, "turned a caller away", 300, began);
}

/// The first lines have long been written when the flood goes on, and nothing else happens.
#[test]
fn log_count_is_written_without_further_lines() {
    let server = TestServer::with(&["--max-clients", "1", "--idle", "0"]);
    let _alice = Peer::enter(server.text);
    let refused = |callers| {
        for _ in 0..callers {
            Peer::connect(server.text).expect("!!! Parlor is full (1 here), try again later");
        }
    };
    let began = Instant::now();
    refused(LINES);
    expect_few_lines(&server, "turned a caller away", LINES, began);
    refused(10);
    expect_few_lines(&server, "turned a caller away", LINES + 10, began);
}

/// A count of suppressed lines that is not written yet when the server stops is written then.
#[test]
fn stop_writes_pending_count() {
    let server = TestServer::new();
    // All of it in less than a second, after which it would be told anyway.
    for _ in 0..LINES + 10 {
        Peer::enter(server.text).leave();
    }
    let mut last = Peer::enter(server.text);
    last.wait_for_members(1);
    last.leave();
    let log = server.stop();
    let (lines, more) = told(&log, ") closed: peer closed");
    assert_eq!(lines + more, LINES + 11, "{log}");
}

/// A count that becomes due while the last lines are written (a second after the first line of a flood) is not
/// lost. In some of these servers it becomes due just then.
#[test]
fn log_end_keeps_due_count() {
    thread::scope(|scope| {
        for late in 0..24 {
            scope.spawn(move || {
                let server = TestServer::new();
                let mut first = None;
                for _ in 0..LINES + 10 {
                    Peer::enter(server.text).leave();
                    first.get_or_insert_with(Instant::now);
                }
                let mut last = Peer::enter(server.text);
                last.wait_for_members(1);
                last.leave();
                let stop_at = first.unwrap() + Duration::from_micros(980_000 + 1_000 * late);
                thread::sleep(stop_at.saturating_duration_since(Instant::now()));
                let log = server.stop();
                let (lines, more) = told(&log, ") closed: peer closed");
                assert_eq!(lines + more, LINES + 11, "{log}");
            });
        }
    });
}

#[test]
fn log_never_holds_chat_text() {
    let server = TestServer::with(&["--log-level", "debug", "--max-line", "200"]);
    let mut alice = Peer::enter(server.text);
    for line in [
        "s3cret",
        "/me s3cret",
        "/topic s3cret",
        "/away s3cret",
        "/msg nobody s3cret",
        "/nick s3cret!",
        "/join s3cret!",
        "/s3cret s3cret",
        "/s3cret\u{1b}[2J",
        &"s3cret".repeat(100),
    ] {
        alice.send(line);
    }
    alice.send_raw(b"s3cret \xff\xfe \x1b[2J\r\n");
    alice.fence();
    alice.send("/quit s3cret");
    alice.read_to_end();
    let mut gopher = Peer::connect(server.relay);
    let _ = gopher.stream.write_all(&b"s3cret".repeat(20_000)); // a line too long
    let mut carol = Peer::connect(server.json);
    carol.ask(&json!({"Act": "say", "Data": "s3cret"}));
    carol.ask(&json!({"Act": "s3cret", "Data": "s3cret", "Ref": "s3cret"}));
    carol.send("{\"s3cret\"");
    carol.json_fence();
    carol.send_raw(&b"s3cret".repeat(20_000));
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(100, b"s3cret");
    dave.send_frame(77, b"s3cret");
    dave.frame_fence();
    dave.send_raw(b"s3crets3cret");
    Peer::connect(server.text).send("GET /s3cret HTTP/1.1");
    for peer in [gopher, carol, dave] {
        drop(peer);
    }
    server.wait_for_log("closed: spoke HTTP on this door");
    let log = server.stop();
    assert!(log.contains("closed: quit") && log.contains("DEBUG"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    assert!(log.lines().all(is_a_line_of_the_log), "{log}");
}

/// Whatever a session does in its life, the log has one line of it, which is its end: nobody fills the log
/// without coming again, and that is counted for the cause.
#[test]
fn session_of_any_kind_logs_one_line() {
    let server = TestServer::with(&["--rate", "0"]);
    let mut gopher = Peer::connect(server.relay);
    let mut alice = Peer::enter(server.text);
    for n in 0..200 {
        for line in [format!("rename|alice{n}"), format!("/join room{}", n % 8), "/nick me!".into(), "/x".into()] {
            alice.send(&line);
        }
        alice.send_raw(b"\xff\x1b[2J\xff\xf6\r\n");
        gopher.send("rubbish \u{1b}[2J");
    }
    alice.fence();
    let mut carol = Peer::connect(server.json);
    let mut dave = Peer::connect(server.frame);
    for n in 0..200 {
        carol.send("{broken");
        carol.ask(&json!({"Act": "rename", "Name": format!("carol{n}")}));
        carol.ask(&json!({"Act": "nothing of ours"}));
        dave.send_frame(77, b"nobody's route");
    }
    carol.json_fence();
    dave.frame_fence();
    let peers = [gopher, alice, carol, dave];
    let addresses = peers.each_ref().map(|peer| peer.stream.local_addr().unwrap().to_string());
    drop(peers);
    for address in &addresses {
        server.wait_for_log(&format!("{address}) closed"));
    }
    let log = server.stop();
    for address in &addresses {
        let lines = log.lines().filter(|line| line.contains(&format!(", {address})"))).count();
        assert_eq!(lines, 1, "{address} in:\n{log}");
    }
    assert!(log.lines().count() < 20, "{log}");
}

/// It begins with the time and a level, and nothing in it acts on a terminal.
fn is_a_line_of_the_log(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let time = words.next().is_some_and(|word| word.len() == "2026-01-31T23:59:59.999Z".len() && word.ends_with('Z'));
    let level = words.next().is_some_and(|word| ["ERROR", "WARN", "INFO", "DEBUG"].contains(&word));
    time && level && !line.contains(|c: char| c.is_control() || c == '\u{202e}')
}

/// Starts the test of this name as a program; `None` where this is it.
fn program(name: &str) -> Option<Child> {
    if std::env::var_os(PART).is_some_and(|part| *part == *name) {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let (_crate, module) = module_path!().split_once("::").unwrap();
    command.args([&format!("{module}::{name}"), "--exact", "--nocapture"]);
    command.env(PART, name).env_remove("RUST_LOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command.spawn().unwrap())
}

/// The rest of the first line of its standard output that begins with `words`. (The test harness says
/// something there as well, without an end of line.)
fn said_by(program: &mut Child, words: &str) -> String {
    let mut stdout = BufReader::new(program.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the program has not said {words:?}");
        if let Some((_, said)) = line.trim_end().split_once(words) {
            program.stdout = Some(stdout.into_inner());
            return said.to_owned();
        }
    }
}

/// Whatever a peer sends, a program that logs it has one line of it, in which nothing acts on the
/// operator's terminal or looks like another line.
#[test]
fn program_log_escapes_what_peers_send() {
    let Some(mut program) = program("program_log_escapes_what_peers_send") else {
        let log = parlor::server::log::start(None).unwrap();
        let door = Listen::required(Wire::Frame, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let server = Server::bind(&Config { listen: vec![door], ..Config::default() }).unwrap();
        let server = server.on_route(1, |caller, data| {
            log::info!("a device says {}", String::from_utf8_lossy(data));
            caller.reply(data);
        });
        let server = server.spawn().unwrap();
        println!("door={}", server.addresses()[0].1);
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        server.stop();
        server.join().unwrap();
        return log.finish(DEADLINE);
    };
    let door = said_by(&mut program, "door=").parse().unwrap();
    let forged = "hi\r\n2026-01-31T23:59:59.999Z INFO  All done.\n";
    let colour = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\0\u{7f}\u{8}";
    let turned = "\u{202e}drow\u{2066}\u{2028}line";
    let mut device = Peer::connect(door);
    for said in [forged, colour, turned] {
        device.send_frame(1, said.as_bytes());
        device.expect_frame(1, said.as_bytes());
    }
    let all: Vec<u8> = (0..=255).collect();
    device.send_frame(1, &all);
    device.expect_frame(1, &all);
    device.leave();
    let output = program.wait_with_output().unwrap(); // its input ends, and it with it
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("a device says ")).collect();
    assert_eq!(lines.len(), 4, "{log}");
    assert!(lines[0].ends_with(r"a device says hi\r\n2026-01-31T23:59:59.999Z INFO  All done.\n"), "{log}");
    assert!(lines[1].ends_with(r"a device says \u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{0}\u{7f}\u{8}"), "{log}");
    assert!(lines[2].ends_with(r"a device says \u{202e}drow\u{2066}\u{2028}line"), "{log}");
    assert!(log.lines().all(is_a_line_of_the_log), "{log}");
}

/// Nothing ends a thread: a stop waits for a handler that blocks, and says for which.
#[test]
fn blocking_handler_is_named_at_stop() {
    let Some(mut program) = program("blocking_handler_is_named_at_stop") else {
        let log = parlor::server::log::start(None).unwrap();
        let door = Listen::required(Wire::Frame, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let config = Config { listen: vec![door], drain: Duration::from_millis(200), ..Config::default() };
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let server = Server::bind(&config).unwrap().on_route(7, move |_, _| {
            println!("blocks=now");
            let _ = held.lock().unwrap().recv();
        });
        let server = server.spawn().unwrap();
        println!("door={}", server.addresses()[0].1);
        std::io::stdin().read_exact(&mut [0]).unwrap();
        server.stop();
        std::io::stdin().read_exact(&mut [0]).unwrap();
        drop(let_go);
        server.join().unwrap();
        log::info!("joined");
        return log.finish(DEADLINE);
    };
    let door = said_by(&mut program, "door=").parse().unwrap();
    let mut device = Peer::connect(door);
    device.send_frame(7, b"x");
    said_by(&mut program, "blocks=");
    let mut stdin = program.stdin.take().unwrap();
    stdin.write_all(b"s").unwrap();
    let mut log = BufReader::new(program.stderr.take().unwrap()).lines();
    let named = log.find(|line| line.as_ref().unwrap().contains("has not returned")).unwrap().unwrap();
    assert!(named.contains(": the handler of route 7 has not returned; the stop waits for it"), "{named}");
    stdin.write_all(b"e").unwrap();
    assert!(log.any(|line| line.unwrap().ends_with("joined")));
    assert!(program.wait().unwrap().success());
}

/// The log is not read for a while. The server goes on, and lines that do not fit are dropped. When the log is
/// read again, it tells how many lines are missing.
#[test]
fn lines_that_were_dropped_are_counted() {
    const SAID: usize = 20_000; // the queue and the pipe take some 10,000
    let Some(mut program) = program("lines_that_were_dropped_are_counted") else {
        let log = parlor::server::log::start(None).unwrap();
        for number in 0..SAID {
            log::info!(target: "parlor::stop", "line {number}."); // of a stop's lines all are written
        }
        println!("said=all");
        return log.finish(DEADLINE);
    };
    assert_eq!(said_by(&mut program, "said="), "all");
    let output = program.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let (mut written, mut dropped) = (0, 0);
    for line in log.lines() {
        if let Some(rest) = line.strip_prefix("parlor: ") {
            let count = rest.strip_suffix(" log lines were dropped, standard error was too slow");
            dropped += count.unwrap_or_else(|| panic!("{line}")).parse::<usize>().unwrap();
        } else {
            assert!(is_a_line_of_the_log(line) && line.contains(" line "), "{line}");
            written += 1;
        }
    }
    assert!(dropped > 0, "nothing was dropped, so nothing was tested");
    assert_eq!(written + dropped, SAID);
}
