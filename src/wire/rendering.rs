//! One notice, written once for each encoding that its recipients use.

use super::json::{NOTICE_ROUTE, Object};
use super::{Encoding, Key, frame, json, relay, text};
use crate::protocol::{Notice, clean};

/// One notice to be written in several encodings. The framings of the JSON door and the frame door carry
/// the same object, which is serialized at most once, unless it has to be cut for a framing.
#[derive(Debug)]
pub struct Rendering<'a> {
    notice: &'a Notice,
    object: Object<'a>,
}

impl<'a> Rendering<'a> {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(notice: &'a Notice) -> Self {
        Self { notice, object: Object::of(notice) }
    }

    /// Appends the notice in `encoding` to `out`, marked with the request that it answers, if any. Appends
    /// nothing if the format has no words for it.
    pub fn append(&mut self, encoding: Encoding, tag: Option<&str>, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Text(style) => text::encode(self.notice, style, out),
            Encoding::Relay => relay::encode(self.notice, out),
            Encoding::Frame => frame::encode(self.notice, &mut self.object, tag, out),
            Encoding::Json(framing) => json::encode(&mut self.object, tag, framing, out),
            #[cfg(feature = "web")]
            Encoding::Web(web) => web.encode(&mut self.object, tag, out),
        }
    }
}

impl Encoding {
    /// Appends `notice` to `out`, marked with the request that it answers, if any. Appends nothing if
    /// the format has no words for it.
    pub fn encode(self, notice: &Notice, tag: Option<&str>, out: &mut Vec<u8>) {
        Rendering::new(notice).append(self, tag, out);
    }

    /// Appends a handler's answer to a request for `key`: a frame of that route, a packet of that
    /// act, or, where there are no such things, a line. What does not fit is cut.
    pub fn encode_custom(self, key: &Key, data: &[u8], tag: Option<&str>, out: &mut Vec<u8>) {
        let words = || clean(data).into_owned();
        match (self, key) {
            (Self::Frame, Key::Route(route)) => frame::put(*route, data, out),
            (Self::Frame, Key::Act(act)) => {
                frame::put(NOTICE_ROUTE, &json::custom(act, &words(), tag, usize::MAX), out);
            }
            (Self::Json(framing), Key::Act(act)) => json::encode_custom(act, &words(), tag, framing, out),
            (Self::Json(framing), Key::Route(route)) => {
                json::encode_custom(&route.to_string(), &words(), tag, framing, out);
            }
            (Self::Relay, _) => out.extend_from_slice(format!("{}\r\n", words()).as_bytes()),
            (Self::Text(style), _) => text::encode_custom(&words(), style, out),
            #[cfg(feature = "web")]
            (Self::Web(web), key) => web.encode_custom(key, &words(), tag, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Body, Line, RoomName, SessionId, Speaker};
    #[cfg(feature = "web")]
    use crate::wire::web::WebEncoding;
    use crate::wire::{Framing, Style};

    fn said(text: &str) -> Notice {
        let speaker = Speaker { id: SessionId(1), address: "a".into(), name: "bob".into(), visitor: None };
        let (from, body) = (speaker.into(), Body::new(text).unwrap());
        Notice::Said(Line { room: RoomName::lobby(), from, body, at: 1, seq: 1 })
    }

    /// Writes one notice in all these encodings; returns how many objects were serialized for it.
    fn serialized(notice: &Notice, encodings: &[Encoding]) -> usize {
        let mut alone = Vec::new();
        for tag in [None, Some("7")] {
            encodings.iter().for_each(|encoding| encoding.encode(notice, tag, &mut alone));
        }
        json::counted::take();
        let (mut rendering, mut together) = (Rendering::new(notice), Vec::new());
        for tag in [None, Some("7")] {
            encodings.iter().for_each(|encoding| rendering.append(*encoding, tag, &mut together));
        }
        assert_eq!(together, alone);
        json::counted::take()
    }

    #[test]
    fn object_is_serialized_once_per_notice() {
        let programs: Vec<_> = Framing::ALL.map(Encoding::Json).into_iter().chain([Encoding::Frame]).collect();
        #[cfg(feature = "web")]
        let programs = [programs, [WebEncoding::Socket, WebEncoding::Sse].map(Encoding::Web).to_vec()].concat();
        let people = [Encoding::Text(Style::PLAIN), Encoding::Relay];
        assert_eq!(serialized(&said("hi"), &programs), 1);
        assert_eq!(serialized(&said("hi"), &people), 0);
    }

    #[test]
    fn object_too_long_is_cut_for_its_framing_only() {
        let [short, others @ ..] = Framing::ALL.map(Encoding::Json);
        let notice = said(&"long ".repeat(100));
        assert_eq!(serialized(&notice, &others), 1);
        assert!(serialized(&notice, &[short]) > 1);
    }
}
