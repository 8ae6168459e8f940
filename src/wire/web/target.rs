//! The target of a request: its path and its parameters, percent-decoded.

use memchr::memchr;

use super::{Authority, BadRequest, Query, percent};

/// A target, taken apart.
pub(super) struct Target {
    pub(super) path: String,
    pub(super) query: Query,
    /// The host, where the target is a URL. It goes before `Host` (RFC 9112, section 3.2.2).
    pub(super) host: Option<Authority>,
}

impl Target {
    /// Parses a path or a URL.
    pub(super) fn parse(target: &[u8]) -> Result<Self, BadRequest> {
        if memchr(b'#', target).is_some() {
            return Err(BadRequest::Fragment);
        }
        let (host, target) = match without_scheme(target) {
            None => (None, target),
            Some(rest) => {
                let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
                let (host, rest) = rest.split_at_checked(end).unwrap_or((rest, b""));
                let host = std::str::from_utf8(host).ok().and_then(Authority::parse).ok_or(BadRequest::Host)?;
                (Some(host), rest)
            }
        };
        let (path, query) = split_at_byte(target, b'?');
        let path = match path {
            b"" if host.is_some() => b"/",
            path => path,
        };
        if path.first() != Some(&b'/') {
            return Err(BadRequest::Target);
        }
        let path = decoded(path, false)?;
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(BadRequest::Dots);
        }
        Ok(Self { path, query: Query::parse(query)?, host })
    }
}

impl Query {
    /// Parses what is behind `?`. All of it is checked; parameters that are not known are left out.
    fn parse(query: &[u8]) -> Result<Self, BadRequest> {
        let mut known = Self::default();
        for pair in query.split(|byte| *byte == b'&') {
            let (name, value) = split_at_byte(pair, b'=');
            let (name, value) = (decoded(name, true)?, decoded(value, true)?);
            let place = match name.as_str() {
                "name" => &mut known.name,
                "after" => &mut known.after,
                "poll" => &mut known.poll,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        Ok(known)
    }
}

/// The rest of a URL behind its `http://`.
fn without_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (first, rest) = target.split_at_checked(scheme.len())?;
        first.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// The parts before and behind the first such byte.
fn split_at_byte(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let at = memchr(byte, text).unwrap_or(text.len());
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, b""));
    (before, behind.get(1..).unwrap_or_default())
}

/// Decodes percent codes. In parameters a `+` is a blank, as in forms.
fn decoded(text: &[u8], plus_is_blank: bool) -> Result<String, BadRequest> {
    let bytes = percent::decoded(text, plus_is_blank).ok_or(BadRequest::PercentCode)?;
    let text = String::from_utf8(bytes).map_err(|_| BadRequest::NotUtf8)?;
    if text.chars().any(char::is_control) { Err(BadRequest::PercentControl) } else { Ok(text) }
}
