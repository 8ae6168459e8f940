//! Invisible characters before a slash or a bare word: they make nothing public.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::{Command, Refusal};
use parlor::wire::{Inbound, Wire, typed_line};
use proptest::collection::vec;
use proptest::prelude::*;
use regex::Regex;

use crate::support::values::{body, say};
use crate::wire::{LIMIT, NOT_UTF8, USER_LIST, decode, reads, rename};

/// Unicode's ignorable, control and space characters.
fn unseen() -> Vec<char> {
    let unseen = Regex::new(r"^[\p{Default_Ignorable_Code_Point}\p{Cc}\p{White_Space}\p{Z}\p{Cf}--\x{600}-\x{605}\x{6dd}\x{70f}\x{890}-\x{891}\x{8e2}\x{110bd}\x{110cd}\x{13430}-\x{1343f}]$").unwrap();
    ('\0'..=char::MAX).filter(|c| unseen.is_match(c.encode_utf8(&mut [0; 4]))).collect()
}

fn msg() -> Inbound {
    Inbound::Command(Command::Msg { to: "ann".into(), body: body("secret") })
}

fn is_public(item: &Inbound) -> bool {
    matches!(item, Inbound::Command(Command::Say(said)) if said.as_str().contains("secret"))
}

const REFUSED: Inbound = Inbound::Refused(Refusal::LooksLikeCommand);

#[test]
fn commands_are_obeyed_behind_what_nobody_sees() {
    for before in [
        "",
        "\u{1b}b\u{3164}",
        " ",
        "    ",
        "\t",
        "\u{a0}",
        "\u{3000}",
        "\u{feff}",
        "\u{200b}",
        "\u{200b}\u{2060}\u{ad}",
        "\u{4}",
        "\u{1b}",
        "\u{1b}[A",
        "\u{1b}[200~",
        "\u{1b}OP",
        "\u{9b}1~",
        "\u{1b}]0;title\u{7}",
        "\u{feff} \u{1b}[200~\t",
        "\u{1b}(B",
        "\u{1b}#8",
        "\u{1b}=",
        "\u{1b}7",
        "\u{1b}[M !!",
        "\u{9d}0;title\u{9c}",
        "\u{90}1$r0m\u{1b}\\",
    ] {
        reads(format!("{before}/msg ann secret\n").as_bytes(), &[msg()]);
        reads(format!("{before}who\n").as_bytes(), &[USER_LIST]);
        reads(format!("{before}rename|bob\n").as_bytes(), &[rename("bob")]);
        reads(format!("{before}help\n").as_bytes(), &[Inbound::Command(Command::Help(None))]);
        for quit in ["quit", "exit", "/quit"] {
            reads(format!("{before}{quit}\n").as_bytes(), &[Inbound::Command(Command::Quit(None))]);
        }
    }
    // Alt and a letter, before a slash.
    reads(b"\x1bb\x1bf/msg ann secret\n", &[msg()]);
    // A terminal that sends eight bits.
    reads(b"\x9bA\x9b1;5D/msg ann secret\n", &[msg(), NOT_UTF8]);
    reads(b"caf\xe9 \x9bA\n", &[say("caf\u{fffd} \u{fffd}A"), NOT_UTF8]);
    // Keys behind a bare word.
    for behind in ["\u{1b}[A", " \u{1b}[D\u{1b}OP", "\u{200b}\u{4}"] {
        reads(format!("who{behind}\n").as_bytes(), &[USER_LIST]);
        reads(format!("rename|bob{behind}\n").as_bytes(), &[rename("bob")]);
        reads(format!("exit{behind}\n").as_bytes(), &[Inbound::Command(Command::Quit(None))]);
    }
    // A combining mark behind the name belongs to it.
    reads("rename|jose\u{301}\n".as_bytes(), &[rename("jos\u{e9}")]);
    // The end of a paste is no part of a line.
    reads(b"\x1b[200~/msg ann secret\x1b[201~\n", &[msg()]);
    reads(b"\x1b[200~who\x1b[201~\n", &[USER_LIST]);
    reads(b"\x1b[200~rename|bob\x1b[201~ \n", &[rename("bob")]);
}

#[test]
fn look_alikes_of_a_slash_are_refused() {
    for slash in
        ['\u{ff0f}', '\u{2044}', '\u{2215}', '\u{29f8}', '\u{2571}', '\u{3001}', '\u{ff64}', '\u{30fb}', '\u{ff65}']
    {
        for command in
            ["msg ann secret", "ＭＳＧ　ann secret", "mgs ann secret", "w ann secret", "quit", "\u{200b}msg ann secret"]
        {
            for before in ["", " ", "\u{feff}"] {
                reads(format!("{before}{slash}{command}\n").as_bytes(), &[REFUSED]);
            }
        }
        for chat in ["usr/bin", "你好", " 1", "", "こんにちは"] {
            let typed = format!("{slash}{chat}");
            reads(format!("{typed}\n").as_bytes(), &[say(&typed)]);
        }
    }
    for before in [
        b"\xc4".as_slice(),
        b"\xff\xed",
        "\u{301}".as_bytes(),
        "\u{fffd}".as_bytes(),
        "\u{f700}".as_bytes(),
        "\u{ffff}".as_bytes(),
    ] {
        for command in ["/msg ann secret", "/mgs ann secret", "who", "rename|bob", "quit"] {
            let told = std::str::from_utf8(before).is_err().then_some(NOT_UTF8);
            let wanted: Vec<_> = [REFUSED].into_iter().chain(told).collect();
            reads(&[before, command.as_bytes(), b"\n"].concat(), &wanted);
        }
    }
}

#[test]
fn indented_code_and_paths_are_said() {
    for typed in [
        "    // x",
        "  /* x */",
        " /usr/bin",
        "\t/etc/passwd is a file",
        " /",
        " //who",
        "\t//",
        " /tmp",
        " /home/ann/x",
        " // /msg",
        " \u{200b}/usr/bin",
        "  #include",
        "  who is here",
        " quit it",
        "// TODO: x",
        "//\tx",
    ] {
        reads(format!("{typed}\n").as_bytes(), &[say(typed)]);
    }
    for (typed, like) in [(" /mgs ann secret", Some("msg")), ("\u{feff}/xyzzy", None), ("/usr/bin", None)] {
        let (got, _) = decode(Wire::Text, LIMIT, [format!("{typed}\n").as_bytes()]);
        let [Inbound::Refused(Refusal::UnknownCommand { like: found, .. })] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!(*found, like, "{typed}");
    }
}

mod exhaustive {
    use super::*;

    /// Every single character, at the beginning of a session and later.
    #[test]
    fn invisible_character_never_publishes_private_line() {
        for c in unseen() {
            for session in [format!("{c}/msg ann secret\n"), format!("hi\n{c}{c}/msg ann secret\n")] {
                let (got, _) = decode(Wire::Text, LIMIT, [session.as_bytes()]);
                assert!(!got.iter().any(is_public), "{c:?}: {got:?}");
                assert_eq!(got.contains(&msg()), !matches!(c, '\0') || session.starts_with('h'), "{c:?}: {got:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn invisible_text_never_publishes_private_line(
            before in vec(prop_oneof![
                4 => prop::sample::select(unseen()).prop_map(String::from),
                1 => prop::sample::select(vec!["\u{1b}[A", "\u{1b}[200~", "\u{1b}[", "\u{1b}O", "\u{1b}]", "\u{1b}P", "\u{9b}", "\u{1b}[1;", "\u{1b}(", "\u{1b}(B", "\u{1b}[M", "\u{1b}b", "\r", "\u{8}"])
                    .prop_map(str::to_owned),
            ], 0..8),
            slash in prop::sample::select(vec!["/", "/", "\u{ff0f}", "\u{2044}", "\u{2215}", "\u{3001}", "\u{30fb}"]),
            sizes in vec(1..9_usize, 1..20),
            first in prop::sample::select(vec!["", "hi\n"]),
        ) {
            let typed = format!("{first}{}{slash}msg ann secret\n", before.concat());
            let mut reads = Vec::new();
            let mut rest = typed.as_bytes();
            for size in sizes.into_iter().cycle() {
                let (read, behind) = rest.split_at(size.min(rest.len()));
                reads.push(read);
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            for (got, _) in [decode(Wire::Text, LIMIT, reads), decode(Wire::Text, LIMIT, [typed.as_bytes()])] {
                prop_assert!(!got.iter().any(is_public), "{got:?}");
            }
            // The same in a terminal of parlor-cli, which has no reads.
            for line in typed.split('\n') {
                let meant = typed_line(line, || false);
                prop_assert!(!matches!(&meant, Some(Ok(Command::Say(said))) if said.as_str().contains("secret")), "{meant:?}");
            }
        }

        /// A line from parlor-cli's pipe is said as it stands, whatever it looks like, also as the first line.
        #[test]
        fn pipe_line_is_said_as_it_stands(
            before in vec(prop::sample::select(unseen()), 0..4),
            escape in prop::sample::select(vec!["", "\\", "\\\\"]),
            line in prop::sample::select(vec![
                "/msg ann secret", "//x", "who", "quit", "rename|x", "\u{ff0f}msg ann x", "hi", "// x", "GET / HTTP/1.1", "NICK bob", "*1",
                "{\"Act\":\"say\"}", "%PDF-1", "!<arch>", "{", "EHLO a", "", "\\who",
            ]),
        ) {
            let Some(text) = parlor::protocol::Body::new(&format!("{}{escape}{line}", String::from_iter(before))) else { return Ok(()) };
            let mut out = Vec::new();
            Wire::Text.encode_request(&Command::Say(text.clone()), 1, &mut out).unwrap();
            let (got, error) = decode(Wire::Text, 4096, [out.as_slice()]);
            prop_assert_eq!((got, error), (vec![Inbound::Command(Command::Say(text))], None), "{}", out.escape_ascii());
        }
    }
}
