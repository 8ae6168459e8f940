//! The cost of each thing that a peer sends, for the throttle.

use crate::protocol::{Cost, Refusal, Verb};
use crate::wire::Inbound;

/// Bytes of input that an item may take besides its text: line ends, keys, headers.
const ITEM_OVERHEAD: usize = 256;
/// Bytes of input for one byte of text: an escape in JSON has six (`\u0041`).
const INPUT_PER_TEXT_BYTE: usize = 6;

/// Whether `item` takes from `--rate`.
pub(in super::super) fn counts_as_line(item: &Inbound) -> bool {
    cost(item).is_some_and(|cost| cost != Cost::Request)
}

/// Whether the answer to `item` may be long.
pub(in super::super) fn is_list(item: &Inbound) -> bool {
    cost(item) == Some(Cost::List)
}

/// The cost of `item`; `None` if it is free.
pub(super) fn cost(item: &Inbound) -> Option<Cost> {
    use Refusal::{AddressName, BadName, NoName, Reserved};
    match item {
        Inbound::Command(command) => Some(command.cost()),
        // A refused rename costs what a rename does.
        Inbound::Refused(NoName | BadName { .. } | AddressName { .. } | Reserved { .. }) => {
            Some(Verb::Nick.spec().cost)
        }
        Inbound::Refused(_) | Inbound::Custom { .. } => Some(Cost::Request),
        one if one.answers_a_poll() => Some(Cost::Request),
        // Telnet options are refused once each.
        Inbound::Tell(_)
        | Inbound::Answer(_)
        | Inbound::Pong(_)
        | Inbound::Close(_)
        | Inbound::Switch(_)
        | Inbound::Crlf
        | Inbound::Charset(_)
        | Inbound::Tag(_)
        | Inbound::Heartbeat => None,
    }
}

/// How many bytes of input `item` accounts for.
pub(super) fn explains(item: &Inbound) -> usize {
    let text = match item {
        Inbound::Command(command) => command.body().map_or(0, |body| body.as_str().len()),
        Inbound::Custom { data, .. } => data.len(),
        Inbound::Answer(bytes) | Inbound::Pong(bytes) => bytes.len(),
        Inbound::Refused(_) => 0,
        Inbound::Tag(tag) => return tag.len(),
        Inbound::Tell(_)
        | Inbound::Close(_)
        | Inbound::Switch(_)
        | Inbound::Crlf
        | Inbound::Charset(_)
        | Inbound::Heartbeat => return 0,
    };
    ITEM_OVERHEAD + INPUT_PER_TEXT_BYTE * text
}
