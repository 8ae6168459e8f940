//! Serialization of the values that the shared state of the chat is made of.
//!
//! Values that are read back are parsed again, so that no invalid name or line gets in.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{Away, Body, Line, RoomName, SessionId, Speaker};

/// Serializes a struct as a map of all its fields, and reads it back. (serde's derive does the same, at the price
/// of five crates that an embedder would have to compile.)
macro_rules! serializable {
    ($name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry(stringify!($field), &self.$field)?;)+
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a map with the fields of ", stringify!($name)))
                    }

                    fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                        $(let mut $field: Option<$kind> = None;)+
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $(stringify!($field) => $field = Some(map.next_value()?),)+
                                _ => _ = map.next_value::<serde::de::IgnoredAny>()?,
                            }
                        }
                        $(let $field = $field.ok_or_else(|| serde::de::Error::missing_field(stringify!($field)))?;)+
                        Ok($name { $($field),+ })
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    };
}

pub(crate) use serializable;

serializable!(Speaker {
    id: SessionId,
    address: std::sync::Arc<str>,
    name: std::sync::Arc<str>,
    visitor: Option<SessionId>,
});

serializable!(Line { room: RoomName, from: std::sync::Arc<Speaker>, body: Body, at: u64, seq: u64 });

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

impl Serialize for RoomName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RoomName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(invalid)
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).ok_or_else(|| invalid("a line without a visible character"))
    }
}

/// The reason, or an empty text: without a reason it must not read as null, which is "not away" in an `Option`.
impl Serialize for Away {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map_or("", Body::as_str).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Away {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reason = String::deserialize(deserializer)?;
        if reason.is_empty() {
            return Ok(Self(None));
        }
        Body::new(&reason).map(|body| Self(Some(body))).ok_or_else(|| invalid("a reason without a visible character"))
    }
}

fn invalid<E: Error>(why: impl fmt::Display) -> E {
    E::custom(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the round trip of a whole hub: a person who was away without a reason came back as present.
    #[test]
    fn away_without_reason_stays_away() {
        for away in [None, Some(Away(None)), Some(Away(Body::new("lunch")))] {
            let written = serde_json::to_string(&away).unwrap();
            assert_eq!(serde_json::from_str::<Option<Away>>(&written).unwrap(), away, "{written}");
        }
    }
}
