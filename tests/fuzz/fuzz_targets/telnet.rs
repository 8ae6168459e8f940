//! Telnet commands woven into what somebody types: without them the same must have been typed.
//!
//! Bytes of the stream below 240 are typed; each of the others stands for one telnet command, so
//! that a mutation makes whole commands and not noise. What is answered is known beforehand.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor::protocol::Notice;
use parlor::wire::Inbound;
use parlor_fuzz::{Input, decode, same_in_any_reads};

/// The command of each byte from 240 on. The last is no command: it is how byte 255 is typed.
const COMMANDS: [&[u8]; 16] = [
    &[255, 241],
    &[255, 242],
    &[255, 244],
    &[255, 246],
    &[255, 249],
    &[255, 253, 6],
    &[255, 253, 1],
    &[255, 253, 255],
    &[255, 251, 1],
    &[255, 251, 6],
    &[255, 252, 3],
    &[255, 254, 3],
    &[255, 250, 24, 1, 255, 240],
    &[255, 250, 39, 255, 255, b'\n', 0, 255, 240],
    &[255, 250, 255, 240],
    &[255, 255],
];
const ARE_YOU_THERE: usize = 3;
const BYTE_255: usize = 15;
const DO: u8 = 253;
const WILL: u8 = 251;
const TIMING_MARK: u8 = 6;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    // Behind a first line, so that nothing is taken for another protocol, and behind an option, so that
    // byte 255 is no letter.
    const BEFORE: &[u8] = b"a first line\n\xff\xfd\x18";
    let (mut typed, mut woven) = (BEFORE.to_vec(), BEFORE.to_vec());
    let (mut answers, mut greetings) = (vec![[255, 252, 24]], 0);
    let mut refused = HashSet::from([(DO, 24)]);
    for byte in input.stream {
        let Some(number) = byte.checked_sub(240).map(usize::from) else {
            typed.push(*byte);
            woven.push(*byte);
            continue;
        };
        woven.extend_from_slice(COMMANDS[number]);
        if number == BYTE_255 {
            typed.extend_from_slice(COMMANDS[number]);
            continue;
        }
        greetings += usize::from(number == ARE_YOU_THERE);
        if let [_, verb @ (DO | WILL), option] = *COMMANDS[number] {
            let is_mark = (verb, option) == (DO, TIMING_MARK);
            if is_mark || refused.insert((verb, option)) {
                answers.push([255, if verb == DO { 252 } else { 254 }, option]);
            }
        }
    }
    let limits = input.limits();
    let (plain, ended) = decode(Wire::Text, limits, &[&typed], input.ends());
    assert_eq!(ended, Ok(()));
    let with_commands = same_in_any_reads(Wire::Text, &input.with_stream(&woven));
    let is_telnet = |item: &&Inbound| match item {
        Inbound::Answer(_) | Inbound::Crlf | Inbound::Charset(_) => true,
        Inbound::Tell(notice) => *notice == Notice::StillHere,
        _ => false,
    };
    let words = |items: &[Inbound]| -> Vec<Inbound> { items.iter().filter(|item| !is_telnet(item)).cloned().collect() };
    assert_eq!(words(&plain), words(&with_commands));
    let answered: Vec<&[u8]> = with_commands
        .iter()
        .filter_map(|item| if let Inbound::Answer(bytes) = item { Some(&**bytes) } else { None })
        .collect();
    assert_eq!(answered, answers);
    assert_eq!(with_commands.iter().filter(|item| **item == Inbound::Tell(Notice::StillHere)).count(), greetings);
    let switches = |items: &[Inbound]| items.iter().filter(|item| matches!(item, Inbound::Crlf)).count();
    assert_eq!((switches(&with_commands), switches(&plain)), (1, 1));
});
