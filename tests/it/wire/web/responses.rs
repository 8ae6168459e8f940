//! The bytes of answers.

use parlor::wire::web::{Feed, HTML, Response, Status, put_continue, put_stream_head, put_switching};

fn encoded(response: &Response, head_only: bool, keep_alive: bool) -> String {
    let mut bytes = b"before".to_vec(); // it appends
    response.encode(head_only, keep_alive, &mut bytes);
    String::from_utf8(bytes.split_off(6)).unwrap()
}

const COMMON: &str = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
                      Cross-Origin-Resource-Policy: same-origin\r\n";

#[test]
fn text_has_length_and_no_cache() {
    let response = Response::text(Status::NotFound, "N\u{f6}").with("Allow", "GET");
    let head = format!(
        "HTTP/1.1 404 Not Found\r\n{COMMON}Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\
         Cache-Control: no-store\r\nAllow: GET\r\n"
    );
    assert_eq!(encoded(&response, false, true), format!("{head}\r\nN\u{f6}\n"));
    assert_eq!(encoded(&response, true, true), format!("{head}\r\n"));
    assert_eq!(encoded(&response, false, false), format!("{head}Connection: close\r\n\r\nN\u{f6}\n"));
}

#[test]
fn not_modified_has_no_body() {
    let response = Response::new(Status::NotModified, HTML, &b"page"[..]).with("ETag", "\"a\"");
    assert_eq!(encoded(&response, false, true), format!("HTTP/1.1 304 Not Modified\r\n{COMMON}ETag: \"a\"\r\n\r\n"));
}

#[test]
fn header_value_has_no_line_end() {
    let response = Response::new(Status::Ok, HTML, vec![]).with("ETag", "a\r\nX: \u{0}\u{7f}\u{e4}b");
    assert!(encoded(&response, false, true).contains("\r\nETag: aX: b\r\n"));
}

#[test]
fn text_repeated_is_cleaned() {
    let response = Response::text(Status::Ok, "a\u{1b}[2J\nb\r\u{202e}");
    assert_eq!(response.body(), "a\u{241b}[2J b \n".as_bytes());
}

#[test]
fn stream_begins_without_a_length() {
    for (feed, content_type) in [
        (Feed::Raw, "text/plain; charset=utf-8"),
        (Feed::Json, "application/x-ndjson"),
        (Feed::Sse, "text/event-stream"),
    ] {
        let mut head = Vec::new();
        put_stream_head(feed, &mut head);
        let wanted = format!(
            "HTTP/1.1 200 OK\r\n{COMMON}Content-Type: {content_type}\r\nCache-Control: no-store\r\n\
             X-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(String::from_utf8(head).unwrap(), wanted);
    }
}

#[test]
fn interim_answers_have_no_body() {
    let mut bytes = Vec::new();
    put_continue(&mut bytes);
    put_switching("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &mut bytes);
    let wanted = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
}
