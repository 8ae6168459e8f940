//! The memory that a hostile server can make a client hold.

use super::*;
use parlor::wire::HeardDecoder;

/// Memory of a client beside the bytes it was sent: the lines of one list, which has a limit.
const LIST: u64 = 32 * 1024 * 1024;

mod exhaustive {
    use super::*;

    /// A frame of 15 MiB of `{"":0},` became 1.5 GiB in parlor-cli.
    #[test]
    fn hostile_answer_costs_what_was_received() {
        const LENGTH: usize = 4 * 1024 * 1024;
        let fill = |before: &str, piece: &str, after: &str| {
            let pieces = piece.repeat((LENGTH - before.len() - after.len()) / piece.len());
            format!("{before}{}{after}", pieces.trim_end_matches(','))
        };
        for object in [
            fill("{\"Act\":\"who\",\"People\":[", "{\"\":0},", "]}"),
            fill("{\"Act\":\"who\",\"People\":[", "{\"Name\":\"a\"},", "]}"),
            fill("{\"Act\":\"rooms\",\"Rooms\":[", "{\"Room\":\"a\"},", "]}"),
            fill("{\"Act\":\"chat\",\"Data\":[", "{\"\":0},", "]}"),
            fill("{\"Act\":\"chat\",\"x\":[", "[[[]]],", "]}"),
            fill("{\"Act\":\"chat\",", "\"\":{},", "\"Data\":\"x\"}"),
            fill("{\"Act\":\"chat\",\"Data\":\"", "\\u0001", "\"}"),
            fill("{\"Act\":\"chat\",\"Data\":\"", "\x7f", "\"}"),
            fill("{\"Act\":\"chat\",\"Ref\":", "9", "}"),
            fill("{\"Act\":\"chat\",\"Data\":", "[", "}"),
            fill("{", "\x7f", ""),
            fill("[", "0,", "]"),
        ] {
            let bytes = frame(100, object.as_bytes());
            let spent = measure(|| {
                let mut decoder = HeardDecoder::new(Wire::Frame).unwrap();
                for read in bytes.chunks(16 * 1024) {
                    decoder.feed(read);
                    while let Ok(Some(heard)) = decoder.next() {
                        drop(black_box(heard));
                    }
                }
            });
            let limit = PER_BYTE * bytes.len() as u64 + LIST;
            assert!(spent.bytes_max < limit, "{} bytes for {:.40}", spent.bytes_max, object);
        }
    }
}
