//! Parses bodies in the format of Slack's incoming webhooks, which Alertmanager, Grafana, Gitea and others post.
//!
//! ```json
//! {"text": "…", "username": "…", "attachments": [{"fallback": "…", "title": "…", "title_link": "…", "text": "…"}]}
//! ```
//!
//! The text comes first, then each attachment: its `fallback`, or its `title` and `text` if it has none. Other keys
//! are ignored. The values are read in place, so the memory needed is that of the lines.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::mrkdwn::plain;
use super::percent;
use crate::protocol::{Nick, Refusal};
use crate::wire::json::{Field, Text, text_of};

/// The parameter of a form that has the object: Slack's old way.
const PAYLOAD: &[u8] = b"payload=";

/// A message of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The name nearest to `username` that is valid, if there is one.
    pub(super) name: Option<Nick>,
    /// The lines, as plain text.
    pub(super) text: String,
}

impl Message {
    /// Reads an object; the error is a sentence.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, String> {
        let object = text_of(body);
        let (mut message, mut attached) = (Self::default(), String::new());
        let mut take = |key: &str, raw: &RawValue| match key {
            "text" => {
                message.text = text(Field { key: "text", raw })?;
                Ok(())
            }
            "username" => {
                message.name = mended(&text(Field { key: "username", raw })?);
                Ok(())
            }
            "attachments" if raw.get() == "null" => Ok(()),
            "attachments" => items(raw.get(), &mut |one| attach(one, &mut attached)),
            _ => Ok(()),
        };
        keys(&object, "an object with text", &mut take)?;
        message.text = plain(&message.text) + &attached;
        Ok(message)
    }

    /// Reads the object in a form; `None` if there is none, so that the body is text: `payload=5 kg` is a line too.
    pub(super) fn of_form(body: &[u8]) -> Option<Result<Self, String>> {
        let value = body.strip_prefix(PAYLOAD)?.split(|byte| *byte == b'&').next().unwrap_or_default();
        // Some senders put the object there as it is.
        let decoded = percent::decoded(value, true);
        let object = decoded.as_deref().unwrap_or(value);
        object.trim_ascii_start().starts_with(b"{").then(|| Self::of_json(object))
    }
}

/// Appends the lines of one attachment, behind a line end.
fn attach(raw: &RawValue, lines: &mut String) -> Result<(), String> {
    let [mut fallback, mut title, mut link, mut body] = <[String; 4]>::default();
    keys(raw.get(), "an object as an attachment", &mut |key, raw| {
        let (key, place) = match key {
            "fallback" => ("fallback", &mut fallback),
            "title" => ("title", &mut title),
            "title_link" => ("title_link", &mut link),
            "text" => ("text", &mut body),
            _ => return Ok(()),
        };
        *place = text(Field { key, raw })?;
        Ok(())
    })?;
    lines.push('\n');
    if !fallback.trim().is_empty() {
        lines.push_str(&plain(&fallback));
        return Ok(());
    }
    let (title, link) = (plain(&title), plain(&link));
    let words = match (title.is_empty(), link.is_empty()) {
        (false, false) if title != link => format!("{title} ({link})\n"),
        (true, false) => link + "\n",
        _ => title + "\n",
    };
    lines.push_str(&words);
    lines.push_str(&plain(&body));
    Ok(())
}

/// A string; null and an absent one are empty.
fn text(field: Field<'_>) -> Result<String, String> {
    Ok(field.text()?.map(Into::into).unwrap_or_default())
}

/// The valid name nearest to a wish: programs call themselves `CI bot` and cannot read a refusal.
fn mended(wish: &str) -> Option<Nick> {
    let nick = match Nick::parse(wish) {
        Err(Refusal::BadName { instead }) => Nick::parse(&instead?).ok()?,
        parsed => parsed.ok()?,
    };
    (!nick.mixes_scripts()).then_some(nick)
}

/// Calls `take` with each key of an object, and its value as it stands there.
fn keys<'a>(object: &'a str, wanted: &'static str, take: &mut dyn Take<'a>) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(object);
    let mut wrong = None;
    let read = deserializer.deserialize_map(Each { wanted, take, wrong: &mut wrong });
    told(read.and_then(|()| deserializer.end()), wrong)
}

/// Calls `take` with each item of a list.
fn items<'a>(list: &'a str, take: &mut dyn FnMut(&'a RawValue) -> Result<(), String>) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(list);
    let mut wrong = None;
    let mut take = |_: &str, raw| take(raw);
    let read =
        deserializer.deserialize_seq(Each { wanted: "attachments as a list", take: &mut take, wrong: &mut wrong });
    told(read, wrong)
}

/// The first error in the values, or else in the syntax.
fn told(read: Result<(), serde_json::Error>, wrong: Option<String>) -> Result<(), String> {
    read.map_err(|error| error.to_string()).and(wrong.map_or(Ok(()), Err))
}

/// Takes one key (of a list, an empty one) and its value.
trait Take<'a>: FnMut(&str, &'a RawValue) -> Result<(), String> {}
impl<'a, F: FnMut(&str, &'a RawValue) -> Result<(), String>> Take<'a> for F {}

/// Visits the values of an object or a list.
struct Each<'t, 'a> {
    wanted: &'static str,
    take: &'t mut dyn Take<'a>,
    wrong: &'t mut Option<String>,
}

impl<'a> Each<'_, 'a> {
    fn take(&mut self, key: &str, raw: &'a RawValue) {
        if self.wrong.is_none() {
            *self.wrong = (self.take)(key, raw).err();
        }
    }
}

impl<'de> Visitor<'de> for Each<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            self.take(&key, map.next_value()?);
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut list: S) -> Result<(), S::Error> {
        while let Some(raw) = list.next_element()? {
            self.take("", raw);
        }
        Ok(())
    }
}
