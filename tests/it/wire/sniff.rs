//! Other protocols at the text and the relay door: never said, whatever the reads bring.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::Refusal;
use parlor::wire::{Inbound, OtherDoors, Protocol, Wire, WireError};

use super::{LIMIT, decode, every_split, limits};
use crate::support::recorded::TLS_HELLO;
use crate::support::values::say;

const DOORS: [Wire; 2] = [Wire::Text, Wire::Relay];

/// The first bytes of other protocols, and their names.
const ENDED: [(&[u8], &str); 53] = [
    (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n", "HTTP"),
    (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", "HTTP"),
    (b"GET /index.html\r\n", "HTTP"),
    (b"HEAD /\n", "HTTP"),
    (b"POST /hook HTTP/1.1\r\nContent-Length: 6\r\n\r\nsecret", "HTTP"),
    (b"CONNECT example.org:443 HTTP/1.1\r\n\r\n", "HTTP"),
    (b"PROPFIND /dav HTTP/1.1\r\n\r\n", "HTTP"),
    (b"M-SEARCH * HTTP/1.1\r\n", "HTTP"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
    (b"HTTP/1.1 200 OK\r\n", "HTTP"),
    (TLS_HELLO, "TLS"),
    (b"\x16\x03\x01\x02\x0a\x01\x00\x01\xfc\x03\x03", "TLS"), // a length that holds an LF
    (b"\x80\x2e\x01\x03\x01", "TLS"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
    (b"SSH-1.99-x\n", "SSH"),
    (b"OPTIONS sip:nm SIP/2.0\r\nVia: x\r\n", "SIP"),
    (b"SIP/2.0 200 OK\r\n", "SIP"),
    (b"OPTIONS icap://x/reqmod ICAP/1.0\r\n", "ICAP"),
    (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP"),
    (b"*1\r\n$4\r\nPING\r\n", "Redis"),
    (b"*2\r\n$4\r\nAUTH\r\n$8\r\nhunter22\r\n", "Redis"),
    (b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 8000\r\nhi\r\n", "the PROXY protocol"),
    (b"PROXY UNKNOWN\r\n", "the PROXY protocol"),
    (b"<?xml version='1.0'?><stream:stream to='x' xmlns='jabber:client'>", "XMPP"),
    (b"<stream:stream to='x'>", "XMPP"),
    (b"a001 LOGIN bob hunter22\r\n", "IMAP"),
    (b"0032git-upload-pack /x\0host=y\0", "git"),
    (b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04", "LDAP"),
    (b"\x10\x0c\0\x04MQTT\x04\x02", "binary data"),
    (b"\x05\x02\0\x02", "binary data"),                              // SOCKS 5
    (b"\x64\0\0\0\x02\0\0\0hi", "binary data"),                      // the frame door's
    (b"\0\x1d{\"Act\":\"heartbeat\",\"Data\":\"\"}", "binary data"), // the JSON door's
    (b"\xff\xfeh\0i\0\n\0", "UTF-16"),
    (b"\xfe\xff\0h\0i\0\n", "UTF-16"),
    (b"h\0i\0\n\0", "UTF-16"),
    (b"\0h\0i\0\n", "UTF-16"),
    (b"\xff\xfe\x3f\x04\x40\x04\x0a\0", "UTF-16"), // пр
    (b"\xff\xfe\x60\x4f\x7d\x59\x0a\0", "UTF-16"), // 你好
    (b"\x3f\x04\x40\x04\x38\x04\n\0", "UTF-16"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
    (b"GIF89a\x01\0", "a GIF image"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
    (b"\x7fELF\x02\x01\x01\0", "an ELF program"),
    (b"PK\x03\x04\x14\0", "a ZIP archive"),
    (b"\x1f\x8b\x08\x08abcd\0", "gzip data"),
    (b"%PDF-1.7\n%\xe2\xe3\n", "a PDF document"),
    (b"BZh91AY&SY", "bzip2 data"),
    (b"\xfd7zXZ\0\0\x04", "xz data"),
    (b"SQLite format 3\0\x10\0\x01", "an SQLite database"),
    (b"{\n  \"Act\": \"say\",\n  \"Data\": \"secret\"\n}\n", "JSON"), // as jq writes it
    // Behind blank lines.
    (b"\r\nGIF89a\x01\x01\n", "a GIF image"),
    (b"\n\n%PDF-1.7\n%\xe2\xe3\n", "a PDF document"),
    (b"\n!<arch>\ndebian-binary\n", "an ar archive"),
];

#[test]
fn other_protocols_end_the_session_unsaid() {
    for wire in DOORS {
        for (sent, name) in ENDED {
            let (got, error) = every_split(wire, LIMIT.max(200), sent);
            let Some(WireError::WrongProtocol(protocol)) = error else {
                panic!("{wire} {}: {got:?}, {error:?}", sent.escape_ascii());
            };
            assert_eq!(protocol.name(), name, "{wire} {}", sent.escape_ascii());
            assert!(!got.iter().any(|item| matches!(item, Inbound::Command(_))), "{wire} {got:?}");
            let http = Some("127.0.0.1:8088".parse().unwrap());
            let doors = OtherDoors { programs: "JSON: 127.0.0.1:8999".to_owned(), http };
            let answer = String::from_utf8_lossy(&protocol.answer(wire, "127.0.0.1:8000", &doors)).into_owned();
            let names_it = matches!(protocol, Protocol::Tls | Protocol::Binary) || answer.contains(name);
            assert!(names_it && answer.lines().all(|line| line.len() <= 78), "{answer}");
        }
    }
}

/// A SOCKS client waits for the answer to its three bytes.
#[test]
fn three_bytes_without_text_are_answered() {
    for wire in DOORS {
        let mut decoder = wire.decoder(limits(LIMIT));
        decoder.feed(b"\x05\x01\0");
        assert_eq!(decoder.next(), Err(WireError::WrongProtocol(Protocol::Binary)), "{wire}");
    }
}

/// Mail, Internet Relay Chat and JSON: people type such lines too, to try them.
#[test]
fn first_mail_irc_json_line_is_refused() {
    for wire in DOORS {
        for (first, second, protocol) in [
            ("EHLO a\r\n", "MAIL FROM:<a@b.c>\r\n", Protocol::Smtp),
            ("EHLO a\n", "AUTH PLAIN AGJvYgBodW50ZXIyMg==\n", Protocol::Smtp),
            ("HELO mail.example.org\r\n", "RCPT TO:<a@b.c>\r\n", Protocol::Smtp),
            ("MAIL FROM:<a@b.c>\r\n", "DATA\r\n", Protocol::Smtp),
            ("CAP LS 302\r\n", "NICK bob\r\n", Protocol::Irc),
            ("PASS hunter22\r\n", "NICK bob\r\n", Protocol::Irc),
            ("NICK bob\n", "USER bob 0 * :Bob B\r\n", Protocol::Irc),
            ("USER bob host server bob\r\n", "JOIN #secret\r\n", Protocol::Irc),
            ("USER anonymous\r\n", "PASS me@example.org\r\n", Protocol::Irc),
            ("{\"Act\":\"msg\",\"To\":\"ann\",\"Data\":\"secret\"}\n", "{\"Act\":\"ping\"}\n", Protocol::Json),
            ("{ \"Ref\": 7, \"act\" : \"say\", \"Data\": \"hi\" }\r\n", "{\"Act\":\"ping\"}\n", Protocol::Json),
            ("\u{feff}{\"Act\":\"ping\"}\n", "{\"Act\":\"ping\"}\n", Protocol::Json),
        ] {
            let refused = |got: &[Inbound]| {
                got.iter().filter(|item| matches!(item, Inbound::Refused(Refusal::OtherProtocol { name, .. }) if *name == protocol.name())).count()
            };
            let (got, error) = every_split(wire, 200, format!("{first}{second}").as_bytes());
            assert_eq!(error, Some(WireError::WrongProtocol(protocol)), "{wire} {first:?}");
            assert_eq!(refused(&got), 1, "{wire} {got:?}");
            assert!(!got.iter().any(|item| matches!(item, Inbound::Command(_))), "{wire} {got:?}");
            // The session stays for a person.
            let (got, error) = every_split(wire, 200, format!("{first}hello\n{second}").as_bytes());
            assert_eq!((refused(&got), error), (1, None), "{wire} {first:?}");
            assert!(got.contains(&say("hello")), "{wire} {got:?}");
        }
    }
}

#[test]
fn irc_at_text_door_gets_rename_hint() {
    let (got, _) = every_split(Wire::Text, LIMIT, b"NICK bob\n");
    let [Inbound::Refused(refusal)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(refusal.to_string(), "That is IRC; nothing was sent. To be called bob: rename|bob");
    // A password is not repeated.
    let (got, _) = every_split(Wire::Text, LIMIT, b"PASS hunter22\n");
    assert!(!format!("{got:?}").contains("hunter22"), "{got:?}");
}

#[test]
fn first_chat_line_stays_chat() {
    for wire in DOORS {
        for typed in [
            "PASS the salt",
            "CAP LSD",
            " GIF89a",
            "SQLite for everybody",
            "PASS",
            "NICK",
            "NICK is out today",
            "USER guide is out",
            "USER",
            "GET well soon",
            "GET",
            "POST",
            "HEAD over here",
            "PUT it in HTTP",
            "GET off HTTP/1.1 now",
            "I like HTTP/1.1",
            "THIS IS HTTP/1.1",
            "EHLO",
            "CAP",
            "CAP that",
            "SSH",
            "SSH-ing into it",
            "PROXY",
            "PROXY is down",
            "*1",
            "*1 for me",
            "$4",
            "**bold**",
            "{",
            "{}",
            "{\"Data\":\"hi\"}",
            "{act}",
            "the {\"Act\":\"say\"} thing",
            "<?xml version='1.0'?>",
            "SIP",
            "0 to 1",
            "MAIL is down",
            "OPTIONS are few",
            "PING",
            "QUIT smoking",
            "JOIN us",
            "get / HTTP/1.1",
            "hi",
            "PK",
            "GIF",
            "%PDF",
            "ab\u{301}c",
            "家族",
            "ÿþ",
            "ю",
            "я",
        ] {
            for end in ["\n", "\r\n"] {
                let (got, error) = every_split(wire, LIMIT, format!("{typed}{end}more{end}").as_bytes());
                let said: Vec<_> = got.into_iter().filter(|item| matches!(item, Inbound::Command(_))).collect();
                assert_eq!((said, error), (vec![say(typed), say("more")], None), "{wire}");
            }
        }
        // A first line that is a person's ends the looking, blank ones do not.
        for (first, _) in ENDED.iter().take(9) {
            let later = [b"hello\n".as_slice(), first].concat();
            assert_eq!(every_split(wire, 200, &later).1, None, "{wire} {}", first.escape_ascii());
        }
    }
}

/// The second version of PROXY begins with blank lines, which may come first.
#[test]
fn binary_proxy_header_is_recognized() {
    let sent = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    for wire in DOORS {
        for cut in 0..sent.len() {
            let (left, right) = sent.split_at(cut);
            let (got, error) = decode(wire, LIMIT, [left, right]);
            let Some(WireError::WrongProtocol(protocol)) = error else { panic!("{wire} cut at {cut}: {got:?}") };
            assert_eq!(protocol.name(), "the PROXY protocol", "{wire} cut at {cut}");
        }
    }
}

/// A line that is held back for the next one is said with it, or at the end of input.
#[test]
fn held_line_is_said_later() {
    for wire in DOORS {
        for (sent, wanted) in [
            ("\n*1\r\n", vec![say("*1")]),
            ("\n*1\r\n\r\n", vec![say("*1")]),
            ("\n*1\r\nhello", vec![say("*1"), say("hello")]),
            ("\n*1\r\n$five", vec![say("*1"), say("$five")]),
            ("{\n", vec![say("{")]),
            ("{\n\n", vec![say("{")]),
            ("{\n  \"Actor\": 1\n}\n", vec![say("{"), say("  \"Actor\": 1"), say("}")]),
            ("{\r\n  return 0;\r\n}\r\n", vec![say("{"), say("  return 0;"), say("}")]),
            ("\n*1\r\n*2\r\n$4\r\n", vec![say("*1"), say("*2"), say("$4")]),
        ] {
            let (got, error) = every_split(wire, LIMIT, sent.as_bytes());
            let said: Vec<_> = got.into_iter().filter(|item| matches!(item, Inbound::Command(_))).collect();
            assert_eq!((said, error), (wanted, None), "{wire} {sent:?}");
        }
    }
}
