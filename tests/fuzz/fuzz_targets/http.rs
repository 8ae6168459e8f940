//! The HTTP door's requests, what they ask for, and the answers that repeat parts of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::wire::web::{BadRequest, MAX_BODY, Origins, Request, RequestDecoder, Response, Route, route};
use parlor_fuzz::{Input, is_forbidden};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let (requests, ended) = read(&[input.stream]);
    assert_eq!((requests.clone(), ended), read(&input.reads()), "whole, and in reads");
    if let Err(bad) = ended {
        check(&Response::from(bad));
    }
    for request in &requests {
        assert!(request.body.len() <= MAX_BODY && request.path.starts_with('/'));
        assert!(!request.path.chars().any(char::is_control));
        for is_loopback in [false, true] {
            if let Err(refused) = (Origins { is_loopback, ..Origins::default() }).check(request) {
                check(&refused);
            }
        }
        match route(request, input.limits()) {
            Err(refused) => check(&refused),
            Ok(Route::Say(post)) => {
                assert!(!post.lines.is_empty());
                for line in &post.lines {
                    assert!(!line.as_str().chars().any(is_forbidden), "{line:?}");
                }
            }
            Ok(_) => {}
        }
    }
});

/// The requests in some reads, and how they ended.
fn read(reads: &[&[u8]]) -> (Vec<Request>, Result<(), BadRequest>) {
    let mut decoder = RequestDecoder::new();
    let mut requests = Vec::new();
    for bytes in reads {
        decoder.feed(bytes);
        loop {
            match decoder.next() {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => break,
                Err(bad) => return (requests, Err(bad)),
            }
        }
    }
    (requests, decoder.end())
}

/// An answer is one head and one line of text, which acts on no terminal.
fn check(response: &Response) {
    let mut bytes = Vec::new();
    response.encode(false, false, &mut bytes);
    let text = String::from_utf8(bytes).expect("an answer is UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head ends");
    assert!(head.split("\r\n").all(|line| !line.chars().any(is_forbidden)), "{head:?}");
    let line = body.strip_suffix('\n').expect("a line ends");
    assert!(!line.chars().any(is_forbidden), "{line:?}");
}
