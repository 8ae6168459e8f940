//! The values of environment variables, read alike by all programs.
//!
//! Compose files, unit files and scripts set variables that are empty, that end in a comma, or that still
//! have the CR of a Windows line. An empty variable counts as not set. Blanks around a value are ignored.

use std::env;
use std::ffi::OsString;

/// The value of a variable without blanks around it; `None` if it is empty.
///
/// # Errors
/// A sentence that names the variable, if its bytes are not UTF-8.
pub fn read(name: &str) -> Result<Option<String>, String> {
    value_of(name, env::var_os(name))
}

/// The same for a value that was read already.
///
/// # Errors
/// As [`read`].
pub fn value_of(name: &str, value: Option<OsString>) -> Result<Option<String>, String> {
    let Some(value) = value else { return Ok(None) };
    let value = value.to_str().ok_or_else(|| {
        format!("the bytes of the variable {name} are not UTF-8: {value:?}; set it anew, or unset it")
    })?;
    let trimmed = value.trim_matches(is_blank);
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

/// An editor may leave a byte order mark at the start of a file of variables.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}
