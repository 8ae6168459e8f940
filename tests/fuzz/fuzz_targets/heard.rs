//! The client's end: whatever a server sends, in whatever reads, it comes out alike and clean.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor::wire::{Heard, HeardDecoder, Speech, WireError};
use parlor_fuzz::{Input, is_forbidden};

type Result = std::result::Result<(), WireError>;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    let wire = if input.wire() == Wire::Relay { Wire::Json(input.framing()) } else { input.wire() };
    let whole = hear(wire, [input.stream], input.ends());
    assert_eq!(whole, hear(wire, input.reads(), input.ends()));
    for (_, heard) in &whole.0 {
        for text in texts(heard) {
            assert!(!text.chars().any(is_forbidden), "{heard:?}");
        }
        drop(heard.names());
    }
});

fn hear<'a>(
    wire: Wire,
    reads: impl IntoIterator<Item = &'a [u8]>,
    ends: bool,
) -> (Vec<(Option<u64>, Heard)>, Result, Option<u64>) {
    let mut decoder = HeardDecoder::new(wire).expect("a door with answers");
    let mut all = Vec::new();
    let mut drain = |decoder: &mut HeardDecoder| loop {
        match decoder.next() {
            Ok(Some(heard)) => all.push(heard),
            Ok(None) => return Ok(()),
            Err(error) => return Err(error),
        }
    };
    let mut ended = Ok(());
    for read in reads {
        decoder.feed(read);
        ended = drain(&mut decoder);
        if ended.is_err() {
            break;
        }
    }
    if ended.is_ok() {
        if ends {
            decoder.end();
        }
        ended = drain(&mut decoder);
    }
    let idle = decoder.idle_limit();
    (all, ended, idle)
}

/// Everything that may end up on a terminal.
fn texts(heard: &Heard) -> Vec<&str> {
    match heard {
        Heard::Speech(Speech { name, text, room, address, id, clock, .. }) => {
            let more = [room, address, id, clock].into_iter().filter_map(Option::as_deref);
            [name.as_str(), text].into_iter().chain(more).collect()
        }
        Heard::Left { name, why } => [Some(name.as_str()), why.as_deref()].into_iter().flatten().collect(),
        Heard::Refused { code, text } => [code.as_deref(), Some(text)].into_iter().flatten().collect(),
        Heard::Renamed { old: one, name: other } | Heard::Person { name: one, detail: other } => vec![one, other],
        Heard::Came { name: text }
        | Heard::Here(text)
        | Heard::YouAre(text)
        | Heard::Info(text)
        | Heard::Other(text) => vec![text],
        Heard::EndOfList | Heard::Leave => Vec::new(),
    }
}
