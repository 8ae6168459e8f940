//! How a program talks by a [`Peer`]: objects, packets in any framing, frames.

use parlor::wire::Framing;
use serde_json::Value;

use super::packets::{frame, packet};
use super::peer::Peer;

impl Peer {
    /// Sends one JSON object as a line.
    #[track_caller]
    pub(crate) fn ask(&mut self, object: &Value) {
        self.send(&object.to_string());
    }

    /// The next line as JSON.
    #[track_caller]
    pub(crate) fn json(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| self.fail(&format!("{error}: {line:?}")))
    }

    /// As [`Peer::fence`], for a JSON session in lines.
    #[track_caller]
    pub(crate) fn json_fence(&mut self) -> Vec<Value> {
        self.send(r#"{"Act":"ping","Ref":"fence"}"#);
        let mut before = Vec::new();
        loop {
            let object = self.json();
            if object["Ref"] == "fence" {
                return before;
            }
            before.push(object);
        }
    }

    /// Sends one frame.
    #[track_caller]
    pub(crate) fn send_frame(&mut self, route: u32, data: &[u8]) {
        self.send_raw(&frame(route, data));
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub(crate) fn any_frame(&mut self) -> (u32, Vec<u8>) {
        let header = self.read_raw(8);
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        (number(0), self.read_raw(number(4) as usize))
    }

    /// The next frame that is no heartbeat.
    #[track_caller]
    pub(crate) fn next_frame(&mut self) -> (u32, Vec<u8>) {
        loop {
            let got = self.any_frame();
            if got != (0, Vec::new()) {
                return got;
            }
        }
    }

    /// The next frame that is no heartbeat must be this one.
    #[track_caller]
    pub(crate) fn expect_frame(&mut self, route: u32, data: &[u8]) {
        let got = self.next_frame();
        if got != (route, data.to_vec()) {
            let show = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
            self.fail(&format!("wanted {route} {:?}\n   got {} {:?}", show(data), got.0, show(&got.1)));
        }
    }

    /// As [`Peer::fence`], for a frame session.
    #[track_caller]
    pub(crate) fn frame_fence(&mut self) -> Vec<(u32, Vec<u8>)> {
        self.send_frame(112, br#"{"Ref":"fence"}"#);
        let mut before = Vec::new();
        loop {
            let (route, data) = self.next_frame();
            if route == 112 && String::from_utf8_lossy(&data).contains(r#""Ref":"fence""#) {
                return before;
            }
            before.push((route, data));
        }
    }

    /// Sends one packet.
    #[track_caller]
    pub(crate) fn send_packet(&mut self, framing: Framing, data: &str) {
        self.send_raw(&packet(framing, data));
    }

    /// The data of the next packet, whose header must be right.
    #[track_caller]
    pub(crate) fn next_packet(&mut self, framing: Framing) -> String {
        let length = match framing {
            Framing::Lines => return self.line(),
            Framing::Gf7 => 3,
            Framing::Gf1 => 1,
            Framing::Gf2 => 2,
            Framing::Gf3 => 3,
            Framing::Gf4 => 4,
        };
        let head = self.read_raw(length);
        let number = head.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let (head, data) = match framing {
            Framing::Gf7 => ([head, self.read_raw(4)].concat(), self.read_raw(number - 7)),
            _ => (head, self.read_raw(number)),
        };
        let whole = packet(framing, &data);
        if !whole.starts_with(&head) {
            self.fail(&format!("{framing:?}: a wrong header {}", head.escape_ascii()));
        }
        String::from_utf8(data).unwrap()
    }

    /// The next packet must hold this.
    #[track_caller]
    pub(crate) fn expect_packet(&mut self, framing: Framing, wanted: &str) {
        let got = self.next_packet(framing);
        if got != wanted {
            self.fail(&format!("({framing:?})\nwanted {wanted}\n   got {got}"));
        }
    }

    /// The next packet must be an error; returns it.
    #[track_caller]
    pub(crate) fn expect_error(&mut self, framing: Framing) -> Value {
        let got = self.next_packet(framing);
        let error: Value = serde_json::from_str(&got).unwrap_or_else(|error| self.fail(&format!("{error}: {got}")));
        if error["Act"] != "error" {
            self.fail(&format!("wanted an error, got {got}"));
        }
        error
    }
}
