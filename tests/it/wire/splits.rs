//! Every short string of hostile bytes decodes alike, however it is split.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use parlor::wire::Wire;

use super::{TELNET, TEXT, every_string};

// Nine bytes to a length of 4, the worst of them to a length of 6 or 7: a second or two of a debug build.

mod exhaustive {
    use super::*;

    #[test]
    fn every_short_string_of_telnet_decodes_alike() {
        assert_eq!(every_string(Wire::Text, b"", &TELNET, 4), 7381);
        // Once a first line has passed for a person's, a NUL is no longer another protocol's.
        assert_eq!(every_string(Wire::Text, b"a\n\n\n\n\n\n\n", &TELNET, 4), 7381);
        // Subnegotiations that begin, end and hold doubled bytes.
        assert_eq!(every_string(Wire::Text, b"\xff\xfa", &[255, 240, b'a', b'\n'], 6), 5461);
    }

    #[test]
    fn every_short_string_of_text_decodes_alike() {
        assert_eq!(every_string(Wire::Text, b"", &TEXT, 4), 7381);
        assert_eq!(every_string(Wire::Text, b"", b"a\n\r", 7), 3280);
        // Behind an LF, where a bare CR ends no line.
        assert_eq!(every_string(Wire::Text, b"\n", &TEXT, 4), 7381);
        assert_eq!(every_string(Wire::Text, b"\n", b"a\n\r\0\x08", 6), 19531);
    }

    #[test]
    fn every_short_string_at_relay_decodes_alike() {
        assert_eq!(every_string(Wire::Relay, b"", &[b'a', b'\n', b'\r', 0, 255, b' ', 0xc3, 0xa9, b':'], 4), 7381);
    }
}
