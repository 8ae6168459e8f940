//! Standard error that is closed, full, or a pipe that nobody reads.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::process::Command;

use crate::support::{DOORS, GOODBYE, Peer, TestServer, chat};
use rustix::fs::OFlags;

/// The binary itself, with doors on free ports, started by a shell script that ends in `exec`.
fn by_shell(script: &str, first: &str) -> TestServer {
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_parlor"), first]);
    command.args(DOORS).args(["--rate", "0"]);
    TestServer::start(command)
}

#[test]
fn closed_standard_error_stops_nothing() {
    for script in ["exec \"$0\" \"$@\" 2>&-", "exec \"$0\" \"$@\" 2>/dev/full"] {
        let mut server = by_shell(script, "--log-level=debug");
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        for _ in 0..50 {
            Peer::enter(server.text).leave();
        }
        chat(&mut alice, &mut bob);
        server.signal("TERM");
        bob.skip_until(|line| line == GOODBYE);
        bob.expect_end();
        drop(alice);
        assert_eq!(server.wait().code(), Some(0), "{script}");
    }
}

mod exhaustive {
    use super::*;

    /// The pipe is full before the first line, and nobody reads it. (What becomes of the lines when somebody
    /// does: `log.rs`.)
    #[test]
    fn unread_log_delays_nobody() {
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
        let mut server = by_shell(&script, "--log-level=info");
        let mut alice = Peer::enter(server.text);
        let mut bob = Peer::enter(server.text);
        for _ in 0..10_000 {
            drop(Peer::connect(server.relay)); // each is a line of some 80 bytes in the log
        }
        chat(&mut alice, &mut bob);
        server.signal("TERM");
        bob.skip_until(|line| line == GOODBYE);
        bob.expect_end();
        drop(alice);
        assert_eq!(server.wait().code(), Some(0));
        let mut log = Vec::new();
        let _ = unread.read_to_end(&mut log); // as much as there is, and then that it would wait
        assert_eq!(log.len(), filled, "the log got through: nothing was tested");
        std::fs::remove_file(&pipe).unwrap();
    }
}
