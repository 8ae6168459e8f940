//! The settings of one run of `parlor-cli`: flags, then variables, then the last conversation's.

use std::ffi::OsString;
use std::time::Duration;

use super::address::{DEFAULT_HOST, address};
use super::error::Error;
use super::flags::Flags;
use super::saved::SavedSettings;
use parlor::protocol::{Nick, RoomName};
use parlor::wire::Wire;

/// The settings of one run.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The server as it was given.
    pub host: String,
    /// The server's address for `wire`.
    pub address: String,
    pub wire: Wire,
    /// Whether no server is named and the last conversation's is used.
    pub is_saved: bool,
    /// Whether `wire` was asked for.
    pub wire_is_given: bool,
    pub name: Option<Nick>,
    /// The room to join; #lobby if none is named.
    pub room: Option<RoomName>,
    pub timeout: Duration,
    /// Whether to connect again when the connection breaks.
    pub reconnects: bool,
    pub bell: bool,
    /// Whether the local time stands before each line.
    pub time: bool,
}

impl Settings {
    /// Flags beat variables, and variables beat saved settings.
    ///
    /// # Errors
    /// If the server's address or a variable is wrong.
    pub(super) fn of(
        flags: &Flags,
        variable: impl Fn(&str) -> Option<OsString>,
        saved: &SavedSettings,
    ) -> Result<Self, Error> {
        let text = |name: &'static str| text(name, variable(name));
        let asked = match &flags.host {
            Some(host) => Some(host.clone()),
            None => text("PARLOR_HOST")?,
        };
        let name = match (&flags.name, text("PARLOR_NAME")?) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(name)) => Some(
                Nick::parse(&name)
                    .map_err(|refusal| Error::Variable { name: "PARLOR_NAME", what: refusal.to_string() })?,
            ),
            (None, None) => saved.name.clone(),
        };
        // A server and its door's wire format belong together.
        let is_saved = asked.is_none() && flags.wire.is_none() && saved.server.is_some();
        let (host, wire) = match (asked, flags.wire, &saved.server) {
            (None, None, Some((host, wire))) => (host.clone(), *wire),
            (asked, wire, _) => (asked.unwrap_or_else(|| DEFAULT_HOST.to_owned()), wire.unwrap_or(Wire::Text)),
        };
        Ok(Self {
            address: address(&host, wire)?,
            host,
            wire,
            is_saved,
            wire_is_given: flags.wire.is_some(),
            name,
            room: flags.room.clone(),
            timeout: flags.timeout,
            reconnects: !flags.no_reconnect,
            bell: flags.bell.unwrap_or(saved.bell),
            time: flags.time.unwrap_or(saved.time),
        })
    }
}

/// A variable's value without blanks around it; an empty one is not set.
fn text(name: &'static str, value: Option<OsString>) -> Result<Option<String>, Error> {
    let wrong = |_| Error::Variable { name, what: "it is not UTF-8".to_owned() };
    parlor::variables::value_of(name, value).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn settings(args: &[&str], variables: &[(&str, &str)], saved: &SavedSettings) -> Result<Settings, String> {
        let flags = Flags::try_parse_from(["parlor-cli"].iter().chain(args)).unwrap();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Settings::of(&flags, variable, saved).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_count_more_than_variables_than_file() {
        let saved = SavedSettings {
            name: Some(Nick::parse("cid").unwrap()),
            server: Some(("c:3".into(), Wire::Frame)),
            bell: true,
            time: false,
        };
        let all = |args: &[&str], variables: &[(&str, &str)]| {
            let all = settings(args, variables, &saved).unwrap();
            (all.address, all.wire.name(), all.name.unwrap().as_str().to_owned(), all.bell)
        };
        let variables = [("PARLOR_HOST", "b:2"), ("PARLOR_NAME", "bob")];
        assert_eq!(all(&["a:1", "-n", "ann", "--bell=off"], &variables), ("a:1".into(), "text", "ann".into(), false));
        assert_eq!(all(&[], &variables), ("b:2".into(), "text", "bob".into(), true));
        assert_eq!(all(&[], &[]), ("c:3".into(), "frame", "cid".into(), true));
        // The saved wire format is not combined with another server.
        assert_eq!(all(&["--wire", "json"], &[]), ("127.0.0.1:8999".into(), "json", "cid".into(), true));
        let none = settings(&[], &[], &SavedSettings::default()).unwrap();
        assert_eq!((none.address.as_str(), none.wire, none.name), ("127.0.0.1:8000", Wire::Text, None));
    }

    #[test]
    fn empty_variable_counts_as_unset() {
        let none = SavedSettings::default();
        let address = |value| settings(&[], &[("PARLOR_HOST", value), ("PARLOR_NAME", " ")], &none).unwrap().address;
        assert_eq!(address(""), "127.0.0.1:8000");
        assert_eq!(address(" h:1\r"), "h:1");
        let wrong = settings(&[], &[("PARLOR_NAME", "a b")], &none).unwrap_err();
        assert!(wrong.starts_with("PARLOR_NAME: "), "{wrong}");
    }
}
