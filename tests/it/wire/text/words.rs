//! Commands, escapes, and what looks like either.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::protocol::{Body, COMMANDS, Command, Nick, Notice, Refusal, RoomName, Switch, find_command};
use parlor::wire::{Inbound, Wire};

use crate::support::values::{body, say};
use crate::wire::{LIMIT, USER_LIST, decode, reads, rename};

/// Reads one line at the text door; several values where it amounts to several.
#[track_caller]
fn line(line: &str, wanted: &[Inbound]) {
    reads(format!("{line}\n").as_bytes(), wanted);
}

fn does(command: Command) -> [Inbound; 1] {
    [Inbound::Command(command)]
}

fn refused(refusal: Refusal) -> [Inbound; 1] {
    [Inbound::Refused(refusal)]
}

#[test]
fn bare_word_alone_is_a_command() {
    for who in ["who", "WHO", "Who", "who ", "who\t"] {
        line(who, &[USER_LIST]);
    }
    line("help", &does(Command::Help(None)));
    line("quit", &does(Command::Quit(None)));
    line("exit", &does(Command::Quit(None)));
    for chat in ["who is here?", "help me", "quit it", "whoami", "rename", "renamed|z", "bob|who", "wh", "?"] {
        line(chat, &[say(chat)]);
    }
    line("rename|bob", &[rename("bob")]);
    line("RENAME| bob ", &[rename("bob")]);
    line("rename|x|y", &[rename("x")]);
    line("rename|x|", &[rename("x")]);
    for nothing in ["rename|", "rename| ", "rename||x"] {
        line(nothing, &refused(Refusal::NoName));
    }
    line("rename|mike smith", &refused(Refusal::BadName { instead: Some("mike_smith".into()) }));
    line("rename|server", &refused(Refusal::Reserved { name: "server".into() }));
    line("rename|127.0.0.1", &refused(Refusal::AddressName { name: "127.0.0.1".into() }));
    line("rename|127.0.0.1:5123", &refused(Refusal::BadName { instead: None }));
}

#[test]
fn escape_says_line_nothing_else_does() {
    for (typed, said) in [
        (r"\who", "who"),
        (r"\quit", "quit"),
        (r"\rename|bob", "rename|bob"),
        (r"\/who", "/who"),
        (r"\\who", r"\who"),
        (r"\/", "/"),
        ("//who", "/who"),
        ("//", "/"),
        ("///", "//"),
        ("// comment", "// comment"),
        ("//\tcomment", "//\tcomment"),
        ("/say who", "who"),
        ("/say   /who  is a command ", "/who  is a command"),
        ("/say rename mike", "rename mike"),
        // A backslash before anything else is a backslash.
        (r"\o/", r"\o/"),
        (r"\", r"\"),
        (r"\\", r"\\"),
        (r"\ who", " who"),
        (r"\ /who", " /who"),
        (r"\// x", r"\// x"),
        (r"\whoever", r"\whoever"),
        (r"C:\who", r"C:\who"),
        (r"¯\_(ツ)_/¯", r"¯\_(ツ)_/¯"),
    ] {
        line(typed, &[say(said)]);
    }
}

#[test]
fn rename_without_bar_is_explained() {
    let hint = |name: &str| Inbound::Tell(Notice::RenameHint(name.into()));
    line("rename mike", &[say("rename mike"), hint("mike")]);
    line("Rename  mike ", &[say("Rename  mike "), hint("mike")]);
    for chat in ["rename mike please", "rename", " rename mike", "renamed mike", "rename: mike"] {
        line(chat, &[say(chat)]);
    }
}

#[test]
fn slash_command_goes_by_name_alias_beginning() {
    let msg = |to: &str, text: &str| Command::Msg { to: to.into(), body: body(text) };
    for typed in ["/msg bob hi there", "/MSG bob hi there", "/m bob hi there", "/tell bob hi there", "/w bob hi there"]
    {
        line(typed, &does(msg("bob", "hi there")));
    }
    line("/ms\tbob\t hi", &does(msg("bob", "hi")));
    line("/reply on my way", &does(Command::Reply(body("on my way"))));
    line("/r ok", &does(Command::Reply(body("ok"))));
    line("/me waves", &does(Command::Me(body("waves"))));
    line("/nick bob", &does(Command::Nick(Nick::parse("bob").unwrap())));
    line("/name bob", &does(Command::Nick(Nick::parse("bob").unwrap())));
    line("/rename bob", &does(Command::Nick(Nick::parse("bob").unwrap())));
    line("/rename|bob", &[rename("bob")]);
    line("/who", &does(Command::Who(None)));
    line("/names", &does(Command::Who(None)));
    let room = |name: &str| RoomName::parse(name).unwrap();
    line("/who #Dev", &does(Command::Who(Some(room("dev")))));
    for typed in ["/join dev", "/JOIN #dev ", "/j DEV", "/join\t#Dev"] {
        line(typed, &does(Command::Join(room("dev"))));
    }
    for typed in ["/leave", "/part", "/LEA "] {
        line(typed, &does(Command::Leave));
    }
    line("/rooms", &does(Command::Rooms));
    line("/list", &does(Command::Rooms));
    line("/topic", &does(Command::Topic(None)));
    line("/topic  tea, and  cake ", &does(Command::Topic(Some(body("tea, and  cake")))));
    line("/whois bob", &does(Command::Whois("bob".into())));
    line("/away", &does(Command::Away(None)));
    line("/away for lunch", &does(Command::Away(Some(body("for lunch")))));
    line("/back", &does(Command::Back));
    line("/ignore bob", &does(Command::Ignore("bob".into())));
    line("/unignore bob", &does(Command::Unignore("bob".into())));
    line("/quiet on", &does(Command::Quiet(Switch::On)));
    line("/time Off", &does(Command::Time(Switch::Off)));
    line("/stay", &does(Command::Stay));
    line("/echo OFF", &does(Command::Echo(Switch::Off)));
    line("/echo on", &does(Command::Echo(Switch::On)));
    line("/ping", &does(Command::Ping));
    line("/version", &does(Command::Version));
    line("/uptime", &does(Command::Uptime));
    for quit in ["/quit", "/q", "/exit", "/bye", "/QUIT  "] {
        line(quit, &does(Command::Quit(None)));
    }
    line("/quit so long", &does(Command::Quit(Some(body("so long")))));
    for help in ["/help", "/?", "/h", "/HELP"] {
        line(help, &does(Command::Help(None)));
    }
    for help in ["/help msg", "/help /msg", "/? tell", "/h MS"] {
        line(help, &does(Command::Help(Some(find_command("msg", "").unwrap()))));
    }
}

#[test]
fn unknown_command_is_refused_and_unsaid() {
    let unknown = |word: &str, literally: &str, like| {
        refused(Refusal::UnknownCommand { word: word.into(), literally: literally.into(), like })
    };
    line("/mgs mike thanks", &unknown("mgs", "//mgs mike thanks", Some("msg")));
    line("/xyzzy", &unknown("xyzzy", "//xyzzy", None));
    line("/", &unknown("", r"\/", None));
    line("/ who", &unknown("", r"\/ who", None));
    line("/renmae bob", &unknown("renmae", "//renmae bob", Some("nick")));
    line("/help xyzzy", &unknown("xyzzy", "", None));
    line("/qui", &refused(Refusal::Ambiguous { word: "qui".into(), among: vec!["quiet", "quit"] }));
    line("/s", &refused(Refusal::Ambiguous { word: "s".into(), among: vec!["stay", "say"] }));
    for (typed, usage) in [
        ("/msg", "/msg NAME TEXT"),
        ("/msg bob", "/msg NAME TEXT"),
        ("/reply", "/reply TEXT"),
        ("/me  ", "/me TEXT"),
        ("/say", "/say TEXT"),
        ("/nick", "/nick NAME"),
        ("/echo", "/echo on|off"),
        ("/stay a while", "/stay"),
        ("/join", "/join ROOM"),
        ("/leave #dev", "/leave"),
        ("/rooms #dev", "/rooms"),
        ("/whois", "/whois NAME"),
        ("/back home", "/back"),
        ("/ignore", "/ignore NAME"),
        ("/unignore ", "/unignore NAME"),
        ("/quiet", "/quiet on|off"),
        ("/time maybe", "/time on|off"),
    ] {
        line(typed, &refused(Refusal::Usage { usage: usage.into() }));
    }
    for typed in ["/join #", "/join ##x", "/j a b", "/who is here", "/join \u{1b}[2J", "/join -x", "/join a.b"] {
        line(typed, &refused(Refusal::BadRoom));
    }
    let (longest, too_long) = ("é".repeat(24), "é".repeat(25));
    line(&format!("/j #{longest}"), &does(Command::Join(RoomName::parse(&longest).unwrap())));
    line(&format!("/j #{too_long}"), &refused(Refusal::BadRoom));
    // Words repeated to the asker are cut, so that an answer is never longer than a few lines.
    let long = format!("/{}", "é".repeat(2000));
    let (got, _) = decode(Wire::Text, 4096, [long.as_bytes()]);
    let [Inbound::Refused(refusal)] = got.as_slice() else { panic!("{got:?}") };
    assert!(refusal.to_string().chars().count() < 200, "{refusal}");
}

#[test]
fn history_takes_number_or_shows_usage() {
    for (typed, count) in [
        ("/history", 20),
        ("/last", 20),
        ("/history 1", 1),
        ("/HIS 007", 7),
        ("/last 999999999999", 999_999_999_999),
        ("/history 99999999999999999999999999", usize::MAX),
    ] {
        line(typed, &does(Command::History(count)));
    }
    for typed in ["/history 0", "/history 000", "/history -1", "/history x", "/history 1 2", "/history 1.5", "/last ٣"]
    {
        line(typed, &refused(Refusal::Usage { usage: "/history [N]".into() }));
    }
}

/// Whatever is cut off, in capitals, or has blanks behind it, is understood or refused, never sent.
#[test]
fn command_cut_anywhere_is_never_said() {
    for spec in &COMMANDS {
        let whole = format!("/{} mike 12 on", spec.name).to_uppercase();
        for end in 1..=whole.len() {
            let typed = format!("{}  ", &whole[..end]);
            let (got, error) = decode(Wire::Text, 4096, [typed.as_bytes()]);
            assert_eq!((got.len(), error), (1, None), "{typed}");
            let is_sent = matches!(&got[0], Inbound::Command(Command::Say(_)));
            assert!(!is_sent || spec.name == "say" || whole[..end].starts_with("/SAY"), "{typed}: {got:?}");
        }
    }
}

#[test]
fn capitals_and_blanks_change_no_command() {
    for spec in &COMMANDS {
        let (name, words) = (spec.name, ["", " 12", " on", " bob", " bob hi", " #dev", " msg"]);
        let mut understood = 0;
        for words in words {
            let whole = decode(Wire::Text, LIMIT, [format!("/{name}{words}").as_bytes()]);
            understood += usize::from(matches!(whole.0.as_slice(), [Inbound::Command(_)]));
            for typed in [format!("/{name}{words} \t "), format!("/{}{words}", name.to_uppercase())] {
                assert_eq!(decode(Wire::Text, LIMIT, [typed.as_bytes()]), whole, "{typed:?}");
            }
        }
        assert!(understood > 0, "{name} with none of these words");
    }
}

/// Found by fuzzing: programs' words come as they were sent, and what cleaning takes away may leave a
/// blank at the end, or a name that is told back.
#[test]
fn program_question_is_cleaned_then_trimmed() {
    let parse = |name: &str, args| COMMANDS.iter().find(|spec| spec.name == name).unwrap().parse(args).unwrap();
    assert_eq!(parse("quit", "bye \0"), Command::Quit(Body::new("bye")));
    assert_eq!(parse("whois", "A\n[27.c\0w\x1b[h"), Command::Whois("A␊[27.cw␛[h".into()));
}

/// The answer to `rename |x` must not advise `rename||x`, which names nobody.
#[test]
fn rename_hint_advises_a_real_name() {
    for typed in ["rename mike", "rename |mike", "rename mike|", "rename ||"] {
        let (got, _) = decode(Wire::Text, LIMIT, [typed.as_bytes()]);
        assert_eq!(got[0], say(typed));
        if let Some(Inbound::Tell(Notice::RenameHint(name))) = got.get(1) {
            line(&format!("rename|{name}"), &[rename("mike")]);
        }
    }
}

/// The advised command must do what it says.
#[test]
fn unknown_command_advice_says_the_line() {
    for typed in ["/mgs mike thanks", "/", "/ who", "/shrug", "/s"] {
        let (got, _) = decode(Wire::Text, LIMIT, [typed.as_bytes()]);
        if let [Inbound::Refused(Refusal::UnknownCommand { literally, .. })] = got.as_slice() {
            line(literally, &[say(typed)]);
        }
    }
}
