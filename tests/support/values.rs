//! Values of the protocol, built from what a test writes.

use parlor::protocol::{Body, Command, Nick};
use parlor::wire::Inbound;

pub(crate) fn body(text: &str) -> Body {
    Body::new(text).unwrap_or_else(|| panic!("{text:?} is blank"))
}

pub(crate) fn nick(name: &str) -> Nick {
    Nick::parse(name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

/// A line that somebody says, as a decoder hands it out.
pub(crate) fn say(text: &str) -> Inbound {
    Inbound::Command(Command::Say(body(text)))
}
