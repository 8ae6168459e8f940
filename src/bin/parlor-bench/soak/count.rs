//! What is counted, by name.

use std::sync::atomic::AtomicU64;

/// One thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    /// Guests who came in.
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
    Foreign,
    Dribbled,
    Wandered,
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
    /// All of them with the names that the report gives them.
    pub(super) const ALL: [(Self, &'static str); 25] = [
        (Self::Sessions, "guests"),
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
        (Self::Foreign, "foreign"),
        (Self::Dribbled, "dribbled"),
        (Self::Wandered, "wandered"),
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

    /// What a refused caller is told.
    pub(super) const REFUSALS: [(&'static [u8], Self); 3] = [
        (b"Parlor is full (", Self::FullRefused),
        (b"no descriptor to spare", Self::NoDescriptor),
        (b"no thread to spare", Self::NoThread),
    ];
}

/// A counter for each.
pub(super) type Counters = [AtomicU64; Count::ALL.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place() {
        for (place, (count, _)) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, place);
        }
    }
}
