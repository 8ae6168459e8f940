//! Reads the values of a request's keys one by one, so that one wrong value does not hide the others.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;

use crate::protocol::shortened;

/// Longest `Ref`, as JSON text in bytes; the answer repeats it.
const MAX_REF: usize = 256;
/// Most characters of a wrong value that the refusal repeats.
const QUOTED_CHARS: usize = 40;

/// A string of the packet, borrowed if it has no escapes.
pub(in crate::wire) struct Text<'a>(pub(in crate::wire) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

/// One key's value, as it stands in the object.
#[derive(Clone, Copy)]
pub(in crate::wire) struct Field<'a> {
    pub(in crate::wire) key: &'static str,
    pub(in crate::wire) raw: &'a RawValue,
}

impl<'a> Field<'a> {
    /// A string; `None` for null.
    pub(in crate::wire) fn text(self) -> Result<Option<Cow<'a, str>>, String> {
        match self.raw.get() {
            "null" => Ok(None),
            text if text.starts_with('"') => {
                let text = serde_json::from_str::<Text<'a>>(text).map_err(|error| format!("{}: {error}", self.key))?;
                Ok(Some(text.0))
            }
            _ => Err(self.wrong("a string")),
        }
    }

    /// A line's number; `None` for null.
    pub(super) fn number(self) -> Result<Option<u64>, String> {
        match self.raw.get() {
            "null" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| self.wrong("a whole number")),
        }
    }

    /// A boolean; `None` for null.
    pub(super) fn flag(self) -> Result<Option<bool>, String> {
        match self.raw.get() {
            "null" => Ok(None),
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// The mark of a request, as JSON text: a string or a whole number; `None` for null.
    pub(super) fn tag(self) -> Result<Option<Box<str>>, String> {
        let wrong = || self.wrong(&format!("a string of at most {MAX_REF} bytes or a whole number"));
        let raw = self.raw.get();
        let tag = if raw == "null" {
            return Ok(None);
        } else if let Some(text) = raw.starts_with('"').then(|| self.text()).transpose()?.flatten() {
            serde_json::to_string(&text).map_err(|_| wrong())?
        } else if let Ok(number) = raw.parse::<u64>() {
            number.to_string()
        } else {
            raw.parse::<i64>().map_err(|_| wrong())?.to_string()
        };
        if tag.len() > MAX_REF { Err(wrong()) } else { Ok(Some(tag.into())) }
    }

    fn wrong(self, wanted: &str) -> String {
        format!("{} must be {wanted}, not {}", self.key, shortened(self.raw.get(), QUOTED_CHARS))
    }
}

/// A packet as text, without a byte order mark before it. Each lone half of a surrogate pair becomes
/// U+FFFD, since Rust's strings cannot hold it. JavaScript may cut a text in the middle of a pair.
pub(in crate::wire) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(without_mark(bytes));
    let has_surrogates = |text: &str| text.contains("\\ud") || text.contains("\\uD");
    if has_surrogates(&text) { Cow::Owned(without_lone_surrogates(&text)) } else { text }
}

/// Whether the data of a frame is an object; otherwise it is text.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    without_mark(bytes).starts_with(b"{")
}

/// The bytes without leading white space and byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn without_lone_surrogates(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                whole.push('\u{fffd}');
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
        };
        whole.push_str(escape.get(..length).unwrap_or_default());
        rest = escape.get(length..).unwrap_or_default();
    }
    whole + rest
}

/// Half of a surrogate pair.
#[derive(Clone, Copy)]
enum Half {
    High,
    Low,
}

/// The half at the beginning of `text`, written as `\uXXXX`.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}
