//! Messages that a program did not ask for: a handler's words to a JSON session wait for its framing,
//! and a frame client that has not taken part hears nothing but its answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use parlor::protocol::CloseReason;
use parlor::wire::Framing;
use parlor::{Config, Key, Listen, Remote, Server, Wire};

use crate::support::recorded::DOEXIT;
use crate::support::{DEADLINE, GOODBYE, Peer, TestServer};

fn server(join_grace: Duration) -> Server {
    let open = |wire| Listen::required(wire, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let listen = [Wire::Text, Wire::Json(None), Wire::Frame].map(open).to_vec();
    Server::bind(&Config { listen, rate: 0, join_grace, heartbeat: Duration::ZERO, ..Config::default() }).unwrap()
}

/// `on_open(|c| c.reply("Mind the step."))` sent a packet of `gf2` to clients of all framings.
#[test]
fn handler_data_waits_for_framing() {
    let (came, remotes) = mpsc::channel::<Remote>();
    let server = server(Duration::ZERO)
        .on_open(move |caller| {
            if caller.door() == Wire::Json(None) {
                caller.reply("Mind the step.");
                caller.send(&Key::Route(7), "more");
                came.send(caller.remote()).unwrap();
            }
        })
        .spawn()
        .unwrap();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    for framing in [Framing::Lines, Framing::Gf1, Framing::Gf2, Framing::Gf3, Framing::Gf4, Framing::Gf7] {
        let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
        let remote = remotes.recv_timeout(DEADLINE).unwrap();
        remote.send(Key::Act("news".into()), "later").unwrap();
        alice.send(&format!("/msg {} psst", carol.name));
        let from = alice.skip_until(|line| line.starts_with(">>> to "));
        assert!(from.ends_with(": psst"), "{from}");
        carol.send_packet(framing, r#"{"Act":"ping","Ref":1}"#);
        // The handler may return after its remote has been used: only its own words have an order.
        let words: Vec<String> = (0..4).map(|_| carol.next_packet(framing)).collect();
        let place = |start: &str| words.iter().position(|word| word.starts_with(start));
        let own = [r#"{"Act":"notice","Data":"Mind the step."}"#, r#"{"Act":"7","Data":"more"}"#].map(place);
        let others = [r#"{"Act":"news","Data":"later"}"#, r#"{"Act":"private","Data":"psst""#].map(place);
        assert!(own[0].is_some() && own[0] < own[1], "{words:?}");
        assert!(others[0].is_some() && others[0] < others[1], "{words:?}");
        carol.expect_packet(framing, r#"{"Act":"ping","Data":"pong","Ref":1}"#);
        remote.send(Key::Act("news".into()), "now").unwrap();
        carol.expect_packet(framing, r#"{"Act":"news","Data":"now"}"#);
    }
    server.stop();
    drop(alice);
    server.join().unwrap();
}

/// A message that cannot wait goes out in the framing of today's clients.
#[test]
fn doexit_and_goodbye_use_gf2() {
    for closes in [true, false] {
        let server = server(Duration::from_millis(1))
            .on_open(move |caller| {
                caller.reply("hi");
                if closes {
                    caller.close(CloseReason::Dismissed);
                }
            })
            .spawn()
            .unwrap();
        let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
        if closes {
            carol.expect_packet(Framing::Gf2, r#"{"Act":"notice","Data":"hi"}"#);
            carol.expect_end();
        } else {
            carol.expect_packet(Framing::Gf2, DOEXIT);
        }
        server.stop();
        drop(carol);
        server.join().unwrap();
    }
}

/// tnet's client takes any frame for its answer: at a stop it printed `{"Act":"doexit"…}` as one.
#[test]
fn idle_frame_client_hears_only_the_end() {
    let mut server = TestServer::with(&["--join-grace", "0", "--heartbeat", "0"]);
    let mut alice = Peer::enter(server.text);
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(1, b"test");
    dave.expect_frame(1, b"test");
    // Route 0 with data is a heartbeat too.
    dave.send_frame(0, b"abc");
    dave.send_frame(1, b"more");
    dave.expect_frame(1, b"more");
    alice.send(&format!("/msg {} psst", dave.name));
    alice.expect(&format!("!!! Nobody here is called {}. who = who is here", dave.name));
    let mut erin = Peer::connect(server.frame); // has said nothing at all
    server.signal("TERM");
    dave.expect_end();
    erin.expect_end();
    alice.expect(GOODBYE);
    drop((alice, dave, erin));
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

mod exhaustive {
    use super::*;

    /// `close(WriteTimeout)` dropped the reply before it.
    #[test]
    fn reply_before_close_is_always_delivered() {
        let (gone, endings) = mpsc::channel::<CloseReason>();
        let reasons = [
            CloseReason::WriteTimeout,
            CloseReason::ReadFailed,
            CloseReason::WriteFailed,
            CloseReason::Panicked,
            CloseReason::Quit,
            CloseReason::Idle { seconds: 3 },
        ];
        let given = reasons.clone();
        let server = server(Duration::ZERO)
            .on_close(move |_, reason| gone.send(reason.clone()).unwrap())
            .on_other(move |caller, data| {
                caller.reply("x".repeat(1_000_000));
                caller.close(given[data.len()].clone());
            })
            .spawn()
            .unwrap();
        for (number, reason) in reasons.iter().enumerate() {
            let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
            dave.send_frame(9, &vec![0; number]);
            let (route, data) = dave.next_frame();
            assert_eq!((route, data.len()), (9, 1_000_000), "{reason}");
            // A quit is answered in the chat's own words.
            if *reason == CloseReason::Quit {
                dave.next_frame();
            }
            dave.expect_end();
            assert_eq!(endings.recv_timeout(DEADLINE).unwrap(), *reason);
        }
        server.stop();
        server.join().unwrap();
    }
}
