//! How a session ends: reset, vanished, or asked for; and what was said before.

use std::io::Write;

use crate::support::{Movements, Peer, TestServer, chat, wait_for};

#[test]
fn reset_in_mid_line_leaves_it_unsaid() {
    for said in ["hal", "one\nhal", "\u{1b}\u{1b}", "\u{20ac}"] {
        let server = TestServer::new();
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        alice.expect(&format!("[{0}]{0}: login", bob.name));
        // Cut within the last character, too.
        bob.send_raw(&said.as_bytes()[..said.len() - 1]);
        server.wait_until_read(&bob);
        let name = bob.name.clone();
        bob.reset();
        if said.contains('\n') {
            alice.expect(&format!("[{name}]{name}: one"));
        }
        alice.expect(&format!("[{name}]{name}: login out"));
        alice.expect_nothing();
        drop(alice);
        let log = server.stop();
        // The echo of a whole line may meet the reset before the reader does.
        let ended = log.matches(") closed: read failed").count() + log.matches(") closed: write failed").count();
        assert_eq!(ended, 1, "{log}");
    }
}

/// A script that says a line and closes without reading is found out by the first line that cannot be
/// sent to it, often before its own has been looked at. That one counts all the same.
#[test]
fn line_before_reset_is_heard() {
    let server = TestServer::new();
    let mut alice = Peer::enter_quiet(server.text);
    for number in 0..60 {
        let mut script = Peer::connect(server.text);
        script.send(&format!("built #{number}"));
        script.reset();
        alice.skip_until(|line| line.ends_with(&format!(": built #{number}")));
    }
}

/// A close over input that nobody has read is a reset, and the reset eats what was said last.
#[test]
fn goodbye_survives_unread_input() {
    let server = TestServer::new();
    for behind in [0, 10, 600] {
        let mut bob = Peer::enter(server.text);
        bob.send_raw(format!("/quit\n{}", format!("{}\n", "x".repeat(99)).repeat(behind)).as_bytes());
        // He looks only when it is all over.
        server.wait_for_log(&format!("(text, {}) closed: quit", bob.name));
        bob.expect("*** Goodbye");
        bob.expect_end();
    }
}

/// Some clients (nc) take a failed write for the end and read no more. So the input of a session that talks on
/// after its goodbye is discarded for a second: much more than the kernel has room for.
/// On a busy machine that second can be too short, but not each time.
#[test]
fn talker_at_its_end_is_not_reset() {
    let server = TestServer::new();
    let more = format!("{}\n", "x".repeat(99)).repeat(120_000);
    let written = (0..10).any(|_| {
        let mut bob = Peer::enter(server.text);
        bob.send("/quit");
        bob.stream.write_all(more.as_bytes()).is_ok()
    });
    assert!(written, "{}", server.log());
}

mod exhaustive {
    use super::*;

    #[test]
    fn two_thousand_visits_leave_nothing_behind() {
        let server = TestServer::new();
        let mut witness = Peer::enter(server.text);
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        let (threads, descriptors) = (server.status("Threads"), server.descriptors());
        for count in 0..2000 {
            // Of one that sends nothing nobody hears.
            let caller = if count % 4 == 3 { Peer::connect(server.relay) } else { Peer::enter(server.text) };
            if count % 2 == 0 {
                caller.reset();
            }
            if count % 200 == 0 {
                chat(&mut alice, &mut bob);
            }
        }
        let as_before = || (server.status("Threads") == threads && server.descriptors() == descriptors).then_some(());
        wait_for(as_before, || format!("{} threads, {} descriptors", server.status("Threads"), server.descriptors()));
        chat(&mut alice, &mut bob);
        // A join summary comes two seconds late.
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

    /// Whose cable was pulled says no end and acknowledges nothing, so the server's own end cannot be waited
    /// for either. His silence is what ends him, then his place is free; the kernel alone would wait twice the
    /// write time-out for what it has sent him.
    #[test]
    fn vanished_peer_times_out_and_frees_slot() {
        let server = TestServer::with(&["--idle", "3s", "--write-timeout", "1h"]);
        let mut alice = Peer::enter(server.text);
        alice.send("/stay");
        alice.expect("*** You may stay silent. /quit leaves");
        let before = (server.status("Threads"), server.descriptors());
        let bob = Peer::enter(server.text);
        let name = bob.name.clone();
        let gone = bob.vanish();
        alice.send("are you there?");
        alice.skip_until(|line| line == format!("[{name}]{name}: time out leave out"));
        server.wait_for_log(&format!("(text, {name}) closed: idle for 3 s"));
        let is_free = || ((server.status("Threads"), server.descriptors()) == before).then_some(());
        wait_for(is_free, || format!("the threads and the descriptor of {name} to be free"));
        drop(gone);
        alice.expect_nothing();
    }
}
