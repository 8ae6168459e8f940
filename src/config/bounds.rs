//! The values that a setting may have, and how they are written.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The shortest time that is not zero: flags have no finer unit.
pub(super) const MS: Duration = Duration::from_millis(1);
/// The longest time: sums of such times do not overflow.
pub(super) const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// The values that a setting may have.
pub(super) trait Bounds<T> {
    /// The nearest value within the bounds.
    fn nearest(&self, value: T) -> T;

    /// Reads the value of a flag. Returns a sentence if it is none, or not within the bounds.
    #[cfg(feature = "flags")]
    fn read(&self, text: &str) -> Result<T, String>;
}

/// Zero, or a value within the range.
#[derive(Debug, Clone)]
pub(super) struct ZeroOr<T>(pub RangeInclusive<T>);

/// The type of a setting: a value, or perhaps one.
pub(super) trait Setting: Sized {
    /// The type that the bounds are about.
    type Value;

    /// The nearest setting within the bounds.
    fn nearest(self, bounds: &impl Bounds<Self::Value>) -> Self;

    /// The setting as it is written behind a flag.
    #[cfg(feature = "flags")]
    fn text(&self) -> Option<String>;
}

macro_rules! number {
    ($($Number:ty)*) => { $(
        impl Bounds<$Number> for RangeInclusive<$Number> {
            fn nearest(&self, value: $Number) -> $Number {
                value.clamp(*self.start(), *self.end())
            }

            #[cfg(feature = "flags")]
            fn read(&self, text: &str) -> Result<$Number, String> {
                let value: i64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
                let within = <$Number>::try_from(value).ok().filter(|value| self.contains(value));
                within.ok_or_else(|| format!("{value} is not in {}..={}", self.start(), self.end()))
            }
        }

        impl Setting for $Number {
            type Value = Self;

            fn nearest(self, bounds: &impl Bounds<Self>) -> Self {
                bounds.nearest(self)
            }

            #[cfg(feature = "flags")]
            fn text(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )* };
}

number!(u16 u32 usize);

impl Bounds<Duration> for RangeInclusive<Duration> {
    fn nearest(&self, value: Duration) -> Duration {
        value.clamp(*self.start(), *self.end())
    }

    #[cfg(feature = "flags")]
    fn read(&self, text: &str) -> Result<Duration, String> {
        match read_time(text)? {
            time if self.contains(&time) => Ok(time),
            _ if *self.start() == MS => Err("it must be more than 0".to_owned()),
            _ => Err(format!("at least {}", written(*self.start()))),
        }
    }
}

impl Bounds<Duration> for ZeroOr<Duration> {
    fn nearest(&self, value: Duration) -> Duration {
        if value.is_zero() { value } else { self.0.nearest(value) }
    }

    #[cfg(feature = "flags")]
    fn read(&self, text: &str) -> Result<Duration, String> {
        match read_time(text)? {
            time if time.is_zero() || self.0.contains(&time) => Ok(time),
            _ => Err(format!("at least {}, or 0 for never", written(*self.0.start()))),
        }
    }
}

impl Setting for Duration {
    type Value = Self;

    fn nearest(self, bounds: &impl Bounds<Self>) -> Self {
        bounds.nearest(self)
    }

    #[cfg(feature = "flags")]
    fn text(&self) -> Option<String> {
        Some(written(*self))
    }
}

impl<T: Setting<Value = T>> Setting for Option<T> {
    type Value = T;

    fn nearest(self, bounds: &impl Bounds<T>) -> Self {
        self.map(|value| bounds.nearest(value))
    }

    #[cfg(feature = "flags")]
    fn text(&self) -> Option<String> {
        self.as_ref().and_then(T::text)
    }
}

/// The parser of a flag for a setting within these bounds.
#[cfg(feature = "flags")]
pub(super) fn parser<S: Setting, B: Bounds<S::Value> + Clone>(
    bounds: B,
) -> impl Fn(&str) -> Result<S::Value, String> + Clone {
    move |text| bounds.read(text)
}

/// Reads a time: `30`, `30s`, `5m`, `2h`, `500ms`. A year is the most.
#[cfg(feature = "flags")]
fn read_time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || "write a time like 30, 30s, 5m, 2h or 500ms".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let ms = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(wrong()),
    };
    ms.map(Duration::from_millis).filter(|time| *time <= YEAR).ok_or_else(|| "at most a year".to_owned())
}

/// Reads a time of more than 0: `30`, `30s`, `5m`, `2h`, `500ms`.
///
/// # Errors
/// A sentence, if it is no such time, or is longer than a year.
#[cfg(feature = "flags")]
pub fn read_positive_time(text: &str) -> Result<Duration, String> {
    (MS..=YEAR).read(text)
}

/// A time as flags have it, in seconds or milliseconds.
#[cfg(feature = "flags")]
fn written(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bounds_move_to_the_nearest_value(number: u32, seconds: u64) {
            prop_assert!((64..=65_536).contains(&(64..=65_536).nearest(number)));
            let time = Duration::from_secs(seconds);
            prop_assert!((MS..=YEAR).contains(&(MS..=YEAR).nearest(time)));
            let bounds = ZeroOr(Duration::from_secs(1)..=YEAR);
            prop_assert_eq!(bounds.nearest(time).is_zero(), time.is_zero());
            prop_assert!(bounds.nearest(time) <= YEAR);
            if (1..YEAR.as_secs()).contains(&seconds) {
                prop_assert_eq!(bounds.nearest(time), time);
            }
        }
    }

    #[test]
    fn zero_or_keeps_zero_alone() {
        let bounds = ZeroOr(Duration::from_secs(1)..=YEAR);
        assert_eq!(bounds.nearest(Duration::ZERO), Duration::ZERO);
        assert_eq!(bounds.nearest(Duration::from_nanos(1)), Duration::from_secs(1));
        assert_eq!(bounds.nearest(Duration::MAX), YEAR);
    }

    #[cfg(feature = "flags")]
    #[test]
    fn time_of_any_unit_is_read() {
        let ms = |text| read_time(text).map(|time| time.as_millis());
        assert_eq!(ms("30"), Ok(30_000));
        assert_eq!(ms("30s"), Ok(30_000));
        assert_eq!(ms("5m"), Ok(300_000));
        assert_eq!(ms("2h"), Ok(7_200_000));
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("0"), Ok(0));
        for wrong in ["", "s", "5 m", "-1", "1.5s", "5d", "99999999999999999999", "9999999h"] {
            assert!(read_time(wrong).is_err(), "{wrong:?}");
        }
        for time in [Duration::ZERO, MS, Duration::from_millis(1500), Duration::from_secs(3600), YEAR] {
            assert_eq!(read_time(&written(time)), Ok(time));
        }
    }

    #[cfg(feature = "flags")]
    #[test]
    fn value_beyond_bounds_is_told() {
        let told = |text| (1..=1023_u16).read(text).unwrap_err();
        assert_eq!(told("0"), "0 is not in 1..=1023");
        assert_eq!(told("-1"), "-1 is not in 1..=1023");
        assert_eq!(told("65536"), "65536 is not in 1..=1023");
        assert_eq!(told("x"), "invalid digit found in string");
        assert_eq!((1..=1023_u16).read("7"), Ok(7));
        assert_eq!((MS..=YEAR).read("0").unwrap_err(), "it must be more than 0");
        assert_eq!((MS..=YEAR).read("9999h").unwrap_err(), "at most a year");
        let idle = ZeroOr(Duration::from_secs(1)..=YEAR);
        assert_eq!(idle.read("500ms").unwrap_err(), "at least 1s, or 0 for never");
        assert_eq!(idle.read("0"), Ok(Duration::ZERO));
    }
}
