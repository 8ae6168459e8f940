//! The label values of some counters. The sets and their names are fixed.

/// The scheme of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the variants of Wire")]
pub enum Scheme {
    Text,
    Relay,
    Json,
    Frame,
    Http,
}

impl Scheme {
    /// Every scheme, in the order of its numbers (`scheme as usize`).
    pub const ALL: [Self; 5] = [Self::Text, Self::Relay, Self::Json, Self::Frame, Self::Http];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Relay => "relay",
            Self::Json => "json",
            Self::Frame => "frame",
            Self::Http => "http",
        }
    }
}

/// Why a caller was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// Too many connections from one address.
    Address,
    /// Too many connections that have sent nothing.
    Silent,
    /// No free slot.
    Full,
    /// No free descriptor.
    Descriptor,
    /// No thread could be started.
    Thread,
}

impl TurnedAway {
    /// Every reason, in the order of its numbers (`reason as usize`).
    pub const ALL: [Self; 5] = [Self::Address, Self::Silent, Self::Full, Self::Descriptor, Self::Thread];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Silent => "silent",
            Self::Full => "full",
            Self::Descriptor => "descriptor",
            Self::Thread => "thread",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_at_their_numbers() {
        for (number, scheme) in Scheme::ALL.into_iter().enumerate() {
            assert_eq!(scheme as usize, number, "{}", scheme.name());
        }
        for (number, reason) in TurnedAway::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number, "{}", reason.name());
        }
    }
}
