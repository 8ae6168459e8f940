//! Which pages may ask, by `Host`, `Origin` and `Sec-Fetch-Site`.

use parlor::wire::web::{Origins, PublicName, WebOrigin};

use super::{asked, request};

/// A door on loopback or not, with one public name and one origin.
fn origins(is_loopback: bool) -> Origins {
    Origins {
        public_names: vec!["Chat.example.org".parse().unwrap()],
        web_origins: vec!["https://app.example.net".parse().unwrap(), "http://127.0.0.1:3000".parse().unwrap()],
        is_loopback,
    }
}

/// Line, headers, and the words of the refusal; none if it may ask.
const ROWS: [(&str, &[&str], Option<&str>); 44] = [
    // curl and other programs.
    ("GET /lobby/raw", &[], None),
    ("POST /lobby", &[], None),
    ("POST /lobby", &["Host: localhost"], None),
    ("POST /lobby", &["Host: chat.localhost:1"], None),
    ("POST /lobby", &["Host: [::1]:8088"], None),
    ("POST /lobby", &["Host: 127.1.2.3"], None),
    // Names that others made to lead here.
    ("POST /lobby", &["Host: evil.example"], Some("--public-name evil.example")),
    ("GET /", &["Host: evil.example:8088"], Some("--public-name evil.example")),
    ("GET /metrics", &["Host: 127.0.0.1.evil.example"], Some("--public-name")),
    ("GET /ws", &["Host: evil.example", "Origin: http://evil.example"], Some("--public-name")),
    ("GET /", &["Host: 0.0.0.0:8088"], Some("--public-name 0.0.0.0")),
    ("GET /", &["Host: 192.168.0.9"], Some("--public-name")),
    ("GET http://evil.example/ ", &["Host: localhost"], Some("--public-name evil.example")),
    ("GET /", &["Host: chat.example.org"], None),
    ("GET /", &["Host: CHAT.example.org:443"], None),
    ("GET /", &["Host: a.chat.example.org"], Some("--public-name")),
    // The server's own page.
    ("GET /ws", &["Origin: http://127.0.0.1:8088"], None),
    ("POST /lobby", &["Origin: http://127.0.0.1:8088", "Sec-Fetch-Site: same-origin"], None),
    ("POST /lobby", &["Host: localhost", "Origin: http://localhost"], None),
    ("POST /lobby", &["Host: localhost:80", "Origin: http://LOCALHOST"], None),
    ("POST /lobby", &["Host: chat.example.org", "Origin: https://chat.example.org"], None),
    ("POST /lobby", &["Host: chat.example.org:443", "Origin: https://chat.example.org"], None),
    ("GET /lobby/sse", &["Sec-Fetch-Site: same-origin"], None),
    ("GET /", &["Sec-Fetch-Site: none"], None),
    // Pages of other origins.
    ("POST /lobby", &["Origin: https://evil.example"], Some("--web-origin https://evil.example lets")),
    ("GET /ws", &["Origin: https://evil.example:1"], Some("--web-origin https://evil.example:1 lets")),
    ("POST /lobby", &["Origin: http://127.0.0.1:8089"], Some("--web-origin")),
    ("POST /lobby", &["Origin: http://127.0.0.1"], Some("--web-origin")),
    ("POST /lobby", &["Origin: https://127.0.0.1"], Some("--web-origin")),
    ("POST /lobby", &["Host: localhost:8088", "Origin: http://127.0.0.1:8088"], Some("--web-origin")),
    ("POST /lobby", &["Host: localhost:443", "Origin: http://localhost"], Some("--web-origin")),
    ("POST /lobby", &["Origin: chrome-extension://abc"], Some("--web-origin chrome-extension://abc")),
    ("POST /lobby", &["Host: localhost", "Origin: app://localhost"], Some("--web-origin app://localhost")),
    ("POST /lobby", &["Origin: null"], Some("without an origin")),
    ("POST /lobby", &["Origin: "], Some("without an origin")),
    ("POST /lobby", &["Origin: http://127.0.0.1:8088/"], Some("without an origin")),
    ("POST /lobby", &["Sec-Fetch-Site: cross-site"], Some("another site")),
    ("GET /lobby/json", &["Sec-Fetch-Site: same-site"], Some("another site")),
    ("GET /lobby/json", &["Sec-Fetch-Site: new-word"], Some("another site")),
    // A link to the page.
    ("GET /", &["Sec-Fetch-Site: cross-site"], None),
    // The same name by another scheme, as behind a proxy that adds TLS.
    ("POST /lobby", &["Origin: http://127.0.0.1:8088", "Sec-Fetch-Site: cross-site"], Some("--web-origin")),
    // Origins that the operator lets in.
    ("GET /ws", &["Origin: https://app.example.net"], None),
    ("POST /lobby", &["Origin: https://APP.example.net:443", "Sec-Fetch-Site: cross-site"], None),
    ("POST /lobby", &["Origin: http://app.example.net"], Some("--web-origin")),
];

#[test]
fn host_and_origin_decide_who_may_ask() {
    for (line, headers, refused) in ROWS {
        let request = asked(line.trim_end(), headers, "");
        match (origins(true).check(&request), refused) {
            (Ok(()), None) => {}
            (Err(response), Some(words)) => {
                let text = String::from_utf8_lossy(response.body()).into_owned();
                assert_eq!(response.status().code(), 403);
                assert!(text.contains(words) && text.lines().count() == 1, "{line} {headers:?}: {text}");
            }
            (got, _) => panic!("{line} {headers:?}: {got:?}"),
        }
    }
}

#[test]
fn any_host_may_be_asked_beyond_loopback() {
    let check = |headers: &[&str]| origins(false).check(&asked("POST /lobby", headers, "")).is_ok();
    assert!(check(&["Host: 192.168.0.9:8088"]) && check(&["Host: a.example", "Origin: http://a.example"]));
    assert!(!check(&["Host: a.example", "Origin: http://b.example"]));
}

/// A health check of HTTP/1.0 has no `Host`; no browser is that old.
#[test]
fn request_without_host_comes_from_no_page() {
    assert!(origins(true).check(&request("GET /healthz HTTP/1.0\r\n\r\n")).is_ok());
    let refused = origins(true).check(&request("GET /healthz HTTP/1.0\r\nOrigin: http://localhost\r\n\r\n"));
    assert!(refused.is_err());
}

#[test]
fn name_and_origin_are_read_from_flags() {
    let name = |text: &str| text.parse::<PublicName>().map(|name| name.to_string());
    assert_eq!(name("Chat.Example.org.").as_deref(), Ok("chat.example.org"));
    assert_eq!(name("[::1]").as_deref(), Ok("[::1]"));
    for wrong in ["", "a:80", "http://a", "a/b", "*.a", "\u{e4}.example"] {
        assert_eq!(name(wrong).unwrap_err(), "write a name like chat.example.org, without http:// and without a port");
    }
    let origin = |text: &str| text.parse::<WebOrigin>().map(|origin| origin.to_string());
    assert_eq!(origin("HTTPS://Example.org:8443").as_deref(), Ok("https://example.org:8443"));
    for wrong in ["", "null", "example.org", "https://", "https://a/", "https://a/b", "://a", "a b://c", "https://*"] {
        assert!(origin(wrong).unwrap_err().starts_with("write an origin like https://"), "{wrong}");
    }
}
