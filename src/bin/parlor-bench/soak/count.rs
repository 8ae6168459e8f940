//! The counters of a soak, by name.

use std::sync::atomic::AtomicU64;

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Clients that have joined.
    Sessions,
    Talked,
    Flooded,
    HalfClosed,
    EchoPending,
    Resets,
    Vanished,
    Stalled,
    StalledAndCut,
    WasIdle,
    IdleCut,
    Rubbish,
    WrongProtocol,
    SentBytewise,
    ChangedRooms,
    Crowds,
    Unjoined,
    Races,
    RacesLost,
    Stops,
    SignalDuringJoin,
    Pairs,
    FullRefused,
    NoDescriptor,
    NoThread,
}

impl Count {
    /// All counters with their names in the report.
    pub(super) const ALL: [(Self, &'static str); 25] = [
        (Self::Sessions, "clients"),
        (Self::Talked, "talked"),
        (Self::Flooded, "flooded"),
        (Self::HalfClosed, "half_closed"),
        (Self::EchoPending, "half_closed_with_echo_pending"),
        (Self::Resets, "reset"),
        (Self::Vanished, "vanished"),
        (Self::Stalled, "stalled"),
        (Self::StalledAndCut, "stalled_and_cut"),
        (Self::WasIdle, "idle"),
        (Self::IdleCut, "idle_cut"),
        (Self::Rubbish, "rubbish"),
        (Self::WrongProtocol, "wrong_protocol"),
        (Self::SentBytewise, "sent_bytewise"),
        (Self::ChangedRooms, "changed_rooms"),
        (Self::Crowds, "crowds"),
        (Self::Unjoined, "unjoined"),
        (Self::Races, "rename_races"),
        (Self::RacesLost, "rename_races_lost"),
        (Self::Stops, "stops_and_continues"),
        (Self::SignalDuringJoin, "signal_during_join"),
        (Self::Pairs, "joins_and_leaves_paired"),
        (Self::FullRefused, "full_refused"),
        (Self::NoDescriptor, "refused_without_descriptor"),
        (Self::NoThread, "refused_without_thread"),
    ];

    /// The words by which the server refuses a connection.
    pub(super) const REFUSALS: [(&'static [u8], Self); 3] = [
        (b"Parlor is full (", Self::FullRefused),
        (b"no descriptor to spare", Self::NoDescriptor),
        (b"no thread to spare", Self::NoThread),
    ];
}

/// The values of all counters.
pub(super) type Counters = [AtomicU64; Count::ALL.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_is_at_its_index() {
        for (index, (count, _)) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, index);
        }
    }
}
