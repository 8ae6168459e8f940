//! The rate limit over sockets: what it slows, what it lets through, and that no line is lost.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::recorded::{HELLO, NICE};
use crate::support::{GROWTH, Peer, TestServer};

#[test]
fn paste_of_forty_lines_passes_at_once() {
    let server = TestServer::with(&["--rate", "5", "--burst", "40"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::greeted(server.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let paste: String = (0..40).map(|n| format!("line {n}\n")).collect();
    bob.send_raw(paste.as_bytes());
    for n in 0..40 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
        bob.expect(&format!("[{{me}}]{{me}}: line {n}"));
    }
    bob.half_close();
    bob.expect_end(); // without a word about slowness
}

/// Case D5: what comes back to the asker alone is not held back as lines are.
#[test]
fn echo_and_hello_skip_line_rate() {
    let server = TestServer::with(&["--rate", "1", "--burst", "1", "--join-grace", "0"]); // the program does not join
    // Held back, the first two would be told so.
    let mut ann = Peer::enter(server.text);
    for _ in 0..900 {
        ann.send("/ping");
        ann.expect("*** pong");
    }
    let mut program = Peer::connect(server.json);
    for _ in 0..900 {
        program.send(HELLO);
        program.expect(NICE);
    }
    let mut device = Peer::connect(server.frame);
    for _ in 0..900 {
        device.send_frame(1, b"test");
        device.expect_frame(1, b"test");
    }
}

/// Case C4: what follows a rename is said under the new name, however many there are.
#[test]
fn line_after_rename_has_the_new_name() {
    let server = TestServer::with(&["--rate", "20", "--burst", "10"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::connect(server.text);
    let names = ["user1", "user2", "user3", "user4", "user5"];
    let pipe: String = names.map(|name| format!("rename|{name}\nhi from {name}\n")).concat();
    bob.send_raw(pipe.as_bytes());
    bob.half_close();
    for name in names {
        let said = alice.skip_until(|line| line.contains(": hi from "));
        assert_eq!(said, format!("[{}]{name}: hi from {name}", bob.name));
    }
    let told = String::from_utf8_lossy(&bob.read_to_end()).into_owned();
    assert_eq!(told.matches("rename ok").count(), 5, "{told}");
}

#[test]
fn throttled_talker_is_told_once() {
    let server = TestServer::with(&["--rate", "20", "--burst", "40"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::greeted(server.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let paste: String = (0..60).map(|n| format!("line {n}\n")).collect();
    bob.send_raw(paste.as_bytes());
    let mut told = Vec::new();
    for n in 0..60 {
        alice.expect(&format!("[{0}]{0}: line {n}", bob.name));
        let mut line = bob.line();
        if line.starts_with("*** ") {
            assert!(n >= 40, "told after {n} lines");
            told.push(line);
            line = bob.line();
        }
        assert_eq!(line, format!("[{0}]{0}: line {n}", bob.name));
    }
    // More at once, while the allowance has not filled again, is no news to him.
    bob.send_raw(b"a\nb\nc\n");
    for word in ["a", "b", "c"] {
        bob.expect(&format!("[{{me}}]{{me}}: {word}"));
    }
    bob.half_close();
    bob.expect_end();
    let [told] = told.as_slice() else { panic!("told {} times", told.len()) };
    let waiting = told.strip_prefix("*** Slow down: your lines are now sent at 20 a second, ").unwrap();
    let waiting: usize = waiting.strip_suffix(" wait").unwrap().parse().unwrap();
    assert!((1..=20).contains(&waiting), "{told}");
}

/// GoChat's own client, when its input ends, says its last word again and again without end.
#[test]
fn relay_flood_is_slowed_alone() {
    let server = TestServer::with(&["--rate", "5", "--burst", "40"]);
    let mut alice = Peer::enter(server.text);
    let mut bob = Peer::enter(server.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let gopher = Peer::connect(server.relay);
    let login = alice.line();
    let id = login.strip_prefix(&format!("[{}]", gopher.name)).and_then(|line| line.strip_suffix(": login")).unwrap();
    let bye = format!("[{}]{id}: bye", gopher.name);
    let before = server.status("VmRSS");
    let began = Instant::now();
    let mut heard = 0;
    thread::scope(|scope| {
        scope.spawn(|| while (&gopher.stream).write_all(&b"bye\n".repeat(1000)).is_ok() {});
        for round in 0..15 {
            for (from, to) in [(0, 1), (1, 0)] {
                let pair = [&mut alice, &mut bob];
                pair[from].send(&format!("round {round}"));
                let wanted = format!("[{0}]{0}: round {round}", pair[from].name);
                for peer in [from, to] {
                    pair[peer].skip_until(|line| {
                        assert!(line == bye || line == wanted || line.ends_with(": login"), "{line}");
                        heard += usize::from(line == bye && peer == 0);
                        let allowed = 40 + 5 * (began.elapsed().as_secs() as usize + 1);
                        assert!(heard <= allowed, "{heard} lines of the flood, at most {allowed} were to come");
                        line == wanted
                    });
                }
            }
        }
        let after = server.status("VmHWM");
        assert!(after < before + GROWTH, "memory grew from {before} to up to {after} KiB");
        gopher.stream.shutdown(std::net::Shutdown::Both).unwrap();
    });
    // It has gone; the server notices as soon as somebody says something.
    drop(gopher);
    loop {
        let line = alice.line();
        if line.ends_with(&format!("]{id}: login out")) {
            break;
        }
        if line == bye {
            alice.send("bye then");
        }
    }
}

mod exhaustive {
    use super::*;

    /// A timing mark is a request each time; an option is answered once.
    #[test]
    fn questions_of_telnet_are_a_flood_too() {
        let server = TestServer::with(&["--rate", "1", "--burst", "1", "--request-rate", "20"]);
        for (question, size) in [(b"\xff\xf6".as_slice(), 22), (b"\xff\xfd\x06", 3)] {
            let mut bob = Peer::greeted(server.text);
            let began = Instant::now();
            bob.send_raw(&b"\xff\xfd\x1f".repeat(3000)); // DO NAWS: one answer
            bob.send_raw(&question.repeat(60));
            bob.read_raw(3 + 60 * size);
            assert!(began.elapsed() >= Duration::from_millis(1900), "60 in {:?}", began.elapsed());
        }
    }

    /// Case D7: GoChat's client repeats its last word until it is killed, and megabytes of that lie in the
    /// kernels' buffers then.
    #[test]
    fn relay_flood_ends_soon_after_its_sender() {
        let server = TestServer::with(&["--rate", "5", "--burst", "40", "--idle", "0"]);
        let mut alice = Peer::enter(server.text);
        let gopher = Peer::connect(server.relay);
        let began = Instant::now();
        let flood = b"hi\n".repeat(1024 * 1024);
        (&gopher.stream).write_all(&flood).unwrap();
        gopher.stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = 0;
        loop {
            let line = alice.line();
            if line.starts_with(&format!("[{}]", gopher.name)) && line.ends_with(": login out") {
                break;
            }
            heard += usize::from(line.ends_with(": hi"));
        }
        let allowed = 40 + 5 * (began.elapsed().as_secs() as usize + 1);
        assert!((40..=allowed).contains(&heard), "{heard} lines were heard in {:?}", began.elapsed());
        alice.fence(); // and nothing comes after its end
    }

    /// Case A5: blank lines, telnet's NOP, heartbeats and what is thrown away are not free.
    #[test]
    fn input_without_effect_is_read_slowly() {
        let server = TestServer::with(&["--rate", "10", "--burst", "10", "--idle", "0", "--join-grace", "0"]);
        for (door, nothing) in [
            (server.text, b"\n".as_slice()),
            (server.text, b"\xff\xf1"),
            (server.text, b"\xff\xfa\x18x\xff\xf0"),
            (server.text, b"x"),
            (server.relay, b"\r\n"),
            (server.frame, &[0; 8]),
        ] {
            let mut peer = Peer::connect(door);
            let began = Instant::now();
            let bytes = 256 * 1024;
            peer.send_raw(&nothing.repeat(bytes / nothing.len()));
            server.wait_until_read(&peer);
            // 64 KiB may be unfinished, 10 times 4 KiB are free, and the last read is paid for later.
            let least = Duration::from_secs_f64(((bytes - (64 + 40 + 32) * 1024) / 4096) as f64 / 10.0);
            assert!(began.elapsed() >= least, "{nothing:?}: read in {:?}", began.elapsed());
        }
    }
}
