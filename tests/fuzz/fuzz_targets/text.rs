//! The text door: lines, telnet commands among them, and the first bytes of other protocols.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor_fuzz::{Input, same_in_any_reads};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    same_in_any_reads(Wire::Text, &input);
});
