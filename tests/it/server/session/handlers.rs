//! Handlers of a program that uses the library: their answers, their order, their faults.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use parlor::protocol::{CloseReason, SessionId};
use parlor::server::SendError;
use parlor::wire::Framing;
use parlor::{Config, Key, Listen, Remote, Server, Wire};

use crate::support::recorded::PONG;
use crate::support::{DEADLINE, GOODBYE, Peer, chat, frame, packet, wait_for};

fn server() -> Server {
    let open = |wire| Listen::required(wire, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let listen = [Wire::Text, Wire::Relay, Wire::Json(None), Wire::Frame].map(open).to_vec();
    let (join_grace, heartbeat) = (Duration::ZERO, Duration::ZERO);
    Server::bind(&Config { listen, rate: 0, join_grace, heartbeat, ..Config::default() }).unwrap()
}

#[test]
fn handler_answers_keep_their_order() {
    let server = server()
        .on_route(1, |caller, data| caller.reply([b"one ", data].concat()))
        .on_act("time", |caller, data| {
            caller.reply(data);
            caller.send(&Key::Act("more".into()), "of it\n\u{1b}");
            caller.send(&Key::Route(7), "by number");
        })
        .on_other(|caller, data| {
            let words = format!("{:?} {} {}", caller.key(), caller.door(), data.len());
            caller.reply(words);
        })
        .spawn()
        .unwrap();
    let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
    dave.send_raw(&[frame(1, b"x"), frame(112, b""), frame(9, b"abc"), frame(1, b"")].concat());
    dave.expect_frame(1, b"one x");
    dave.expect_frame(112, PONG.as_bytes());
    dave.expect_frame(9, b"Route(9) frame 3");
    dave.expect_frame(1, b"one ");
    let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
    carol.send_raw(
        b"{\"Act\":\"time\",\"Data\":\"now\",\"Ref\":1}\n{\"Act\":\"ping\"}\n{\"Act\":\"other\",\"Ref\":2}\n",
    );
    carol.expect(r#"{"Act":"time","Data":"now","Ref":1}"#);
    carol.expect("{\"Act\":\"more\",\"Data\":\"of it␊␛\"}");
    carol.expect(r#"{"Act":"7","Data":"by number"}"#);
    carol.expect(PONG);
    carol.expect(r#"{"Act":"other","Data":"Act(\"other\") json 0","Ref":2}"#);
    // The chat's acts and routes stay the chat's.
    carol.send(r#"{"Act":"say"}"#);
    carol.expect_error(Framing::Lines);
    server.stop();
    drop((carol, dave));
    server.join().unwrap();
}

/// `Server::on_route` and `Server::on_act` panic for the keys of the chat.
#[test]
fn handler_never_gets_keys_of_chat() {
    let server = server()
        .on_route(0, |caller, data| caller.reply([b"zero ", data].concat()))
        .on_route(112, |caller, _| caller.reply("taken over"))
        .on_act("ping", |caller, _| caller.reply("taken over"))
        .on_act("heartbeat", |caller, _| caller.reply("called"))
        .on_other(|caller, _| caller.reply("other"))
        .spawn()
        .unwrap();
    let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
    dave.send_raw(&[frame(0, b""), frame(112, b""), frame(0, b"x"), frame(3, b"")].concat());
    dave.expect_frame(112, PONG.as_bytes());
    dave.expect_frame(3, b"other");
    let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
    carol.send_raw(b"{\"Act\":\"heartbeat\"}\n{\"Act\":\"ping\"}\n");
    carol.expect(PONG);
    server.stop();
    drop((carol, dave));
    server.join().unwrap();
}

/// A marked request that its handler does not answer gives its mark to nobody else.
#[test]
fn handler_may_send_no_answer() {
    let server = server().on_act("note", |_, _| {}).spawn().unwrap();
    let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
    carol.send(r#"{"Act":"note","Ref":"mine"}"#);
    carol.send(r#"{"Act":"ping"}"#);
    carol.expect(PONG);
    server.stop();
    drop(carol);
    server.join().unwrap();
}

/// From another thread, to whichever door, in order; and to nobody any more when it has gone.
#[test]
fn remote_sends_from_another_thread() {
    let (came, remotes) = mpsc::channel::<(Wire, String, Remote)>();
    let server = server()
        .on_open(move |caller| {
            caller.reply("welcome");
            came.send((caller.door(), caller.address().to_owned(), caller.remote())).unwrap();
        })
        .spawn()
        .unwrap();
    let remote_of = |peer: &Peer, wire| {
        let (door, address, remote) = remotes.recv_timeout(DEADLINE).unwrap();
        assert_eq!((door, &address), (wire, &peer.name));
        remote
    };
    let mut alice = Peer::greeted(server.address(Wire::Text).unwrap());
    let to_alice = remote_of(&alice, Wire::Text);
    alice.expect("*** welcome");
    let mut bob = Peer::connect(server.address(Wire::Relay).unwrap());
    let to_bob = remote_of(&bob, Wire::Relay);
    bob.expect("welcome\r");
    let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
    let to_dave = remote_of(&dave, Wire::Frame);
    dave.expect_frame(207, br#"{"Act":"notice","Data":"welcome"}"#);
    let mut carol = Peer::connect(server.address(Wire::Json(None)).unwrap());
    let to_carol = remote_of(&carol, Wire::Json(None));
    carol.send_packet(Framing::Gf2, r#"{"Act":"heartbeat"}"#); // the framing is known from here on
    carol.expect_packet(Framing::Gf2, r#"{"Act":"notice","Data":"welcome"}"#);

    let sending = thread::spawn({
        let to_dave = to_dave.clone();
        move || {
            for n in 0..2000 {
                while to_dave.send(Key::Route(5), n.to_string()) == Err(SendError::Busy) {
                    thread::yield_now();
                }
            }
        }
    });
    for n in 0..2000 {
        dave.expect_frame(5, n.to_string().as_bytes());
    }
    sending.join().unwrap();
    to_alice.send(Key::Route(5), "one\nline").unwrap();
    alice.skip_until(|line| line == "*** one␊line"); // after the joins of the others
    to_bob.send(Key::Act("x".into()), "hi").unwrap();
    bob.expect("hi\r");
    to_carol.send(Key::Act("push".into()), "hi").unwrap();
    carol.expect_packet(Framing::Gf2, r#"{"Act":"push","Data":"hi"}"#);
    dave.leave();
    wait_for(|| (to_dave.send(Key::Route(5), "") == Err(SendError::Gone)).then_some(()), || "dave to be gone".into());
    server.stop();
    drop((alice, bob, carol));
    server.join().unwrap();
    assert_eq!(to_alice.send(Key::Route(5), ""), Err(SendError::Gone));
}

/// Every ending reaches `on_close`, once and with its name: a close by a handler, which delivers what
/// was sent before it; a panic of a handler, which ends that session alone; and an end of input.
#[test]
fn handler_panic_ends_that_session_alone() {
    let (gone, endings) = mpsc::channel::<(SessionId, CloseReason)>();
    let (came, ids) = mpsc::channel();
    let server = server()
        .on_open(move |caller| came.send(caller.id()).unwrap())
        .on_close(move |id, reason| gone.send((id, reason.clone())).unwrap())
        .on_route(1, |caller, data| caller.reply(data))
        .on_route(2, |caller, _| {
            caller.reply("bye");
            caller.close(CloseReason::Dismissed);
            caller.reply("now");
        })
        .on_route(66, |_, data| assert!(data.is_empty(), "a handler that panics, as it should"))
        .spawn()
        .unwrap();
    let id = || ids.recv_timeout(DEADLINE).unwrap();
    let ending = || endings.recv_timeout(DEADLINE).unwrap();
    let door = server.address(Wire::Frame).unwrap();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    let alice_id = id();
    let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
    let bob_id = id();
    alice.expect(&format!("[{0}]{0}: login", bob.name));

    let mut dave = Peer::connect(door);
    let dave_id = id();
    dave.send_raw(&[frame(1, b"a"), frame(2, b""), frame(1, b"never")].concat());
    dave.expect_frame(1, b"a");
    dave.expect_frame(2, b"bye");
    dave.expect_frame(2, b"now");
    dave.expect_end();
    drop(dave);
    assert_eq!(ending(), (dave_id, CloseReason::Dismissed));

    let mut erin = Peer::connect(door);
    let erin_id = id();
    erin.send_frame(100, b"hi");
    alice.expect(&format!("[{}]{erin_id}: login", erin.name));
    alice.expect(&format!("[{}]{erin_id}: hi", erin.name));
    erin.send_frame(66, b"boom");
    assert_eq!(ending(), (erin_id, CloseReason::HandlerPanicked("route 66".into())));
    alice.expect(&format!("[{}]{erin_id}: login out", erin.name));
    bob.fence();
    chat(&mut alice, &mut bob);

    bob.leave();
    assert_eq!(ending(), (bob_id, CloseReason::PeerClosed));
    let mut frank = Peer::connect(door); // and the route still works for others
    let frank_id = id();
    frank.send_frame(66, b"");
    frank.send_frame(1, b"test");
    frank.expect_frame(1, b"test");
    server.stop();
    drop((alice, frank));
    server.join().unwrap();
    let mut last = [ending().0, ending().0];
    last.sort();
    assert_eq!(last, [alice_id, frank_id]);
    assert!(endings.try_recv().is_err(), "each of them once");
}

/// Whichever handler it is that panics; the last one has nobody left to end.
#[test]
fn panic_of_any_handler_stays_in_session() {
    let (gone, endings) = mpsc::channel();
    let server = server()
        .on_open(|caller| assert_ne!(caller.door(), Wire::Relay, "this panics, as it should"))
        .on_act("boom", |_, data| assert!(data.is_empty(), "this too"))
        .on_other(|_, data| assert!(data.is_empty(), "and this"))
        .on_close(move |_, reason| {
            gone.send(reason.clone()).unwrap();
            assert!(!matches!(reason, CloseReason::HandlerPanicked(_)), "and this");
        })
        .spawn()
        .unwrap();
    let mut alice = Peer::enter_quiet(server.address(Wire::Text).unwrap());
    let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
    let (json, frames) = (server.address(Wire::Json(None)).unwrap(), server.address(Wire::Frame).unwrap());
    let relay = server.address(Wire::Relay).unwrap();
    for (door, said, handler) in [
        (relay, b"hi\n".to_vec(), "on_open"),
        (json, packet(Framing::Gf2, r#"{"Act":"boom","Data":"x"}"#), "act \"boom\""),
        (json, packet(Framing::Gf2, r#"{"Act":"whatever","Data":"x"}"#), "act \"whatever\""),
        (frames, frame(9, b"x"), "route 9"),
    ] {
        let peer = Peer::connect(door);
        let _ = (&peer.stream).write_all(&said); // at the relay door the end may have come before
        let reason = endings.recv_timeout(DEADLINE).unwrap();
        assert_eq!(reason, CloseReason::HandlerPanicked(handler.into()), "{}", said.escape_ascii());
        assert_eq!(reason.to_string(), format!("the program's handler for {handler} panicked"));
        chat(&mut alice, &mut bob);
    }
    alice.expect_nothing();
    server.stop();
    drop((alice, bob));
    server.join().unwrap();
    assert_eq!(endings.iter().take(2).count(), 2, "a panic of this handler has not hurt the others");
}

/// A handler has its session's reader thread to itself: the session's next request waits for it, and
/// nobody else's.
#[test]
fn slow_handler_delays_its_session_alone() {
    let (entered, slow) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let server = server()
        .on_route(1, move |caller, _| {
            entered.send(thread::current().name().map(str::to_owned)).unwrap();
            released.lock().unwrap().recv_timeout(DEADLINE).unwrap();
            caller.reply("at last");
        })
        .on_route(2, |caller, data| caller.reply(data))
        .spawn()
        .unwrap();
    let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
    let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
    let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
    let mut erin = Peer::connect(server.address(Wire::Frame).unwrap());
    dave.send_raw(&[frame(1, b""), frame(2, b"next"), frame(112, b"")].concat());
    let thread = slow.recv_timeout(DEADLINE).unwrap();
    assert!(thread.as_ref().is_some_and(|name| name.starts_with("r-")), "it runs on {thread:?}");
    chat(&mut alice, &mut bob);
    erin.send_frame(2, b"meanwhile");
    erin.expect_frame(2, b"meanwhile");
    release.send(()).unwrap();
    dave.expect_frame(1, b"at last");
    dave.expect_frame(2, b"next");
    dave.expect_frame(112, PONG.as_bytes());
    server.stop();
    drop((alice, bob, dave, erin));
    server.join().unwrap();
}

/// A value that panics when it is dropped: `std::panic::panic_any` hands it over to whoever catches it.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("this panics, as it should");
    }
}

/// In `on_close` it ended the server; elsewhere it was told as a bug of Parlor.
#[test]
fn payload_that_panics_again_hurts_nobody_else() {
    let (gone, endings) = mpsc::channel();
    let server = server()
        .on_open(|caller| {
            if caller.door() == Wire::Relay {
                std::panic::panic_any(Bomb)
            }
        })
        .on_route(9, |_, _| std::panic::panic_any(Bomb))
        .on_close(move |_, reason| {
            gone.send(reason.clone()).unwrap();
            std::panic::panic_any(Bomb);
        })
        .spawn()
        .unwrap();
    let mut alice = Peer::enter_quiet(server.address(Wire::Text).unwrap());
    let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
    for (wire, said, handler) in [(Wire::Relay, b"hi\n".to_vec(), "on_open"), (Wire::Frame, frame(9, b"x"), "route 9")]
    {
        let peer = Peer::connect(server.address(wire).unwrap());
        let _ = (&peer.stream).write_all(&said); // at the relay door the end may have come before
        let reason = endings.recv_timeout(DEADLINE).unwrap();
        assert_eq!(reason, CloseReason::HandlerPanicked(handler.into()));
        chat(&mut alice, &mut bob);
    }
    server.stop();
    drop((alice, bob));
    server.join().unwrap();
}

/// The manager waited for callers for ever, and `spawn` for the manager.
#[test]
fn panic_of_on_ready_is_an_error() {
    let error = server().on_ready(|_| panic!("this panics, as it should")).spawn().unwrap_err();
    assert_eq!(error.to_string(), "the program's handler for on_ready panicked");
}

/// `caller.reply("stopping")`, then the stop: the reply came too late, one time in five.
#[test]
fn answer_of_a_handler_precedes_its_stop() {
    for n in 0..40 {
        let server = server();
        let (stopper, opened) = (server.stopper(), server.stopper());
        let server = server
            .on_open(move |caller| {
                if n % 2 == 0 && caller.door() == Wire::Text {
                    caller.reply("stopping");
                    opened.trigger();
                }
            })
            .on_route(1, move |caller, _| {
                stopper.trigger();
                caller.reply("stopping");
            })
            .spawn()
            .unwrap();
        if n % 2 == 0 {
            let mut alice = Peer::connect(server.address(Wire::Text).unwrap());
            alice.skip_until(|line| line == "*** stopping");
            alice.skip_until(|line| line == GOODBYE);
        } else {
            let mut dave = Peer::connect(server.address(Wire::Frame).unwrap());
            dave.send_frame(1, b"");
            dave.expect_frame(1, b"stopping");
            dave.expect_end();
        }
        server.join().unwrap();
    }
}

/// Wrapping a word took time by the square of its length: a megabyte by `Remote::send` stopped everybody.
#[test]
fn long_word_of_a_handler_comes_wrapped() {
    let word = "z".repeat(400_000);
    let said = word.clone();
    let server = server().on_open(move |caller| caller.reply(&said)).spawn().unwrap();
    let mut alice = Peer::connect(server.address(Wire::Text).unwrap());
    let mut heard = alice.skip_until(|line| line.starts_with("*** zz"))[4..].to_owned();
    while heard.len() < word.len() {
        heard += alice.line().trim_start_matches("***     ");
    }
    assert!(heard == word);
    server.stop();
    drop(alice);
    server.join().unwrap();
}

mod exhaustive {
    use super::*;

    /// `Remote::send` does not wait for a peer that does not read: it reports that the server is
    /// busy, and at last that the session has gone.
    #[test]
    fn remote_send_never_waits_for_slow_peer() {
        let (came, remotes) = mpsc::channel::<Remote>();
        let server = server().on_open(move |caller| _ = came.send(caller.remote())).spawn().unwrap();
        let stuck = Peer::connect_narrow(server.address(Wire::Frame).unwrap(), 4096);
        let remote = remotes.recv_timeout(DEADLINE).unwrap();
        let mut alice = Peer::enter(server.address(Wire::Text).unwrap());
        let mut bob = Peer::enter(server.address(Wire::Text).unwrap());
        let until = Instant::now() + DEADLINE;
        let send_until_gone = || {
            let mut busy = 0;
            loop {
                match remote.send(Key::Route(5), [b'x'; 100]) {
                    Ok(()) => {}
                    Err(SendError::Busy) => busy += 1,
                    Err(SendError::Gone) => return busy,
                }
                assert!(Instant::now() < until, "the session is still there");
            }
        };
        let busy: usize = thread::scope(|scope| {
            let senders: Vec<_> = (0..3).map(|_| scope.spawn(send_until_gone)).collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).sum()
        });
        assert!(busy > 0, "three who send as fast as they can have never found the server busy");
        chat(&mut alice, &mut bob);
        server.stop();
        drop((alice, bob, stuck));
        server.join().unwrap();
    }
}
