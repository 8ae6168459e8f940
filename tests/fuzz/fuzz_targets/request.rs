//! The server's reading of one peer, asked for again by our client, at every door.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor::protocol::{Command, clean};
use parlor::wire::{Inbound, Limits};
use parlor_fuzz::{Input, decode};

/// A request may be longer than what it was read from: the client writes commands out.
const LIMITS: Limits = Limits { max_line: 60_000, max_packet: 65_535, max_frame: 65_536 };

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    for item in decode(input.wire(), input.limits(), &[input.stream], input.ends()).0 {
        let Inbound::Command(command) = item else { continue };
        for wire in [Wire::Text, Wire::Json(input.framing()), Wire::Frame] {
            let mut bytes = Vec::new();
            if wire.encode_request(&command, 7, &mut bytes).is_err() {
                assert_eq!(bytes, b"", "refused, and yet something was written");
                continue;
            }
            if wire == Wire::Text && !is_plain(&command) {
                assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1, "one request, one line");
                continue;
            }
            let same = if wire == Wire::Text { Command::clone } else { alike };
            let (read, ended) = decode(wire, LIMITS, &[&bytes], true);
            assert_eq!(ended, Ok(()));
            let read: Vec<_> = read
                .iter()
                .filter_map(|item| match item {
                    Inbound::Command(command) => Some(same(command)),
                    Inbound::Refused(refusal) => panic!("{command:?} by {wire}: {refusal}"),
                    _ => None,
                })
                .collect();
            assert_eq!(read, [same(&command)], "by {wire}");
        }
    }
});

/// Whether a line can hold what is asked for as it stands: a program's names are not parsed, so
/// there may be anything in them.
fn is_plain(command: &Command) -> bool {
    match command {
        Command::Msg { to: name, .. } | Command::Whois(name) | Command::Ignore(name) | Command::Unignore(name) => {
            clean(name.as_bytes()) == *name && name.trim() == name && !name.is_empty()
        }
        _ => true,
    }
}

/// A program takes a name and asks who is here in one way; people have two.
fn alike(command: &Command) -> Command {
    match command {
        Command::Rename(nick) => Command::Nick(nick.clone()),
        Command::UserList => Command::Who(None),
        other => other.clone(),
    }
}
