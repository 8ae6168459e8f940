//! The frame door: frames for handlers and for the chat.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor_fuzz::{Input, same_in_any_reads};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    same_in_any_reads(Wire::Frame, &input);
});
