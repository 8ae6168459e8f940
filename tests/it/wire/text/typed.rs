//! Input of real clients at the text door.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::{Command, Notice, Refusal};
use parlor::wire::{Inbound, Protocol, Wire, WireError};

use crate::support::recorded::{FRAME_HEARTBEAT, GF2_HEARTBEAT, TLS_HELLO};
use crate::support::values::{body, say};
use crate::wire::{CRLF, LIMIT, NOT_UTF8, USER_LIST, answers, breaks, decode, limits, reads, too_long};

#[test]
fn line_ends_at_lf_crlf_or_end() {
    reads(b"", &[]);
    reads(b"\n\n  \n\t\n", &[]);
    reads(b"hi all\n", &[say("hi all")]);
    reads(b"hi all", &[say("hi all")]);
    reads(b"one\ntwo\nwho", &[say("one"), say("two"), USER_LIST]);
    reads(b"one\r\ntwo\r\n", &[CRLF, say("one"), say("two")]);
    reads(b"one\ntwo\r\nthree", &[say("one"), CRLF, say("two"), say("three")]);
    reads(b"\r\n", &[CRLF]);
    // One CR goes with the end; any other becomes a blank.
    reads(b"one\r\r\n", &[CRLF, say("one ")]);
    reads(b"one\rtwo\n", &[say("one two")]);
    reads(b"one\ntwo\r", &[say("one"), say("two")]);
    reads(b"caf\xc3\xa9 \xe5\xae\xb6\n", &[say("café 家")]);
}

#[test]
fn bytes_without_text_are_shown_replaced() {
    // The sender is told once.
    reads(b"caf\xe9 \xc3\n", &[say("caf\u{fffd} \u{fffd}"), NOT_UTF8]);
    reads(b"\xc3", &[say("\u{fffd}"), NOT_UTF8]);
    reads(
        b"\xc4\xe3\xba\xc3\nhi\n\xc4\xe3\n",
        &[say("\u{fffd}\u{fffd}\u{fffd}"), NOT_UTF8, say("hi"), say("\u{fffd}\u{fffd}")],
    );
    reads(b"\xf0\x9f\x8f\n\xa0 is no house\n", &[say("\u{fffd}"), NOT_UTF8, say("\u{fffd} is no house")]);
    reads(b"\x1b[2J\x07x\x7f\n", &[say("␛[2J␇")]);
    reads("one\u{2028}two\u{85}three\u{202e}\n".as_bytes(), &[say("one two three")]);
    reads(b"a much later\0 NUL goes\0\n", &[say("a much later NUL goes")]);
    reads(b"twelve bytes\0\n\0\n", &[say("twelve bytes")]);
}

/// Each array is what the reads of one session bring.
#[test]
fn bare_cr_ends_lines_until_lf() {
    let msg = |text: &str| Inbound::Command(Command::Msg { to: "ann".into(), body: body(text) });
    let cases: [(&[&[u8]], &[Inbound]); 10] = [
        (&[b"hello\r"], &[say("hello")]),
        (&[b"hello\r/msg ann secret\r"], &[say("hello"), msg("secret")]),
        (&[b"hello\r", b"/msg ann secret\rhi\r"], &[say("hello"), msg("secret"), say("hi")]),
        (&[b"hel", b"lo\r", b"hi", b"\r"], &[say("hello"), say("hi")]),
        (&[b"hello\r\0how are you\r\0"], &[say("hello"), say("how are you")]),
        (&[b"hello\r", b"\0hi\r", b"\0"], &[say("hello"), say("hi")]),
        // An LF shows that it is none, and belongs to the CR before it.
        (&[b"a\r", b"\nb\rc\r\n"], &[say("a"), CRLF, say("b c")]),
        (&[b"1%\r50%\r100%\n"], &[say("1% 50% 100%")]),
        (&[b"a\n\rb\n\r"], &[say("a"), say("b")]),
        // A CR within a telnet command is no letter; one behind a command is.
        (&[b"a\rb\xff\xfd\r", b"c\xff\xf1\r"], &[CRLF, Inbound::Answer([255, 252, 13].into()), say("a bc")]),
    ];
    for (reads, wanted) in cases {
        // Items that come at once, without an end of input.
        let mut decoder = Wire::Text.decoder(limits(LIMIT));
        let mut got = Vec::new();
        for read in reads {
            decoder.feed(read);
            crate::wire::drain(decoder.as_mut(), &mut got).unwrap();
        }
        assert_eq!(got, wanted, "{reads:?}");
    }
}

#[test]
fn editing_characters_remove_what_was_typed() {
    let msg = Inbound::Command(Command::Msg { to: "ann".into(), body: body("hi") });
    for typed in [
        b"/msg anm\x08n hi\n".as_slice(),
        b"/msg anm\x7fn hi\n",
        b"nonsense\x15/msg ann hi\n",
        "/msg ann h\u{1f3e0}\u{8}i\n".as_bytes(),
        b"\x08\x7f\x15/msg ann hi\n",
    ] {
        reads(typed, std::slice::from_ref(&msg));
    }
    reads(b"/msg anm\xff\xf7n hi\n", &[CRLF, msg.clone()]);
    reads(b"nonsense\xff\xf8/msg ann hi\n", &[CRLF, msg]);
    reads(b"one\n\x08\x7f\x08two\n", &[say("one"), say("two")]);
    // A line that was too long stays so until it is begun anew.
    reads(format!("{}{}\n", "x".repeat(70), "\u{8}".repeat(10)).as_bytes(), &[too_long(70)]);
    reads(format!("{}\u{15}hi\n", "x".repeat(70)).as_bytes(), &[say("hi")]);
}

#[test]
fn byte_255_needs_command_for_telnet() {
    // Not UTF-8: from then on 255 is a letter.
    reads(b"\xffa latin1 \xff\xff \xff\n", &[say("\u{fffd}a latin1 \u{fffd}\u{fffd} \u{fffd}"), NOT_UTF8]);
    reads(b"\xff", &[say("\u{fffd}"), NOT_UTF8]);
    reads(b"y \xff\xff", &[say("y \u{fffd}"), NOT_UTF8]);
    reads(b"y \xff\xeb", &[say("y \u{fffd}\u{fffd}"), NOT_UTF8]); // 235, the byte below the lowest command
    reads(b"y \xff\xf0\n", &[CRLF, say("y ")]);
    reads(b"y\xff", &[say("y\u{fffd}"), NOT_UTF8]);
    // A command, an option, a subnegotiation that the end of input cuts short.
    reads(b"hi\xff\xfd", &[say("hi")]);
    reads(b"hi\xff\xfa\x18\x00", &[say("hi")]);
    // The rare commands count once the peer has sent a common one.
    for rare in 236..240 {
        reads(&[b'a', 255, rare, b'b', b'\n'], &[say("a\u{fffd}\u{fffd}b"), NOT_UTF8]);
        reads(&[b'a', 255, 241, 255, rare, b'b', b'\n'], &[CRLF, say("ab")]);
    }
}

/// Windows-1251 has я where telnet has IAC.
#[test]
fn cyrillic_bytes_are_not_telnet() {
    let broken = |count| say(&"\u{fffd}".repeat(count));
    for (letters, count) in [
        (b"\xf1\xe8\xff\xfe".as_slice(), 4), // сияю
        (b"\xec\xe5\xf1\xff\xf6", 5),        // месяц
        (b"\xff\xed\xe2\xe0\xf0\xfc", 6),    // январь
        (b"\xf1\xf2\xee\xff\xfa", 5),        // стояъ, the beginning of a subnegotiation
        (b"\xef\xff\xf2\xfc", 4),            // пять
        (b"\xec\xff\xfd", 3),                // мяэ
    ] {
        reads(&[letters, b"\nhi\n"].concat(), &[broken(count), NOT_UTF8, say("hi")]);
        // In a later line too.
        reads(
            &[b"\xec\xee\nx ", &letters[letters.len() - 2..], b"\n"].concat(),
            &[broken(2), NOT_UTF8, say("x \u{fffd}\u{fffd}")],
        );
    }
    reads(b"\xff\xed\xe2\xe0\xf0\xfc\r\nhi\r\n", &[CRLF, broken(6), NOT_UTF8, say("hi")]);
    // A timing mark is answered all the same, and a client that negotiates goes on with telnet.
    let mark = Inbound::Answer([255, 252, 6].into());
    reads(b"\xec\xee\n\xff\xfd\x06hi\n", &[broken(2), NOT_UTF8, CRLF, mark, say("hi")]);
    reads(
        b"\xff\xfd\x01\xec\xee\n\xff\xf6",
        &[CRLF, Inbound::Answer([255, 252, 1].into()), broken(2), NOT_UTF8, Inbound::Tell(Notice::StillHere)],
    );
    reads(
        b"\xff\xfd\x01\xec\xee\xff\xfe\nhi\n",
        &[CRLF, Inbound::Answer([255, 252, 1].into()), broken(4), NOT_UTF8, say("hi")],
    );
}

#[test]
fn bare_quit_in_pipe_is_said() {
    let quit = Inbound::Command(Command::Quit(None));
    for word in ["quit", "exit", "QUIT ", "\u{feff}Exit"] {
        let text = word.trim_end();
        let piped = format!("a\n{word}\nb\n");
        assert_eq!(
            decode(Wire::Text, LIMIT, [piped.as_bytes()]),
            (vec![say("a"), say(word), say("b")], None),
            "{word}"
        );
        for last in [format!("a\n{word}\n"), format!("a\n{word}"), format!("a\n{word}\n\n")] {
            reads(last.as_bytes(), &[say("a"), quit.clone()]);
        }
        let slashed = format!("a\n/{}\nb\n", text.trim_start_matches('\u{feff}'));
        reads(slashed.as_bytes(), &[say("a"), quit.clone(), say("b")]);
    }
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
    // Within a character too, where telnet has been spoken before.
    reads(b"\xff\xf1caf\xc3\xff\xf6\xa9\n", &[CRLF, Inbound::Tell(Notice::StillHere), say("café")]);
    // Window size 255 by 24, its 255 doubled; a LF in a subnegotiation ends no line.
    reads(b"\xff\xfa\x1f\x00\xff\xff\x00\n\xff\xf0hi\n", &[CRLF, say("hi")]);
    reads(b"\xff\xfa\x18\x00xterm\xff\xf0who\r\n", &[CRLF, USER_LIST]);
    reads(b"\xff\xfa\xff\xff\xf0\xff\xf0hi\n", &[CRLF, say("hi")]);
}

#[test]
fn subnegotiation_has_an_end() {
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
fn other_protocols_are_known_by_first_bytes() {
    let http = WireError::WrongProtocol(Protocol::Http);
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

    let tls = WireError::WrongProtocol(Protocol::Tls);
    breaks(TLS_HELLO, &[], tls);
    reads(b"\x16\x04\n", &[say("␖␄")]);
    reads(b"a\x16\x03\n", &[say("a␖␃")]);

    let binary = WireError::WrongProtocol(Protocol::Binary);
    breaks(FRAME_HEARTBEAT, &[], binary); // a heartbeat frame
    breaks(b"\x64\0\0\0\x0e\0\0\0{\"Data\":\"hi\"}", &[], binary); // a frame that says something
    breaks(GF2_HEARTBEAT, &[], binary); // a JSON packet
    breaks(b"1234567\0", &[], binary);
    reads(b"12345678\0\n", &[say("12345678")]);
    breaks(b"\xff\xf6\0", &[CRLF, Inbound::Tell(Notice::StillHere)], binary);
    // Not once a first line has proved that a person writes.
    reads(b"hi\n\0ho\n\0", &[say("hi"), say("ho")]);
    reads(b"hi\n\xff\xf6\0", &[say("hi"), CRLF, Inbound::Tell(Notice::StillHere)]);
    reads(b"hi\n\x16\x03\x01\0\xc8\x01\n", &[say("hi"), say("␖␃␁\u{fffd}␁"), NOT_UTF8]);
}

#[test]
fn line_limit_leaves_out_its_end() {
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
        reads(&[b"\n", line.as_slice()].concat(), &[too_long(70 - u64::from(at == 69))]);
    }
}

#[test]
fn endless_line_is_counted_not_kept() {
    let mut decoder = Wire::Text.decoder(limits(4096));
    let mut text = parlor::wire::TextDecoder::new(limits(4096));
    let chunk = [b'x'; 64 * 1024];
    for _ in 0..160 {
        for decoder in [decoder.as_mut(), &mut text] {
            decoder.feed(&chunk);
            assert_eq!(decoder.next(), Ok(None));
        }
    }
    // The bytes that it holds, by its debug form: 5 characters for each byte of a line that is kept.
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
