//! Routes: the thing that a request asks for, by its method and its path.

use parlor::protocol::RoomName;
use parlor::wire::web::{Feed, Route, Status, route};

use super::super::limits;
use super::asked;

/// A route in short, or the status and the words of the refusal.
fn routed(line: &str, headers: &[&str], body: &str) -> Result<String, (u16, String)> {
    let route = route(&asked(line, headers, body), limits(100)).map_err(|response| {
        let mut bytes = Vec::new();
        response.encode(false, true, &mut bytes);
        (response.status().code(), String::from_utf8(bytes).unwrap())
    })?;
    Ok(match route {
        Route::Socket { accept } => format!("socket {accept}"),
        Route::Say(post) => format!("say {}", post.room),
        Route::Stream { room, feed, after, ends } => {
            format!(
                "{feed:?} {room}{}{}",
                after.map_or(String::new(), |after| format!(" {after}")),
                if ends { " ends" } else { "" }
            )
        }
        fixed => format!("{fixed:?}"),
    })
}

#[test]
fn path_and_method_choose_the_route() {
    for (line, wanted) in [
        ("GET /", "Page"),
        ("HEAD /?utm=x", "Page"),
        ("GET /healthz", "Health"),
        ("HEAD /healthz", "Health"),
        ("GET /readyz", "Ready"),
        ("GET /metrics", "Metrics"),
        ("POST /lobby", "say #lobby"),
        ("POST /%23lobby", "say #lobby"),
        ("POST /LOBBY?name=ann", "say #lobby"),
        (
            "POST /\u{43a}\u{43e}\u{43c}\u{43d}\u{430}\u{442}\u{430}",
            "say #\u{43a}\u{43e}\u{43c}\u{43d}\u{430}\u{442}\u{430}",
        ),
        ("POST /%23ws", "say #ws"),
        ("POST /%23healthz", "say #healthz"),
        ("GET /lobby/raw", "Raw #lobby"),
        ("HEAD /lobby/json", "Json #lobby"),
        ("GET /%23lobby/sse", "Sse #lobby"),
        ("GET /ws/raw", "Raw #ws"),
        ("GET /lobby/json?after=57", "Json #lobby 57"),
        ("GET /lobby/json?after=0&poll=1", "Json #lobby 0 ends"),
        ("GET /lobby/json?poll=0&other=%41", "Json #lobby"),
        ("GET /lobby/sse?after=18446744073709551615", "Sse #lobby 18446744073709551615"),
    ] {
        let body = if line.starts_with("POST") { "hi" } else { "" };
        assert_eq!(routed(line, &[], body).as_deref(), Ok(wanted), "{line}");
    }
}

/// A browser repeats the URL with its old `after` when it connects again.
#[test]
fn last_event_id_goes_before_after() {
    let resumed = |id: &str| routed("GET /lobby/sse?after=57", &[&format!("Last-Event-ID: {id}")], "").unwrap();
    assert_eq!(resumed("80"), "Sse #lobby 80");
    assert_eq!(resumed(""), "Sse #lobby 57");
}

#[test]
fn path_or_method_unknown_is_refused() {
    for (line, status, words) in [
        ("GET /favicon.ico", 404, "There is no /favicon.ico"),
        ("GET /lobby/", 404, "/ROOM/raw"),
        ("GET /lobby/xml", 404, "/ROOM/raw"),
        ("GET /lobby/raw/", 404, "/ROOM/raw"),
        ("GET //raw", 404, "There is no //raw"),
        ("POST /a.b", 404, "Rooms have names of 1 to 24"),
        (
            "POST /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            404,
            "There is no /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa….",
        ),
        ("POST /a%20b", 404, "There is no /a b"),
        ("POST /%E2%80%AEx", 404, "There is no /x."),
        ("POST /%23%23lobby", 404, "There is no /##lobby"),
        ("GET /lobby", 405, "Allow: POST\r\n"),
        ("PUT /lobby", 405, "Allow: POST\r\n"),
        ("DELETE /lobby/raw", 405, "Allow: GET, HEAD\r\n"),
        ("POST /lobby/raw", 405, "POST /lobby says lines"),
        ("POST /%23ws/raw", 405, "POST /%23ws says lines"),
        ("POST /", 405, "POST /ROOM says lines"),
        ("OPTIONS /", 405, "Allow: GET, HEAD\r\n"),
        ("POST /ws", 405, "Allow: GET\r\n"),
        ("HEAD /ws", 405, "Allow: GET\r\n"),
        ("POST /healthz", 405, "/%23healthz"),
        ("POST /metrics", 405, "/%23metrics"),
        ("POST /readyz", 405, "Allow: GET, HEAD\r\n"),
        ("GET /lobby/raw?after=x", 400, "number of a line"),
        ("GET /lobby/raw?after=-1", 400, "number of a line"),
        ("GET /lobby/raw?after=18446744073709551616", 400, "number of a line"),
        ("GET /lobby/raw?poll=yes", 400, "poll is 1"),
    ] {
        let (got, answer) = routed(line, &[], "").expect_err(line);
        assert_eq!(got, status, "{line}");
        assert!(answer.contains(words), "{line}: {answer}");
        assert_eq!(answer.split_once("\r\n\r\n").unwrap().1.lines().count(), 1, "{answer}");
    }
    let (status, answer) = routed("GET /lobby/sse", &["Last-Event-ID: seven"], "").unwrap_err();
    assert!(status == 400 && answer.contains("Last-Event-ID"), "{answer}");
}

/// The key and its answer are those of RFC 6455, section 1.3.
const WEBSOCKET: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[test]
fn websocket_is_accepted_with_the_key() {
    assert_eq!(routed("GET /ws", &WEBSOCKET, "").as_deref(), Ok("socket s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let lower = WEBSOCKET.map(|header| header.replacen("websocket", "WebSocket", 1).replacen("Upgrade", "upgrade", 1));
    let lower: Vec<_> = lower.iter().map(String::as_str).collect();
    assert!(routed("GET /ws", &lower, "").is_ok());
}

#[test]
fn websocket_wrong_is_refused_with_reason() {
    for (at, header, status, words) in [
        (0, "X: y", 426, "Upgrade: websocket"),
        (0, "Upgrade: h2c", 426, "Upgrade: websocket"),
        (1, "Connection: keep-alive", 426, "Connection: Upgrade"),
        (2, "Sec-WebSocket-Version: 8", 426, "Sec-WebSocket-Version: 13\r\n"),
        (2, "X: y", 426, "Sec-WebSocket-Version: 13\r\n"),
        (3, "X: y", 400, "16 bytes"),
        (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==", 400, "16 bytes"),
        (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", 400, "16 bytes"),
        (3, "Sec-WebSocket-Key: ????????????????????????", 400, "16 bytes"),
    ] {
        let mut headers = WEBSOCKET;
        headers[at] = header;
        let (got, answer) = routed("GET /ws", &headers, "").expect_err(header);
        assert!(got == status && answer.contains(words), "{header}: {answer}");
    }
    let request = format!("GET /ws HTTP/1.0\r\n{}\r\n\r\n", WEBSOCKET.join("\r\n"));
    let refused = route(&super::request(&request), limits(100)).unwrap_err();
    assert_eq!(refused.status(), Status::UpgradeRequired);
}

#[test]
fn stream_has_its_room_and_feed() {
    let wanted = Route::Stream { room: RoomName::lobby(), feed: Feed::Sse, after: Some(3), ends: true };
    assert_eq!(route(&asked("GET /lobby/sse?after=3&poll=1", &[], ""), limits(100)), Ok(wanted));
}
