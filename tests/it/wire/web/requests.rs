//! Requests from bytes: what is read, and each way to be refused.

use parlor::wire::web::{Authority, MAX_BODY, MAX_HEAD, Method, Phase, Request, RequestDecoder, Response};
use proptest::prelude::*;

use super::{every_split, read, request};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn request_whole_is_read() {
    let input = "POST /%23lobby/a%20b?name=Ann+Lee&x&after=57&poll=1&name=bob HTTP/1.1\r\nhOST:LocalHost:8088 \r\n\
                 Content-Type: text/plain\r\nX-Name: J\u{f6}rg\r\nOrigin: http://a\r\nSec-Fetch-Site: same-origin\r\n\
                 Last-Event-ID: 7\r\nIf-None-Match: \"e\"\r\nAccept:\t*/*\r\nContent-Length: 003\r\n\r\nhi\n";
    let (requests, ended) = every_split(input.as_bytes());
    assert_eq!((requests.len(), ended), (1, Ok(())));
    let Request { method, path, query, host, body, keep_alive, is_http10, .. } = &requests[0];
    assert_eq!((*method, path.as_str(), *keep_alive, *is_http10), (Method::Post, "/#lobby/a b", true, false));
    assert_eq!(query.name.as_deref(), Some("Ann Lee"), "the first one");
    assert_eq!((query.after.as_deref(), query.poll.as_deref()), (Some("57"), Some("1")));
    assert_eq!(host.as_ref().map(|host| (host.name(), host.port())), Some(("localhost", Some(8088))));
    assert_eq!(body, b"hi\n");
    let Request { origin, fetch_site, content_type, x_name, last_event_id, if_none_match, .. } = &requests[0];
    let texts = [origin, fetch_site, content_type, x_name, last_event_id, if_none_match];
    let wanted = ["http://a", "same-origin", "text/plain", "J\u{f6}rg", "7", "\"e\""];
    assert_eq!(texts.map(|text| text.as_deref().unwrap_or_default()), wanted);
}

#[test]
fn requests_pipelined_are_read_in_order() {
    let input =
        b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n\
                  \r\nHEAD /3 HTTP/1.0\r\n\r\n";
    let (requests, ended) = every_split(input);
    let paths: Vec<_> = requests.iter().map(|request| (request.method, request.path.as_str())).collect();
    assert_eq!(paths, [(Method::Get, "/1"), (Method::Post, "/2"), (Method::Head, "/3")]);
    assert_eq!((requests[1].body.as_slice(), ended), (&b"\r\n"[..], Ok(())));
}

#[test]
fn connection_goes_on_as_the_version_says() {
    for (version, header, keep_alive) in [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: x, CLOSE\r\n", false),
        ("HTTP/1.1", "Connection: closed\r\n", true),
        ("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
    ] {
        let request = request(&format!("GET / {version}\r\nHost: a\r\n{header}\r\n"));
        assert_eq!(request.keep_alive, keep_alive, "{version} {header}");
    }
}

/// RFC 9112, section 3.2.2: a server takes URLs, and their host goes before `Host`.
#[test]
fn target_as_url_names_the_host() {
    for (target, host, path) in [
        ("http://Chat.example.org:80/lobby/raw?after=1", "chat.example.org:80", "/lobby/raw"),
        ("HTTPS://[::1]:8088", "[::1]:8088", "/"),
        ("http://a?poll=1", "a", "/"),
    ] {
        let request = request(&format!("GET {target} HTTP/1.1\r\nHost: other\r\n\r\n"));
        assert_eq!((request.host.map(|host| host.to_string()).as_deref(), &*request.path), (Some(host), path));
    }
}

#[test]
fn authority_is_a_host_and_a_port() {
    for (text, wanted) in [
        ("Example.ORG", Some("example.org")),
        ("example.org.:80", Some("example.org:80")),
        ("127.0.0.1:", Some("127.0.0.1")),
        ("[0:0::1]:65535", Some("[::1]:65535")),
        ("a_b-c", Some("a_b-c")),
        ("", None),
        (".", None),
        (":80", None),
        ("a:65536", None),
        ("a:+1", None),
        ("a:1:2", None),
        ("::1", None),
        ("[::1", None),
        ("[::1]80", None),
        ("[a]", None),
        ("ann@a", None),
        ("a b", None),
        ("a/b", None),
        ("\u{e4}", None),
        ("%61", None),
    ] {
        assert_eq!(Authority::parse(text).map(|parsed| parsed.to_string()).as_deref(), wanted, "{text:?}");
    }
    assert!(Authority::parse(&"a".repeat(253)).is_some() && Authority::parse(&"a".repeat(254)).is_none());
    for (text, wanted) in [
        ("localhost", true),
        ("LOCALHOST.:1", true),
        ("chat.localhost", true),
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("[::1]", true),
        ("[::ffff:127.0.0.1]", true),
        ("notlocalhost", false),
        ("localhost.example.org", false),
        ("127.0.0.1.example.org", false),
        ("0.0.0.0", false),
        ("[::]", false),
        ("10.0.0.1", false),
    ] {
        assert_eq!(Authority::parse(text).is_some_and(|host| host.is_loopback()), wanted, "{text}");
    }
}

/// Each kind of wrong request: the status, and words of its reason.
#[test]
fn request_wrong_is_refused_with_reason() {
    let with = |header: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n").into_bytes();
    let to = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
    let long =
        |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes - 32)).into_bytes();
    assert_eq!((long(MAX_HEAD).len(), every_split_ends(&long(MAX_HEAD))), (MAX_HEAD, true), "the longest");
    let rows: Vec<(Vec<u8>, u16, &str)> = vec![
        (long(MAX_HEAD + 1), 431, "longer than 8 KiB"),
        (b"GET /".repeat(2000), 431, "longer than 8 KiB"),
        (with(&"A: b\r\n".repeat(64)), 431, "more than 64 headers"),
        (b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), 400, "LF alone"),
        (b"hello\n".to_vec(), 400, "LF alone"),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n".to_vec(), 400, "LF alone"),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n".to_vec(), 400, "CR without LF"),
        (b"\r\n\r\n\r\nGET / HTTP/1.1\r\n".to_vec(), 400, "two empty lines"),
        (with("A: b\r\n c"), 400, "second line"),
        (with("A: b\r\n\tc"), 400, "second line"),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n".to_vec(), 400, "second line"),
        (with("Transfer-Encoding: chunked"), 501, "Content-Length"),
        (with("transfer-encoding:\tgzip, chunked"), 501, "Content-Length"),
        (with("Transfer-Encoding: identity"), 501, "Content-Length"),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400, "exclude each other"),
        (with("Content-Length: 3\r\nTransfer-Encoding: x"), 400, "exclude each other"),
        (with("Content-Length: -1"), 400, "no number"),
        (with("Content-Length: +1"), 400, "no number"),
        (with("Content-Length:"), 400, "no number"),
        (with("Content-Length: 0x10"), 400, "no number"),
        (with("Content-Length: 1, 1"), 400, "no number"),
        (with("Content-Length: 1\r\nContent-Length: 1"), 400, "Content-Length came twice"),
        (with("Content-Length: 1\r\ncontent-length: 2"), 400, "Content-Length came twice"),
        (with(&format!("Content-Length: {}", MAX_BODY + 1)), 413, "longer than 64 KiB"),
        (with("Content-Length: 18446744073709551616"), 413, "longer than 64 KiB"),
        (with(&format!("Content-Length: {}", "9".repeat(999))), 413, "longer than 64 KiB"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nhi".to_vec(), 400, "ended before"),
        (b"GET / HTTP/1.1\r\nHost".to_vec(), 400, "ended before"),
        (b"GET / HTTP/1.1\r\nA: b\r\n\r\n".to_vec(), 400, "no Host"),
        (b"GET http://a/ HTTP/1.1\r\n\r\n".to_vec(), 400, "no Host"),
        (with("Host: a"), 400, "Host came twice"),
        (b"GET / HTTP/1.1\r\nHost: \r\n\r\n".to_vec(), 400, "host is no name"),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".to_vec(), 400, "host is no name"),
        (b"GET / HTTP/1.1\r\nHost: ann@a\r\n\r\n".to_vec(), 400, "host is no name"),
        (to("http://ann:secret@a/"), 400, "host is no name"),
        (to("http:///"), 400, "host is no name"),
        (b"GET /\r\n".to_vec(), 400, "no HTTP version"),
        (b"GET / \r\n".to_vec(), 400, "no request"),
        (b"hello\r\n".to_vec(), 400, "no request"),
        (b"get / HTTP/1.1\r\n".to_vec(), 400, "no request"),
        (b"GET  / HTTP/1.1\r\n".to_vec(), 400, "no request"),
        (b"GET / HTTP/1.1 \r\n".to_vec(), 400, "no request"),
        (b"GET /a b HTTP/1.1\r\n".to_vec(), 400, "no request"),
        (b"GET / http/1.1\r\n".to_vec(), 400, "no request"),
        (b" GET / HTTP/1.1\r\n".to_vec(), 400, "no request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 505, "HTTP/2 is not spoken"),
        (b"GET / HTTP/2.0\r\n".to_vec(), 505, "Only HTTP/1.1"),
        (b"GET / HTTP/1.2\r\n".to_vec(), 505, "Only HTTP/1.1"),
        (b"GET / HTTP/1.10\r\n".to_vec(), 505, "Only HTTP/1.1"),
        (b"GET / HTTP/\r\n".to_vec(), 505, "Only HTTP/1.1"),
        (b"\x16\x03\x01\x02\x00\x01".to_vec(), 400, "http:// for https://"),
        (b"GET /\0 HTTP/1.1\r\n".to_vec(), 400, "control byte"),
        (with("A: \x1b[2J"), 400, "control byte"),
        (with("A: \x7f"), 400, "control byte"),
        (to("*"), 400, "no path"),
        (to("a.example.org:443"), 400, "no path"),
        (to("ftp://a/"), 400, "no path"),
        (to("/#lobby"), 400, "%23"),
        (to("/%"), 400, "hexadecimal"),
        (to("/%2"), 400, "hexadecimal"),
        (to("/%+1"), 400, "hexadecimal"),
        (to("/%zz"), 400, "hexadecimal"),
        (to("/?name=%g0"), 400, "hexadecimal"),
        (to("/a%00"), 400, "percent code of a control byte"),
        (to("/a%0d%0aX:"), 400, "percent code of a control byte"),
        (to("/?name=a%0Ab"), 400, "percent code of a control byte"),
        (to("/%c2%85"), 400, "percent code of a control byte"),
        (to("/%ff"), 400, "not UTF-8"),
        (to("/.."), 400, "as a part"),
        (to("/../etc/passwd"), 400, "as a part"),
        (to("/a/%2e%2E/b"), 400, "as a part"),
        (to("/a%2f..%2fb"), 400, "as a part"),
        (to("/./a"), 400, "as a part"),
        (with("A b: c"), 400, "header's name"),
        (with("A : b"), 400, "header's name"),
        (with(": b"), 400, "header's name"),
        (with("A"), 400, "header's name"),
        (with("Expect: 200-ok"), 417, "100-continue"),
        (with("Origin: http://a\r\nOrigin: http://b"), 400, "Origin came twice"),
        (with("X-Name: a\r\nx-name: b"), 400, "X-Name came twice"),
        (with("Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a"), 400, "Sec-WebSocket-Key came twice"),
    ];
    for (input, status, words) in rows {
        let (requests, ended) = if input.len() < 1024 { every_split(&input) } else { read([input.as_slice()]) };
        assert_eq!(requests, [], "{}", input.escape_ascii());
        let bad = ended.expect_err(words);
        let line = bad.to_string();
        assert_eq!(bad.status().code(), status, "{line}: {}", input.escape_ascii());
        assert!(line.contains(words) && !line.contains('\n'), "{line} for {}", input.escape_ascii());
        assert_eq!(Response::from(bad).body(), format!("{line}\n").as_bytes());
    }
}

/// Whether a request is read, however it is cut into three.
fn every_split_ends(input: &[u8]) -> bool {
    let whole = read([input]);
    let cuts = [1, 17, 8000, 8190, 8191];
    let alike = |cut: &usize| {
        let (left, right) = input.split_at(*cut);
        read([left, right]) == whole
    };
    whole.1.is_ok() && whole.0.len() == 1 && cuts.iter().all(alike)
}

/// The peer of another protocol is answered at once, not when the time is up.
#[test]
fn wrong_first_line_is_refused_at_once() {
    for input in [&b"hello\n"[..], b"EHLO a\r\n", b"\x16", b"GET / HTTP/3\r\n", b"GET /\r\n", b"GET / HTTP/1.1\r\n \n"]
    {
        let mut decoder = RequestDecoder::new();
        decoder.feed(input);
        assert!(decoder.next().is_err(), "{}", input.escape_ascii());
    }
}

/// The same limits hold for a head that comes byte by byte and never ends.
#[test]
fn head_without_end_is_refused_at_the_limit() {
    let mut decoder = RequestDecoder::new();
    decoder.feed(b"GET / HTTP/1.1\r\nX: ");
    for fed in 19..MAX_HEAD {
        assert_eq!(decoder.next(), Ok(None), "{fed}");
        decoder.feed(b"x");
    }
    assert!(decoder.next().is_err());
}

#[test]
fn phase_tells_what_is_waited_for() {
    let mut decoder = RequestDecoder::new();
    let mut after = |bytes: &[u8]| {
        decoder.feed(bytes);
        let found = decoder.next().unwrap().map(|request| request.body);
        (found, decoder.phase(), decoder.late().map(|bad| bad.status().code()), decoder.wants_continue())
    };
    assert_eq!(after(b""), (None, Phase::Idle, None, false));
    assert_eq!(after(b"\r\n"), (None, Phase::Idle, None, false));
    assert_eq!(after(b"P"), (None, Phase::Head, Some(408), false));
    let head = b"OST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(after(head), (None, Phase::Body, Some(408), true));
    assert_eq!(after(b""), (None, Phase::Body, Some(408), false), "it is sent once");
    assert_eq!(after(b"a"), (None, Phase::Body, Some(408), false));
    assert_eq!(after(b"bcGET"), (Some(b"abc".to_vec()), Phase::Head, Some(408), false));
    assert_eq!(after(b" / HTTP/1.1\r\nHost: a\r\n\r\n"), (Some(vec![]), Phase::Idle, None, false));
    // A body that comes without waiting, and a client of HTTP/1.0, are not asked for it.
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\na";
    assert_eq!(after(head), (None, Phase::Body, Some(408), false));
    assert_eq!(after(b"b").1, Phase::Idle);
    let head = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(after(head), (None, Phase::Body, Some(408), false));
}

#[test]
fn rest_behind_request_is_taken() {
    let mut decoder = RequestDecoder::new();
    decoder.feed(&[GET, &b"\x81\x80abcd"[..]].concat());
    assert!(decoder.next().unwrap().is_some());
    assert_eq!(decoder.take_rest(), b"\x81\x80abcd");
    assert_eq!((decoder.phase(), decoder.take_rest()), (Phase::Idle, vec![]));
}

/// Pieces of which requests, and what is nearly one, are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET ",
        "POST ",
        "HEAD ",
        "PRI * HTTP/2.0\r\n",
        "/",
        "/lobby",
        "/%23a",
        "/%",
        "?name=a",
        "http://a:1/",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        " HTTP/9",
        "Host: a\r\n",
        "Host: a\r\n\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n\r\n",
        "Content-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "X: y\r\n",
        ": ",
        "abc",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /lobby HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    ]);
    prop_oneof![
        12 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => (0_usize..9000).prop_map(|length| vec![b'x'; length]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    /// Stands in for the fuzz target `http`.
    #[test]
    fn request_is_the_same_in_any_reads(
        pieces in prop::collection::vec(piece(), 0..12), sizes in prop::collection::vec(1_usize..40, 1..9),
    ) {
        let input = pieces.concat();
        let whole = read([input.as_slice()]);
        let (mut rest, mut reads) = (input.as_slice(), vec![]);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (one, behind) = rest.split_at((*size).min(rest.len()));
            reads.push(one);
            rest = behind;
        }
        prop_assert_eq!(&read(reads), &whole);
        for request in &whole.0 {
            prop_assert!(request.body.len() <= MAX_BODY && request.path.starts_with('/'));
            prop_assert!(!request.path.contains(char::is_control) && !request.path.contains("/../"));
        }
    }
}
