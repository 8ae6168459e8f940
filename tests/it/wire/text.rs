//! What real clients send to the text door.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::{Notice, Refusal};
use parlor::wire::{Foreign, Inbound, Wire, WireError};

use super::{CRLF, LIMIT, USER_LIST, answers, breaks, decode, limits, reads, say, too_long};

#[test]
fn lines_end_at_lf_crlf_and_the_end_of_input() {
    reads(b"", &[]);
    reads(b"\n\n  \n\t\n", &[]);
    reads(b"hi all\n", &[say("hi all")]);
    reads(b"hi all", &[say("hi all")]);
    reads(b"one\ntwo\nwho", &[say("one"), say("two"), USER_LIST]);
    reads(b"one\r\ntwo\r\n", &[CRLF, say("one"), say("two")]);
    reads(b"one\ntwo\r\nthree", &[say("one"), CRLF, say("two"), say("three")]);
    reads(b"\r\n", &[CRLF]);
    // One CR goes with the end, at the end of input too; any other becomes a blank.
    reads(b"one\r\r\n", &[CRLF, say("one ")]);
    reads(b"one\rtwo\n", &[say("one two")]);
    reads(b"one\r", &[say("one")]);
    reads(b"caf\xc3\xa9 \xe5\xae\xb6\n", &[say("café 家")]);
}

#[test]
fn what_is_no_text_is_shown_as_what_it_is() {
    reads(b"caf\xe9 \xc3\n", &[say("caf\u{fffd} \u{fffd}")]);
    reads(b"\xc3", &[say("\u{fffd}")]);
    reads(b"\xf0\x9f\x8f\n\xa0 is no house\n", &[say("\u{fffd}"), say("\u{fffd} is no house")]);
    reads(b"\x1b[2J\x07\x7f\n", &[say("␛[2J␇\u{fffd}")]);
    reads("one\u{2028}two\u{85}three\u{202e}\n".as_bytes(), &[say("one two three")]);
    reads(b"a much later\0 NUL goes\0\n", &[say("a much later NUL goes")]);
    reads(b"twelve bytes\0\n\0\n", &[say("twelve bytes")]);
    // RFC 854's lone CR is CR NUL.
    reads(b"character\r\0mode\r\0\n", &[CRLF, say("character mode")]);
}

#[test]
fn byte_255_is_telnet_only_before_a_command() {
    reads(b"\xffa latin1 \xff\xff \xff\n", &[say("\u{fffd}a latin1 \u{fffd} \u{fffd}")]);
    reads(b"\xff", &[say("\u{fffd}")]);
    reads(b"y \xff\xff", &[say("y \u{fffd}")]);
    reads(b"y \xff\xef", &[say("y \u{fffd}\u{fffd}")]); // 239, the byte below the lowest command
    reads(b"y \xff\xf0\n", &[CRLF, say("y ")]);
    reads(b"y\xff", &[say("y\u{fffd}")]);
    // A command, an option, a subnegotiation that the end of input cuts short.
    reads(b"hi\xff\xfd", &[say("hi")]);
    reads(b"hi\xff\xfa\x18\x00", &[say("hi")]);
}

#[test]
fn gnu_telnet_sees_again_after_ctrl_c() {
    let refusal = Inbound::Answer([255, 252, 6].into());
    reads(b"\xff\xf4\xff\xfd\x06", &answers(&[[255, 252, 6]]));
    reads(
        b"half a li\xff\xf4\xff\xfd\x06ne\r\n\xff\xf4\xff\xfd\x06",
        &[CRLF, refusal.clone(), say("half a line"), refusal],
    );
    // Each of them is answered, unlike any other option.
    reads(b"\xff\xfd\x06\xff\xfd\x06\xff\xfd\x06", &answers(&[[255, 252, 6]; 3]));
}

#[test]
fn putty_and_gnu_telnet_negotiate() {
    // PuTTY opens with WILL window size, speed, terminal, environment, DO echo, WILL and DO go-ahead.
    let putty = b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";
    let dont = |option| [255, 254, option];
    let wont = |option| [255, 252, option];
    let putty_answers = answers(&[dont(31), dont(32), dont(24), dont(39), wont(1), dont(3), wont(3)]);
    reads(putty, &putty_answers);
    // GNU telnet, on port 23 or when told to: DO go-ahead, five WILLs, DO status.
    let gnu =
        b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x21\xff\xfb\x22\xff\xfb\x27\xff\xfd\x05hi\r\nwho\r\n";
    let mut gnu_answers = answers(&[wont(3), dont(24), dont(31), dont(32), dont(33), dont(34), dont(39), wont(5)]);
    gnu_answers.extend([say("hi"), USER_LIST]);
    reads(gnu, &gnu_answers);
    // Once each: whoever repeats it, or agrees, is not answered again.
    let twice = [putty.as_slice(), putty, b"\xff\xfc\x01\xff\xfe\x1f"].concat();
    reads(&twice, &putty_answers);
    // WILL of an option is not DO of it.
    reads(b"\xff\xfb\x06\xff\xfd\xff\xff\xfb\x06", &answers(&[dont(6), wont(255)]));
}

#[test]
fn telnet_commands_vanish_from_within_a_line() {
    reads(b"\xff\xf6", &[CRLF, Inbound::Tell(Notice::StillHere)]);
    reads(b"w\xff\xf1h\xff\xf9o\n", &[CRLF, USER_LIST]);
    reads(b"caf\xc3\xff\xf6\xa9\n", &[CRLF, Inbound::Tell(Notice::StillHere), say("café")]);
    // Window size 255 by 24, its 255 doubled; a LF in a subnegotiation ends no line.
    reads(b"\xff\xfa\x1f\x00\xff\xff\x00\n\xff\xf0hi\n", &[CRLF, say("hi")]);
    reads(b"\xff\xfa\x18\x00xterm\xff\xf0who\r\n", &[CRLF, USER_LIST]);
    reads(b"\xff\xfa\xff\xff\xf0\xff\xf0hi\n", &[CRLF, say("hi")]);
}

#[test]
fn a_subnegotiation_has_an_end() {
    let negotiation = |length| [b"\xff\xfa".as_slice(), &vec![b'x'; length], b"\xff\xf0hi\n"].concat();
    let by_page = |input: &[u8]| decode(Wire::Text, LIMIT, input.chunks(1000));
    let whole = (vec![CRLF, say("hi")], None);
    assert_eq!(by_page(&negotiation(4095)), whole);
    assert_eq!(decode(Wire::Text, LIMIT, negotiation(4095).chunks(1)), whole);
    assert_eq!(by_page(&negotiation(4096)), whole);
    for endless in [4097, 1 << 20] {
        let (got, error) = by_page(&negotiation(endless));
        assert_eq!(got, []);
        assert!(matches!(error, Some(WireError::Malformed(_))), "{error:?}");
    }
}

#[test]
fn callers_with_another_protocol_are_known_by_their_first_bytes() {
    let http = WireError::Foreign(Foreign::Http);
    breaks(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n", &[], http);
    breaks(b"POST /chat?room=1 HTTP/1.0\n\n", &[], http);
    breaks(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], http);
    breaks(b"GET / HTTP/1.1", &[], http);
    // Longer than a line may be, and known by its beginning.
    breaks(format!("GET /{} HTTP/1.1\r\n", "a".repeat(2 * LIMIT)).as_bytes(), &[], http);
    reads(format!("GET {}\n", "a".repeat(2 * LIMIT)).as_bytes(), &[too_long(2 * LIMIT as u64 + 4)]);
    // Only the first line of all.
    reads(b"look:\nGET / HTTP/1.1\n", &[say("look:"), say("GET / HTTP/1.1")]);
    reads(b"GET out of HTTP\n", &[say("GET out of HTTP")]);
    reads(b"GET me a sandwich\n", &[say("GET me a sandwich")]);
    reads(b"GET off HTTP/1.1 now\n", &[say("GET off HTTP/1.1 now")]);
    reads(b"GET HTTP/eleven\n", &[say("GET HTTP/eleven")]);

    let tls = WireError::Foreign(Foreign::Tls);
    breaks(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[], tls);
    reads(b"\x16\x04\n", &[say("␖␄")]);
    reads(b"a\x16\x03\n", &[say("a␖␃")]);

    let binary = WireError::Foreign(Foreign::Binary);
    breaks(b"\0\0\0\0\0\0\0\0", &[], binary); // a heartbeat frame
    breaks(b"\x64\0\0\0\x0e\0\0\0{\"Data\":\"hi\"}", &[], binary); // a frame that says something
    breaks(b"\x00\x1d{\"Act\":\"heartbeat\",\"Data\":\"\"}", &[], binary); // a JSON packet
    breaks(b"1234567\0", &[], binary);
    reads(b"12345678\0\n", &[say("12345678")]);
    breaks(b"hi\n\xff\xf6\0", &[say("hi"), CRLF, Inbound::Tell(Notice::StillHere)], binary);
}

#[test]
fn a_line_has_a_limit_and_its_end_does_not_count() {
    let ends: [(&[u8], bool); 3] = [(b"\n", false), (b"\r\n", true), (b"", false)];
    for (end, crlf) in ends {
        for (length, wanted) in [
            (LIMIT - 1, say(&"x".repeat(LIMIT - 1))),
            (LIMIT, say(&"x".repeat(LIMIT))),
            (LIMIT + 1, too_long(65)),
            (LIMIT + 2, too_long(66)),
            (5000, too_long(5000)),
        ] {
            let line = [vec![b'x'; length].as_slice(), end].concat();
            let wanted: Vec<_> = crlf.then_some(CRLF).into_iter().chain([wanted]).collect();
            if length < 100 {
                reads(&line, &wanted);
            }
            assert_eq!(decode(Wire::Text, LIMIT, line.chunks(1000)), (wanted, None), "{length} and {end:?}");
        }
    }
    // The session stays; a command that is too long is not done; a name that is too long is not taken.
    let over = format!("{}\nhi\nrename|{}\nwho\n", "é".repeat(40), "x".repeat(58));
    reads(over.as_bytes(), &[too_long(80), say("hi"), too_long(65), USER_LIST]);
    // A lone CR counts, wherever the limit falls.
    for at in 60..70 {
        let mut line = vec![b'x'; 70];
        line[at] = b'\r';
        reads(&line, &[too_long(70 - u64::from(at == 69))]);
    }
}

#[test]
fn ten_mebibytes_without_a_line_end_are_counted_not_kept() {
    let mut decoder = Wire::Text.decoder(limits(4096));
    let mut text = parlor::wire::TextDecoder::new(limits(4096));
    let chunk = [b'x'; 64 * 1024];
    for _ in 0..160 {
        for decoder in [decoder.as_mut(), &mut text] {
            decoder.feed(&chunk);
            assert_eq!(decoder.next(), Ok(None));
        }
    }
    // What it holds, as its debug form shows it: 5 characters for each byte of a line that is kept.
    let held = format!("{text:?}").len();
    assert!(held < 5 * 4200 + 1000, "{held} characters of debug form");
    decoder.feed(b"\nhi\n");
    let refusal = Refusal::TooLong { bytes: 10 * 1024 * 1024, limit: 4096 };
    assert_eq!(
        refusal.to_string(),
        "Line too long: 10485760 bytes, the limit is 4096. Nothing was sent.",
        "what the person is told"
    );
    assert_eq!(decoder.next(), Ok(Some(Inbound::Refused(refusal))));
    assert_eq!(decoder.next(), Ok(Some(say("hi"))));
    assert_eq!(decoder.next(), Ok(None));
}
