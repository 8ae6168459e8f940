//! `--addresses masked`: nobody but the operator learns where somebody is. What is shown instead, word
//! by word, is in the transcripts `masked` and `masked_to_programs`.

use std::collections::HashSet;

use crate::support::{Peer, TestServer};
use parlor::protocol::{COMMANDS, is_mask};
use serde_json::{Value, json};

/// Comes in by the text door and learns its tag.
fn enter(server: &TestServer) -> (Peer, String) {
    let mut peer = Peer::connect(server.text);
    let line = peer.line();
    let tag = line.strip_prefix('[').and_then(|line| line.split_once(']')).map(|(tag, _)| tag.to_owned());
    let tag = tag.filter(|tag| is_mask(tag)).unwrap_or_else(|| peer.fail(&format!("no tag: {line}")));
    peer.fence();
    (peer, tag)
}

/// Whatever anybody asks for, by whichever door, and whatever happens in the room.
#[test]
fn masked_address_is_shown_nowhere() {
    let server = TestServer::with(&["--addresses", "masked"]);
    let (mut alice, tag) = enter(&server);
    let (mut bob, _) = enter(&server);
    let mut gopher = Peer::connect(server.relay);
    gopher.send("by relay");
    let mut carol = Peer::connect(server.json);
    carol.ask(&json!({"Act": "join", "Room": "lobby"}));
    carol.json_fence();
    let mut dave = Peer::connect(server.frame);
    dave.send_frame(100, b"by frame");

    let mut heard = Vec::new();
    for spec in COMMANDS.iter().filter(|spec| spec.name != "quit") {
        for data in ["", &tag, "on", "off", "#lobby", "lobby"] {
            alice.send(&format!("/{} {data}", spec.name));
            carol.ask(&json!({"Act": spec.name, "Data": data, "To": tag}));
            dave.send_frame(spec.route, data.as_bytes());
            heard.extend(alice.fence());
            heard.extend(bob.fence());
            heard.extend(carol.json_fence().iter().map(Value::to_string));
            heard.extend(dave.frame_fence().iter().map(|(_, data)| String::from_utf8_lossy(data).into_owned()));
        }
    }
    alice.send("who");
    heard.extend(alice.fence());
    for peer in [&mut alice, &mut gopher] {
        peer.half_close();
        heard.push(String::from_utf8_lossy(&peer.read_to_end()).into_owned());
    }
    heard.extend(bob.fence());
    heard.extend(carol.json_fence().iter().map(Value::to_string));
    heard.extend(dave.frame_fence().iter().map(|(_, data)| String::from_utf8_lossy(data).into_owned()));

    let names = [&alice, &bob, &gopher, &carol, &dave].map(|peer| &peer.name);
    assert!(heard.iter().any(|line| line.contains(&tag)), "{heard:?}");
    for line in &heard {
        // As whole words: 127.0.0.1:5123 is the beginning of 127.0.0.1:51234.
        let mut words = line.split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ':'));
        let shown = words.find(|word| names.iter().any(|name| word.trim_matches([':', '.']) == **name));
        assert_eq!(shown, None, "is shown: {line}");
    }
}

#[test]
fn log_pairs_masked_tag_with_address() {
    let mut all = HashSet::new();
    for _ in 0..3 {
        let server = TestServer::with(&["--addresses", "masked"]);
        let (alice, tag) = enter(&server);
        let (bob, _) = enter(&server);
        let who = format!("(text, {}, shown as {tag})", alice.name);
        alice.leave();
        bob.leave();
        let log = server.stop();
        assert!(log.contains(&who), "{who} is not in the log:\n{log}");
        all.insert(tag);
    }
    assert_eq!(all.len(), 3, "each start begins with another tag");
}
