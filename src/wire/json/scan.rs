//! Finds the end of an object in a stream of JSON, byte by byte.
//!
//! The scanner looks at strings, brackets, commas and colons, and at whether they may stand where they
//! do. The parser checks numbers and words. No byte is scanned twice, however small the reads are.

/// Depth of brackets for which memory is kept from one object to the next.
const KEPT_DEPTH: usize = 64;

/// The result of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The object is incomplete.
    Open,
    /// The object is complete and has so many bytes.
    Ends(usize),
    /// Malformed: the byte at this place cannot stand there.
    Breaks(usize),
}

/// The tokens that the grammar allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A key, or the end of an object that is still empty.
    KeyOrEnd,
    Key,
    Colon,
    Value,
    /// A value, or the end of an array that is still empty.
    ValueOrEnd,
    /// A comma, or the end of the array or object around the value.
    Comma,
    /// More of a number, or of true, false or null.
    Scalar,
    /// More of a string.
    Text {
        is_key: bool,
        is_escaped: bool,
    },
}

/// The scanner of one object.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Bytes scanned.
    seen: usize,
    next: Next,
    /// Open brackets, the innermost last; true for an object. One byte each, so this is no longer than the
    /// input.
    open: Vec<bool>,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { seen: 0, next: Next::Value, open: Vec::new() }
    }

    /// Starts with the next object. Keeps the memory for a usual depth, so that a frequent object, such as a
    /// heartbeat, costs no allocation.
    pub(super) fn reset(&mut self) {
        self.seen = 0;
        self.next = Next::Value;
        self.open.clear();
        self.open.shrink_to(KEPT_DEPTH);
    }

    /// Scans more of an object. `bytes` begin with the object and with everything given before. Reset the
    /// scanner once the object ends or breaks.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Extent {
        for byte in bytes.get(self.seen..).unwrap_or_default() {
            let at = self.seen;
            match self.step(*byte) {
                Some(false) => self.seen += 1,
                Some(true) => return Extent::Ends(at + 1),
                None => return Extent::Breaks(at),
            }
        }
        Extent::Open
    }

    /// Scans one byte. Returns whether the object ends with it; `None` if it cannot stand here.
    fn step(&mut self, byte: u8) -> Option<bool> {
        match self.next {
            Next::Text { is_key, is_escaped: true } => self.next = Next::Text { is_key, is_escaped: false },
            Next::Text { is_key, is_escaped: false } => match byte {
                b'\\' => self.next = Next::Text { is_key, is_escaped: true },
                b'"' => self.next = if is_key { Next::Colon } else { Next::Comma },
                0..b' ' => return None, // a line's end too: no string goes on behind it
                _ => {}
            },
            Next::Scalar if is_scalar(byte) => {}
            Next::Scalar => {
                self.next = Next::Comma;
                return self.step(byte);
            }
            _ if is_blank(byte) => {}
            next => return self.token(next, byte),
        }
        Some(false)
    }

    /// Scans the first byte of a token.
    fn token(&mut self, next: Next, byte: u8) -> Option<bool> {
        self.next = match (next, byte) {
            (Next::KeyOrEnd | Next::Key, b'"') => Next::Text { is_key: true, is_escaped: false },
            (Next::Colon, b':') => Next::Value,
            (Next::Value | Next::ValueOrEnd, b'"') => Next::Text { is_key: false, is_escaped: false },
            (Next::Value | Next::ValueOrEnd, b'{') => {
                self.open.push(true);
                Next::KeyOrEnd
            }
            (Next::Value | Next::ValueOrEnd, b'[') => {
                self.open.push(false);
                Next::ValueOrEnd
            }
            (Next::Value | Next::ValueOrEnd, byte) if is_scalar(byte) => Next::Scalar,
            (Next::Comma, b',') => match self.open.last() {
                Some(true) => Next::Key,
                _ => Next::Value,
            },
            (Next::KeyOrEnd | Next::Comma, b'}') if self.open.last() == Some(&true) => return Some(self.close()),
            (Next::ValueOrEnd | Next::Comma, b']') if self.open.last() == Some(&false) => return Some(self.close()),
            _ => return None,
        };
        Some(false)
    }

    /// Closes the innermost bracket; true if that ends the object.
    fn close(&mut self) -> bool {
        self.open.pop();
        self.next = Next::Comma;
        self.open.is_empty()
    }
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// White space as JSON has it.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The byte order mark that some programs write before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The length of the white space and byte order marks before `bytes`, and whether they end within a mark.
pub(super) fn blank(bytes: &[u8]) -> (usize, bool) {
    let mut length = 0;
    while let Some(rest) = bytes.get(length..).filter(|rest| !rest.is_empty()) {
        if rest.first().copied().is_some_and(is_blank) {
            length += 1;
        } else if rest.starts_with(MARK) {
            length += MARK.len();
        } else {
            return (length, MARK.starts_with(rest));
        }
    }
    (length, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn extent(text: &str) -> Extent {
        Scanner::new().scan(text.as_bytes())
    }

    #[test]
    fn object_ends_where_its_braces_say() {
        for text in [
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a":"}","b":"\"}"}"#,
            "{\n  \"a\": [\n    1,\n    {\n    }\n  ],\n  \"b\": -1.5e+7\n}",
            r#"{"a":[],"b":{},"c":[[{}]],"d":null,"e":true}"#,
            r#"{"a":"\\"}"#,
        ] {
            assert_eq!(extent(text), Extent::Ends(text.len()), "{text}");
            assert_eq!(extent(&format!("{text}{text}")), Extent::Ends(text.len()), "{text}");
            for end in 0..text.len() {
                assert_eq!(extent(&text[..end]), Extent::Open, "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn malformed_object_breaks_at_its_byte() {
        for (text, at) in [
            ("{a", 1),
            ("{,", 1),
            ("{]", 1),
            ("{\"a\" 1", 5),
            ("{\"a\":}", 5),
            ("{\"a\":1,}", 7),
            ("{\"a\":1]", 6),
            ("{\"a\":[1,]", 8),
            ("{\"a\":[1}", 7),
            ("{\"a\":1 2", 7),
            ("{\"a\":\"b\n", 7),
            ("{\"a\"\n{", 5),
            ("{\"a\":1\n{", 7),
            ("{\"a\":1,\n{", 8),
            ("{{", 1),
            ("{\"a\":'", 5),
        ] {
            assert_eq!(extent(text), Extent::Breaks(at), "{text:?}");
        }
    }

    #[test]
    fn blanks_and_marks_are_counted_together() {
        for (bytes, wanted) in [
            (&b""[..], (0, false)),
            (b"x", (0, false)),
            (b" \t\r\nx", (4, false)),
            (b"\xef\xbb\xbf\n\xef\xbb\xbf{", (7, false)),
            (b"\n\xef\xbb", (1, true)),
            (b"\xef", (0, true)),
            (b"\xef{", (0, false)),
        ] {
            assert_eq!(blank(bytes), wanted, "{bytes:x?}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_ends_at_its_end(
            members in proptest::collection::btree_map(any::<String>(), any_json(), 0..5),
            pretty in any::<bool>(),
            behind in "\\PC{0,5}",
        ) {
            let object = Value::Object(members.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let text = text.unwrap();
            let mut scanner = Scanner::new();
            for end in 0..text.len() {
                prop_assert_eq!(scanner.scan(&text.as_bytes()[..end]), Extent::Open);
            }
            prop_assert_eq!(scanner.scan(format!("{text}{behind}").as_bytes()), Extent::Ends(text.len()));
        }

        /// The parser refuses what the scanner refuses.
        #[test]
        fn what_the_parser_takes_ends(text in "\\{[\\{\\}\\[\\]:,\"a1\\\\ \n]{0,12}\\}") {
            if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
                prop_assert_eq!(extent(&text), Extent::Ends(text.len()));
            }
        }
    }
}
