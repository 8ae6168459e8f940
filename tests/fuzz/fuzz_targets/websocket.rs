//! A WebSocket: its frames, the messages in fragments, the control frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::Wire;
use parlor::wire::web::Web;
use parlor_fuzz::{Input, same_in_any_reads};

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::read(data) else { return };
    same_in_any_reads(Wire::Web(Web::Socket), &input);
});
