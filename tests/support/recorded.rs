//! Bytes that clients and servers were recorded to send.

/// The objects of a client and a server of gtcp.
pub(crate) const HELLO: &str = r#"{"Act":"hello","Data":"My name's John!"}"#;
pub(crate) const NICE: &str = r#"{"Act":"hello","Data":"Nice to meet you!"}"#;
pub(crate) const DOEXIT: &str = r#"{"Act":"doexit","Data":""}"#;
pub(crate) const HEARTBEAT: &str = r#"{"Act":"heartbeat","Data":""}"#;
pub(crate) const JOIN: &str = r#"{"Act":"join","Data":"lobby"}"#;

/// Objects of the chat that have no key but these.
pub(crate) const PONG: &str = r#"{"Act":"ping","Data":"pong"}"#;
pub(crate) const SAY_HI: &str = r#"{"Act":"say","Data":"hi"}"#;
pub(crate) const AWAY: &str = r#"{"Act":"away","Data":""}"#;
pub(crate) const AWAY_AT_LUNCH: &str = r#"{"Act":"away","Data":"at lunch"}"#;
pub(crate) const BACK: &str = r#"{"Act":"back","Data":""}"#;
pub(crate) const ECHO_ON: &str = r#"{"Act":"echo","Data":"on"}"#;
pub(crate) const QUIT: &str = r#"{"Act":"quit","Data":""}"#;
pub(crate) const UPTIME: &str = r#"{"Act":"uptime","Data":"7300"}"#;

/// Objects that are wrong: an act that is no text, a mark that is no whole number.
pub(crate) const ACT_IS_A_LIST: &str = r#"{"Act":["say"],"Data":"hi"}"#;
pub(crate) const REF_IS_A_FRACTION: &str = r#"{"Act":"ping","Ref":1.5}"#;

/// Objects of gtcp as packets: of gtcp since v1.8, and until v1.6.16.
pub(crate) const GF2_HEARTBEAT: &[u8] = b"\x00\x1d{\"Act\":\"heartbeat\",\"Data\":\"\"}";
pub(crate) const GF7_HEARTBEAT: &[u8] = b"\x00\x00\x24\x00\x00\x08\xea{\"Act\":\"heartbeat\",\"Data\":\"\"}";
pub(crate) const GF7_HELLO: &[u8] = b"\x00\x00\x2f\x00\x00\x0c\x3f{\"Act\":\"hello\",\"Data\":\"My name's John!\"}";
pub(crate) const GF7_NICE: &[u8] = b"\x00\x00\x31\x00\x00\x0d\x39{\"Act\":\"hello\",\"Data\":\"Nice to meet you!\"}";
pub(crate) const GF7_DOEXIT: &[u8] = b"\x00\x00\x21\x00\x00\x07\xc7{\"Act\":\"doexit\",\"Data\":\"\"}";

/// A heartbeat of tnet.
pub(crate) const FRAME_HEARTBEAT: &[u8] = &[0; 8];

/// The beginning of a client's first message in TLS.
pub(crate) const TLS_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// The options that a telnet client offers when it connects to a port other than 23.
pub(crate) const TELNET_OPTIONS: &[u8] = b"\xff\xfd\x06\xff\xfb\x1f\xff\xfb\x20";
