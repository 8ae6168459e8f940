//! Times in words for people.

use std::fmt;
use std::time::Duration;

/// Units of time in seconds, the largest first.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];

/// An age in its largest unit, rounded down: `3 s`, `12 min`, `5 h`, `2 d`.
pub(crate) struct Age(pub(crate) Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (length, unit) = UNITS.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "s"));
        write!(f, "{} {unit}", seconds / length)
    }
}

/// A setting in the largest unit that divides it: `30 s`, `90 s`, `5 min`.
pub(crate) struct Setting(pub(crate) u64);

impl Setting {
    /// The setting that is written as `count` and `unit`.
    pub(crate) fn parse(count: &str, unit: &str) -> Option<Self> {
        let (length, _) = UNITS.into_iter().find(|(_, known)| *known == unit)?;
        count.parse::<u64>().ok()?.checked_mul(length).map(Self)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(length, _): &(u64, &str)| self.0 > 0 && self.0.is_multiple_of(*length);
        let (length, unit) = UNITS.into_iter().find(divides).unwrap_or((1, "s"));
        write!(f, "{} {unit}", self.0 / length)
    }
}

/// The time of day of a Unix millisecond, `12:04`, in UTC: the server does not know people's time
/// zones.
pub(crate) struct Clock(pub(crate) u64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0 / 60_000 % (24 * 60);
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_is_told_in_unit_that_divides() {
        for (seconds, told) in [
            (0, "0 s"),
            (1, "1 s"),
            (30, "30 s"),
            (60, "1 min"),
            (90, "90 s"),
            (300, "5 min"),
            (1800, "30 min"),
            (3600, "1 h"),
            (5400, "90 min"),
            (86_400, "1 d"),
            (86_401, "86401 s"),
        ] {
            assert_eq!(Setting(seconds).to_string(), told);
        }
    }

    #[test]
    fn age_is_told_in_largest_unit() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (86_399, "23 h"),
            (172_799, "1 d"),
        ] {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), told);
        }
    }
}
