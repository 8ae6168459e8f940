//! The command lines of programs: flags, and the `PARLOR_…` variable of each.
//!
//! [`Config`](crate::Config) is a `clap::Args`. Flatten it into the flags of a program, and read them by [`parse`].
//! A flag beats its variable. [`variables`] says how a variable's value is read.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, Parser};

pub use crate::config::read_positive_time;
use crate::variables::{self, is_blank};

/// Parses a command line, and takes flags that are not in it from their variables.
///
/// # Errors
/// If a flag or a variable is wrong. The error names the variable that a wrong value comes from: users cannot
/// find a flag that they have not written.
pub fn parse<P: Parser>(words: &[OsString]) -> Result<P, clap::Error> {
    parse_with(words, |name| env::var_os(name))
}

/// The arguments for a flag without a value: its variable tells whether it is set.
fn switched(arg: &Arg, name: &OsStr, value: Option<&str>) -> Result<Option<OsString>, clap::Error> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        Some("1" | "true" | "yes" | "on") => Ok(arg.get_long().map(|flag| format!("--{flag}").into())),
        None | Some("0" | "false" | "no" | "off") => Ok(None),
        Some(_) => {
            let (name, value) = (name.to_string_lossy(), value.unwrap_or_default());
            let sentence = format!("{value:?} is no value of the variable {name}; set it to 1 or 0, or unset it");
            Err(clap::Error::raw(ErrorKind::InvalidValue, sentence + "\n"))
        }
    }
}

fn parse_with<P: Parser>(words: &[OsString], variable: impl Fn(&OsStr) -> Option<OsString>) -> Result<P, clap::Error> {
    // clap would not trim the variables.
    let mut command = P::command().mut_args(|arg| arg.env(None::<&str>));
    let written = command.try_get_matches_from_mut(words);
    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp) {
        // The help names the variables.
        return P::try_parse_from(words);
    }
    let is_written = |arg: &Arg| match &written {
        Ok(matches) => matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine),
        Err(_) => true, // an error in the words themselves is told first
    };
    let mut all: Vec<OsString> = words.iter().take(1).cloned().collect();
    let full = P::command();
    for arg in full.get_arguments().filter(|arg| !is_written(arg)) {
        let Some(name) = arg.get_env() else { continue };
        let value = variables::value_of(&name.to_string_lossy(), variable(name));
        let value = value.map_err(|sentence| P::command().error(ErrorKind::InvalidUtf8, sentence))?;
        if !arg.get_action().takes_values() {
            all.extend(switched(arg, name, value.as_deref())?);
            continue;
        }
        let values: Vec<&str> = match (&value, arg.get_value_delimiter()) {
            (None, _) => vec![],
            (Some(value), None) => vec![value],
            (Some(value), Some(comma)) => {
                value.split(comma).map(|one| one.trim_matches(is_blank)).filter(|one| !one.is_empty()).collect()
            }
        };
        all.extend(values.into_iter().map(|value| match arg.get_long() {
            Some(flag) => format!("--{flag}={value}").into(),
            None => OsString::from(value),
        }));
    }
    all.extend(words.iter().skip(1).cloned());
    let parsed = command.try_get_matches_from_mut(&all).and_then(|mut matches| P::from_arg_matches_mut(&mut matches));
    parsed.map_err(|mut error| {
        let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return error };
        let wrong = wrong.split(' ').next().unwrap_or_default();
        let arg = full.get_arguments().find(|arg| arg.get_long() == wrong.strip_prefix("--"));
        if let Some(variable) = arg.filter(|arg| !is_written(arg)).and_then(Arg::get_env) {
            let tip = format!("the value is that of the variable {}", variable.to_string_lossy());
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::os::unix::ffi::OsStringExt;

    use crate::Config;

    /// The flags of a program that has no others.
    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Config,
    }

    /// Parses these arguments with only these variables set.
    fn parse_under<P: Parser>(words: &[&str], set: &[(&str, &[u8])]) -> Result<P, clap::Error> {
        let words: Vec<OsString> = ["program"].iter().chain(words).map(OsString::from).collect();
        parse_with(&words, |name| {
            let (_, value) = set.iter().find(|(set, _)| name == OsStr::new(set))?;
            Some(OsString::from_vec(value.to_vec()))
        })
    }

    fn with(variable: &str, value: &[u8]) -> Result<Config, clap::Error> {
        parse_under(&[], &[(variable, value)]).map(|flags: Flags| flags.settings)
    }

    #[test]
    fn variable_empty_counts_as_unset() {
        let usual = format!("{:?}", parse_under::<Flags>(&[], &[]).unwrap().settings);
        let command = Flags::command();
        let names: Vec<String> =
            command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned())).collect();
        assert!(names.len() > 15, "{names:?}");
        for name in &names {
            for blank in ["", " ", "\r", "\t\r\n", "\u{a0}", "\u{feff}"] {
                let flags = with(name, blank.as_bytes()).unwrap_or_else(|error| panic!("{name}={blank:?}: {error}"));
                assert_eq!(format!("{flags:?}"), usual, "{name}={blank:?}");
            }
        }
        assert!(with("PARLOR_LISTEN", b" , ,\r").unwrap().listen.is_empty());
    }

    #[test]
    fn variable_with_blanks_around_is_trimmed() {
        assert_eq!(with("PARLOR_MAX_CLIENTS", b" 100\r").unwrap().max_clients, 100);
        assert_eq!(with("PARLOR_DRAIN", b"\t5m \n").unwrap().drain.as_secs(), 300);
        let listen = with("PARLOR_LISTEN", b" text://127.0.0.1:1 , relay://127.0.0.1:2,\r\n").unwrap().listen;
        assert_eq!(
            listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["text://127.0.0.1:1", "relay://127.0.0.1:2"]
        );
    }

    #[test]
    fn variable_with_wrong_value_is_named() {
        for (name, value) in [("PARLOR_RATE", &b"many"[..]), ("PARLOR_LISTEN", b"text://:1"), ("PARLOR_NODE", b"-1")] {
            let error = with(name, value).unwrap_err().to_string();
            assert!(error.contains(&format!("the value is that of the variable {name}")), "{error}");
        }
        for name in ["PARLOR_IDLE", "PARLOR_LISTEN", "PARLOR_MAX_CLIENTS", "PARLOR_ADDRESSES"] {
            let error = with(name, b"30\xffs").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUtf8);
            assert!(error.to_string().contains(&format!("the variable {name} are not UTF-8")), "{error}");
        }
    }

    /// `PARLOR_CLASSIC` was wrong usage, whatever its value.
    #[test]
    fn variable_of_flag_without_value_switches_it() {
        for (value, wanted) in
            [("1", true), ("true", true), ("YES\r", true), ("on", true), ("0", false), ("off", false)]
        {
            assert_eq!(with("PARLOR_CLASSIC", value.as_bytes()).unwrap().classic, wanted, "{value}");
        }
        let error = with("PARLOR_CLASSIC", b"maybe").unwrap_err().to_string();
        assert!(error.contains("\"maybe\" is no value of the variable PARLOR_CLASSIC; set it to 1 or 0"), "{error}");
        let set: &[(&str, &[u8])] = &[("PARLOR_CLASSIC", b"0")];
        assert!(parse_under::<Flags>(&["--classic"], set).unwrap().settings.classic);
    }

    #[test]
    fn flag_written_beats_any_variable() {
        let set: &[(&str, &[u8])] = &[("PARLOR_RATE", b"many"), ("PARLOR_LISTEN", b"\xff"), ("PARLOR_BURST", b"7")];
        let words = ["--rate", "3", "--listen=text://127.0.0.1:1"];
        let Flags { settings } = parse_under(&words, set).unwrap();
        assert_eq!((settings.rate, settings.listen.len(), settings.burst), (3, 1, 7));
        let error = parse_under::<Flags>(&["--rate", "few"], set).unwrap_err().to_string();
        assert!(error.contains("few") && !error.contains("variable"), "{error}");
    }

    #[test]
    fn help_names_the_variables() {
        let help = parse_under::<Flags>(&["--help"], &[("PARLOR_RATE", b"many")]).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        assert!(help.to_string().contains("PARLOR_RATE"), "{help}");
    }
}
