//! The greeting: the room, the people in it, and four things to know.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use super::wrap::Page;
use super::wrong_protocol::host_and_port;
use crate::protocol::{IdleLimits, QUIET_FOR, RoomName, Setting};

/// The advice for newcomers.
pub(in crate::wire) const FIRST_ADVICE: &str =
    "who lists people, rename|NAME names you, /help tells more, /quit leaves";
/// The beginning of the advice about the first idle limit.
pub(in crate::wire) const SAY_WITHIN: &str = "Say something or take a name within ";

/// The values in a greeting.
pub(super) struct Greeting<'a> {
    pub(super) room: &'a RoomName,
    pub(super) others: &'a [Arc<str>],
    pub(super) others_total: usize,
    /// The address that the caller connected to.
    pub(super) door: &'a str,
    pub(super) idle: IdleLimits,
}

impl Greeting<'_> {
    pub(super) fn write(&self, page: &mut Page<'_>) {
        let room = self.room;
        if self.others_total == 0 {
            page.info(format_args!("Welcome to Parlor. You are the first in {room}."));
            let (host, port) = host_and_port(self.door);
            // Other machines cannot reach a loopback address.
            let is_local = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
            let place = if is_local { " on this machine" } else { "" };
            page.info(format_args!("Others{place} come in with: nc {host} {port}"));
        } else {
            let members = members(self.others, self.others_total);
            page.info(format_args!("Welcome to Parlor. You are in {room} {members}"));
        }
        page.info(format_args!("{FIRST_ADVICE}"));
        let IdleLimits { at_first, later } = self.idle;
        let first = Setting(at_first.as_secs());
        if at_first.is_zero() {
            // There is no idle limit.
        } else if at_first == later {
            page.info(format_args!("{QUIET_FOR}{first} means disconnected; /stay if you just listen"));
        } else {
            page.info(format_args!("{SAY_WITHIN}{first}; /stay if you just listen"));
        }
    }
}

/// `with 2 others: ann, mike`; further people are counted.
pub(super) fn members(others: &[Arc<str>], total: usize) -> String {
    let mut words = match total {
        0 => return "alone".to_owned(),
        1 => format!("with 1 other: {}", others.join(", ")),
        many => format!("with {many} others: {}", others.join(", ")),
    };
    if total > others.len() {
        // Writing to a String cannot fail.
        let _ = write!(words, " and {} more", total - others.len());
    }
    words
}
