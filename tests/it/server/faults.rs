//! Faults of peers and of the machine: each ends in a clear answer, and nobody else is hurt.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::OFlags;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::{DOORS, House, Movements, Peer, wait_for};

/// Two of them chat, so the room goes on.
#[track_caller]
fn chat(alice: &mut Peer, bob: &mut Peer) {
    for (from, to) in [(0, 1), (1, 0)] {
        let pair = [&mut *alice, &mut *bob];
        pair[from].send("still here");
        let wanted = format!("[{0}]{0}: still here", pair[from].name);
        for peer in [from, to] {
            pair[peer].skip_until(|line| line == wanted);
        }
    }
}

/// The binary itself, with doors on free ports, started by a shell script that ends in `exec`.
fn house_by(script: &str, first: &str) -> House {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_parlor"), first]);
    command.args(DOORS).args(["--rate", "0"]);
    House::start(command)
}

#[test]
fn a_reset_in_mid_line_is_a_leaving_and_the_line_is_not_said() {
    for said in ["hal", "one\nhal", "\u{1b}\u{1b}", "\u{20ac}"] {
        let house = House::new();
        let mut alice = Peer::enter(house.text);
        let mut bob = Peer::enter(house.text);
        alice.expect(&format!("[{0}]{0}: login", bob.name));
        // Cut within the last character, too.
        bob.send_raw(&said.as_bytes()[..said.len() - 1]);
        house.wait_until_read(&bob);
        let name = bob.name.clone();
        bob.reset();
        if said.contains('\n') {
            alice.expect(&format!("[{name}]{name}: one"));
        }
        alice.expect(&format!("[{name}]{name}: login out"));
        alice.expect_nothing();
        drop(alice);
        let log = house.stop();
        assert_eq!(log.matches(") closed: read failed").count(), 1, "{log}");
    }
}

#[test]
fn two_thousand_come_and_go_and_leave_nothing_behind() {
    let house = House::new();
    let mut witness = Peer::enter(house.text);
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    let (threads, descriptors) = (house.status("Threads"), house.descriptors());
    for count in 0..2000 {
        // Of one that sends nothing nobody hears.
        let caller = if count % 4 == 3 { Peer::connect(house.relay) } else { Peer::enter(house.text) };
        if count % 2 == 0 {
            caller.reset();
        }
        if count % 200 == 0 {
            chat(&mut alice, &mut bob);
        }
    }
    let as_before = || (house.status("Threads") == threads && house.descriptors() == descriptors).then_some(());
    wait_for(as_before, || format!("{} threads, {} descriptors", house.status("Threads"), house.descriptors()));
    chat(&mut alice, &mut bob);
    // What is told in one line is told two seconds late.
    let mut moved = Movements::default();
    let all_told = || {
        witness.fence().iter().for_each(|line| _ = moved.count(line));
        (moved.came > 1000 && moved.came == moved.left + 2).then_some(())
    };
    wait_for(all_told, || "as many to have left as came, but for the two who chat".to_owned());
    witness.send("who");
    witness.expect("user list:");
    witness.expect("{me}:{me}");
    for peer in [&alice, &bob] {
        witness.expect(&format!("{0}:{0}", peer.name));
    }
    witness.expect_nothing();
}

/// A script that says a line and closes without reading is found out by the first line that cannot be
/// sent to it, often before its own has been looked at. That one counts all the same.
#[test]
fn what_was_said_before_a_reset_is_heard() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    for number in 0..60 {
        let mut script = Peer::connect(house.text);
        script.send(&format!("built #{number}"));
        script.reset();
        alice.skip_until(|line| line.ends_with(&format!(": built #{number}")));
    }
}

/// A close over input that nobody has read is a reset, and the reset eats what was said last.
#[test]
fn a_goodbye_is_not_eaten_by_what_comes_behind_it() {
    let house = House::new();
    for behind in [0, 10, 600] {
        let mut bob = Peer::enter(house.text);
        bob.send_raw(format!("/quit\n{}", format!("{}\n", "x".repeat(99)).repeat(behind)).as_bytes());
        // He looks only when it is all over.
        house.wait_for_log(&format!("(text, {}) closed: quit", bob.name));
        bob.expect("*** Goodbye");
        bob.expect_end();
    }
}

/// Whose cable was pulled says no end and acknowledges nothing, so the server's own end cannot be waited
/// for either. His silence is what ends him, then his place is free; the kernel alone would wait twice the
/// write time-out for what it has sent him.
#[test]
fn who_has_vanished_is_idle_and_his_place_is_free_soon_after() {
    let house = House::with(&["--idle", "3s", "--write-timeout", "1h"]);
    let mut alice = Peer::enter(house.text);
    alice.send("/stay");
    alice.expect("*** You may stay silent. /quit leaves");
    let before = (house.status("Threads"), house.descriptors());
    let bob = Peer::enter(house.text);
    let name = bob.name.clone();
    let gone = bob.vanish();
    alice.send("are you there?");
    alice.skip_until(|line| line == format!("[{name}]{name}: time out leave out"));
    house.wait_for_log(&format!("(text, {name}) closed: idle for 3 s"));
    let is_free = || ((house.status("Threads"), house.descriptors()) == before).then_some(());
    wait_for(is_free, || format!("the threads and the descriptor of {name} to be free"));
    drop(gone);
    alice.expect_nothing();
}

/// Some clients (nc) take an error of a write for the end and read no more, so who talks on after it
/// was told to go is listened to as long as a goodbye takes: much more than the kernel has room for.
/// On a busy machine that second can be too short, but not each time.
#[test]
fn who_talks_on_at_the_end_is_not_reset() {
    let house = House::new();
    let more = format!("{}\n", "x".repeat(99)).repeat(120_000);
    let written = (0..10).any(|_| {
        let mut bob = Peer::enter(house.text);
        bob.send("/quit");
        bob.stream.write_all(more.as_bytes()).is_ok()
    });
    assert!(written, "{}", house.log());
}

/// Two connections to two doors may have one local address, by chance or on purpose. Then what was
/// written to the person of that name went to the other, and after the other had left, to nobody:
/// "Nobody here is called 127.0.0.1:33233. Did you mean 127.0.0.1:33233?"
#[test]
fn a_caller_at_another_door_cannot_take_over_an_address() {
    let house = House::new();
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::connect_from(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0)), house.text);
    bob.fence();
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let mallory = Peer::connect_from(bob.stream.local_addr().unwrap(), house.relay);
    alice.skip_until(|line| line.ends_with(": login"));
    bob.fence();
    for words in ["while both are here", "when one has left"] {
        alice.send(&format!("/msg {} {words}", bob.name));
        alice.expect(&format!(">>> to {}: {words}", bob.name));
        bob.expect(&format!(">>> {}: {words}", alice.name));
        let _ = mallory.stream.shutdown(Shutdown::Both);
        if words.starts_with("while") {
            alice.skip_until(|line| line.ends_with(": login out"));
            bob.fence();
        }
    }
}

#[test]
fn lines_may_come_byte_by_byte_from_many() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    let mut crowd: Vec<Peer> = (0..10).map(|_| Peer::enter(house.text)).collect();
    for byte in "häuser, 家 and 🏠\n".as_bytes() {
        for peer in &mut crowd {
            peer.send_raw(&[*byte]);
        }
    }
    for _ in &crowd {
        let line = alice.line();
        assert!(line.ends_with(": häuser, 家 and 🏠"), "{line}");
    }
    alice.expect_nothing();
}

/// Without rate limits, each is answered and told to the others.
#[test]
fn ten_thousand_renames_are_ten_thousand_answers() {
    const TIMES: usize = 10_000;
    let house = House::new();
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    alice.expect(&format!("[{0}]{0}: login", bob.name));
    let before = house.status("VmRSS");
    let mut mouth = bob.stream.try_clone().unwrap();
    let mut names = vec![bob.name.clone()];
    thread::scope(|scope| {
        scope.spawn(move || {
            let script: String = (0..TIMES).map(|n| format!("rename|name{n}\n")).collect();
            std::io::Write::write_all(&mut mouth, script.as_bytes()).unwrap();
        });
        for n in 0..TIMES {
            bob.expect("rename ok");
            names.push(format!("name{n}"));
        }
    });
    for pair in names.windows(2) {
        alice.expect(&format!("*** {} is now {}", pair[0], pair[1]));
    }
    alice.expect_nothing();
    let after = house.status("VmHWM");
    assert!(after < before + 8 * 1024, "memory grew from {before} to up to {after} KiB");
    // Only the last of the names is taken.
    alice.send("rename|name1");
    alice.expect("rename ok");
    let last = &names[names.len() - 1];
    alice.send(&format!("rename|{last}"));
    alice.expect(&format!("!!! {last} is taken. Free: {last}2, {last}_, {last}7"));
}

/// With no descriptor left, callers are told so, the room goes on, and when there are some again
/// people come in again.
#[test]
fn without_descriptors_the_room_goes_on_and_recovers() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    let mut bob = Peer::enter(house.text);
    let pid = Pid::from_raw(house.pid().cast_signed());
    let highest = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", house.pid())).unwrap();
        open.map(|entry| entry.unwrap().file_name().to_string_lossy().parse::<u64>().unwrap()).max().unwrap()
    };
    let mut fillers = Vec::new();
    while highest() + 1 > house.descriptors() as u64 {
        fillers.push(Peer::enter(house.text)); // takes a number that has come free
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", house.pid())).unwrap();
    let hard = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let hard = hard.split_whitespace().nth(4).unwrap().parse().ok();
    let limit = |current| prlimit(pid, Resource::Nofile, Rlimit { current, maximum: hard }).unwrap();

    let descriptors = house.descriptors();
    for round in 0..3 {
        let before = limit(Some(highest() + 1));
        for _ in 0..3 {
            let mut carol = Peer::connect(house.text);
            let refusal = carol.line();
            assert!(refusal.starts_with("!!! Parlor is busy"), "round {round}: {refusal}");
            carol.expect_end();
            chat(&mut alice, &mut bob);
        }
        house.wait_for_log("cannot accept: ");
        limit(before.current);
        let mut dave = Peer::enter(house.text);
        chat(&mut alice, &mut dave);
        dave.leave();
        wait_for(|| (house.descriptors() == descriptors).then_some(()), || "dave's descriptor to come free".into());
    }
    let log = house.wait_for_log("accepting again after ");
    assert_eq!(log.matches("cannot accept: ").count(), 3, "once for each time:\n{log}");
    alice.expect_nothing();
}

/// A stop needs no descriptor.
#[test]
fn a_stop_works_without_descriptors() {
    let mut house = House::new();
    let mut alice = Peer::enter(house.text);
    let pid = Pid::from_raw(house.pid().cast_signed());
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    let _waiting: Vec<Peer> = (0..3).map(|_| Peer::connect(house.text)).collect();
    house.wait_for_log("cannot accept: ");
    house.signal("TERM");
    alice.expect("*** The server is stopping. Goodbye");
    alice.expect_end();
    assert_eq!(house.wait().code(), Some(0));
}

#[test]
fn invalid_utf8_may_be_split_anywhere() {
    let said = b"caf\xe9 \xf0\x9f\x98 \xe2\x82\xac \xf0\x9f\x8f\xa0 \xed\xa0\x80 \xc0\xaf \xc3\n";
    let shown = String::from_utf8_lossy(&said[..said.len() - 1]);
    let house = House::with(&["--idle", "0"]); // all the cuts take a busy machine longer than that
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    alice.fence();
    for cut in 1..said.len() {
        bob.send_raw(&said[..cut]);
        house.wait_until_read(&bob);
        bob.send_raw(&said[cut..]);
        bob.expect(&format!("[{{me}}]{{me}}: {shown}"));
        if cut == 1 {
            bob.expect("*** Some of your bytes are not UTF-8: others see \u{fffd} in their place");
        }
        alice.expect(&format!("[{0}]{0}: {shown}", bob.name));
    }
}

/// Programs at the wrong door, at once and in pieces: each is answered in its own protocol, and
/// the end of the connection does not eat the answer.
#[test]
fn other_protocols_are_answered_and_closed() {
    let house = House::new();
    let mut alice = Peer::enter_quiet(house.text);
    let page = format!("Come in by: nc 127.0.0.1 {}\n", house.text.port());
    let House { relay, json, frame, .. } = &house;
    let doors = format!(
        "!!! This is the text door. Frames: {frame}, JSON: {json}, 
!!!     Relay: {relay}
"
    );
    let asked: [(&[u8], &[u8]); 6] = [
        (b"GET / HTTP/1.1\r\nHost: parlor\r\nUser-Agent: curl\r\n\r\n", page.as_bytes()),
        (b"POST /chat HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", page.as_bytes()),
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03rest of a hello", b"\x15\x03\x01\x00\x02\x02\x46"),
        (b"\x00\x1d{\"Act\":\"heartbeat\",\"Data\":\"\"}", doors.as_bytes()),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00", doors.as_bytes()),
        (b"abcdefg\x00", doors.as_bytes()),
    ];
    for (said, answer) in asked {
        for cut in [0, 1, 5] {
            let mut caller = Peer::connect(house.text);
            caller.place = format!("{:?} cut at {cut}: ", String::from_utf8_lossy(said));
            caller.send_raw(&said[..cut]);
            if cut > 0 {
                house.wait_until_read(&caller);
            }
            caller.send_raw(&said[cut..]);
            let heard = caller.read_to_end();
            if !heard.ends_with(answer) {
                caller.fail(&format!("wanted it to end in {:?}", String::from_utf8_lossy(answer)));
            }
        }
    }
    // Whoever was greeted before it spoke has also gone; the room is as it was.
    alice.fence();
    alice.send("who");
    alice.skip_until(|line| line == "user list:");
    alice.expect("{me}:{me}");
    alice.expect_nothing();
    let log = house.stop();
    for (wanted, count) in [("spoke HTTP on this door", 6), ("spoke TLS on this door", 3), ("spoke binary data on", 9)]
    {
        assert_eq!(log.matches(wanted).count(), count, "{wanted}:\n{log}");
    }
}

#[test]
fn nobody_needs_standard_error() {
    for script in ["exec \"$0\" \"$@\" 2>&-", "exec \"$0\" \"$@\" 2>/dev/full"] {
        let mut house = house_by(script, "--log-level=debug");
        let mut alice = Peer::enter(house.text);
        let mut bob = Peer::enter(house.text);
        for _ in 0..50 {
            Peer::enter(house.text).leave();
        }
        chat(&mut alice, &mut bob);
        house.signal("TERM");
        bob.skip_until(|line| line == "*** The server is stopping. Goodbye");
        bob.expect_end();
        drop(alice);
        assert_eq!(house.wait().code(), Some(0), "{script}");
    }
}

/// The pipe is full before the first line, and nobody reads it. (What becomes of the lines when somebody
/// does: `log.rs`.)
#[test]
fn nobody_waits_for_who_reads_the_log() {
    let pipe = std::env::temp_dir().join(format!("parlor-log-{}", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut unread = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    // Without waiting, for this description of the pipe only, which is not the server's.
    rustix::fs::fcntl_setfl(&unread, OFlags::NONBLOCK).unwrap();
    let mut filled = 0;
    let full = loop {
        match unread.write(&[b'\n'; 4096]) {
            Ok(count) => filled += count,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    let script = format!("exec \"$0\" \"$@\" 2>{}", pipe.display());
    let mut house = house_by(&script, "--log-level=info");
    let mut alice = Peer::enter(house.text);
    let mut bob = Peer::enter(house.text);
    for _ in 0..10_000 {
        drop(Peer::connect(house.relay)); // each is a line of some 80 bytes in the log
    }
    chat(&mut alice, &mut bob);
    house.signal("TERM");
    bob.skip_until(|line| line == "*** The server is stopping. Goodbye");
    bob.expect_end();
    drop(alice);
    assert_eq!(house.wait().code(), Some(0));
    let mut log = Vec::new();
    let _ = unread.read_to_end(&mut log); // as much as there is, and then that it would wait
    assert_eq!(log.len(), filled, "the log got through: nothing was tested");
    std::fs::remove_file(&pipe).unwrap();
}

/// Runs `parlor` with these flags, which must end by itself; its exit code and what it complains of.
fn complaint(flags: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlor"));
    command.env_remove("RUST_LOG").args(flags).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let status = wait_for(|| child.try_wait().unwrap(), || format!("the end of parlor {flags:?}"));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    (status.code(), words)
}

#[test]
fn a_start_that_cannot_work_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("text://{}", taken.local_addr().unwrap());
    for (code, wanted, flags) in [
        (1, "Another program has that port", ["--listen", &taken].as_slice()),
        (1, "Another program has that port", &["--listen", "relay://127.0.0.1:0", "--listen", &taken]),
        (1, "This machine does not have that address", &["--listen", "text://192.0.2.1:0"]),
        (2, "write it like text://127.0.0.1:8000", &["--listen", "8000"]),
        (2, "no scheme \"http\"", &["--listen", "http://127.0.0.1:80"]),
        (2, "are one address", &["--listen", "text://127.0.0.1:7", "--listen", "relay://127.0.0.1:7"]),
        (2, "unexpected argument", &["--lisen", "text://127.0.0.1:0"]),
        (2, "write a time like 30", &["--idle", "soon"]),
        (2, "it must be more than 0", &["--drain", "0"]),
        (2, "invalid value", &["--max-line", "1"]),
        (2, "invalid value", &["--rate", "some"]),
    ] {
        let (got, words) = complaint(flags);
        assert_eq!(got, Some(code), "{flags:?}: {words}");
        assert!(words.contains(wanted), "{flags:?}: {words}");
    }
}
