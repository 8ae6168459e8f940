//! Refuses what the pages of other origins ask for.
//!
//! A browser lets any page send a POST, open a WebSocket and load a URL anywhere, on the user's machine too. The
//! browser names the page in `Origin` and `Sec-Fetch-Site`. With DNS rebinding, where an attacker's name resolves
//! to 127.0.0.1, the origin matches, but `Host` has the attacker's name.

use std::fmt;
use std::str::FromStr;

use super::{Authority, Method, Request, Response, Status};

/// A name of this server, without a port: `--public-name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicName(Authority);

/// The origin of a page that may ask: `--web-origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    /// In lower case.
    scheme: Box<str>,
    authority: Authority,
}

impl WebOrigin {
    /// The port that a URL of this scheme means if it has none.
    fn usual_port(&self) -> Option<u16> {
        match &*self.scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        }
    }

    fn port(&self) -> Option<u16> {
        self.authority.port().or(self.usual_port())
    }

    fn is_same(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority.name() == other.authority.name() && self.port() == other.port()
    }

    /// Whether a page of this origin came from `host`. A proxy in front may have taken off TLS, so the scheme may
    /// be either.
    fn is_of(&self, host: &Authority) -> bool {
        self.usual_port().is_some()
            && self.authority.name() == host.name()
            && self.port() == host.port().or(self.usual_port())
    }
}

impl FromStr for PublicName {
    type Err = String;

    /// Reads `chat.example.org`; the error is a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        match Authority::parse(text) {
            Some(name) if name.port().is_none() => Ok(Self(name)),
            _ => Err("write a name like chat.example.org, without http:// and without a port".to_owned()),
        }
    }
}

impl fmt::Display for PublicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WebOrigin {
    type Err = String;

    /// Reads `https://chat.example.org:8443`; the error is a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let parts =
            text.split_once("://").filter(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_scheme_char));
        let parsed = parts.and_then(|(scheme, authority)| Some((scheme, Authority::parse(authority)?)));
        let (scheme, authority) = parsed
            .ok_or("write an origin like https://example.org or http://127.0.0.1:3000, without a path behind it")?;
        Ok(Self { scheme: scheme.to_ascii_lowercase().into(), authority })
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// The origins and names that one door lets in.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// Names of this server beside those of the loopback interface.
    pub public_names: Vec<PublicName>,
    /// Origins beside the server's own.
    pub web_origins: Vec<WebOrigin>,
    /// Whether the door is on the loopback interface, where `Host` is checked.
    pub is_loopback: bool,
}

impl Origins {
    /// Whether a request may be followed.
    ///
    /// Requests without `Origin` and `Sec-Fetch-Site` come from no page. A link of any page may lead to `/`.
    ///
    /// # Errors
    /// The answer, 403, which says which flag would let it in.
    pub fn check(&self, request: &Request) -> Result<(), Response> {
        if let Some(host) = request.host.as_ref().filter(|_| self.is_loopback)
            && !host.is_loopback()
            && !self.public_names.iter().any(|name| name.0.name() == host.name())
        {
            let name = host.name();
            return Err(refused(format!(
                "This door is on 127.0.0.1, and {name} is no name of it; --public-name {name} lets it in"
            )));
        }
        if let Some(origin) = &request.origin {
            return self.check_origin(origin, request);
        }
        let is_link = request.path == "/" && matches!(request.method, Method::Get | Method::Head);
        match request.fetch_site.as_deref() {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) if is_link => Ok(()),
            Some(_) => Err(refused(
                "A page of another site asked for this; --web-origin with that page's origin lets it in, where it sends Origin",
            )),
        }
    }

    fn check_origin(&self, origin: &str, request: &Request) -> Result<(), Response> {
        let Ok(asks) = origin.parse::<WebOrigin>() else {
            return Err(refused(
                "A page without an origin of its own asked for this (a file, or a sandboxed frame); serve it by http://",
            ));
        };
        // The server cannot see the scheme of its own page behind a proxy. The browser can: a page by http:// of a
        // server that is reached by https:// is of another site.
        let is_own = request.host.as_ref().is_some_and(|host| asks.is_of(host))
            && request.fetch_site.as_deref() != Some("cross-site");
        if is_own || self.web_origins.iter().any(|known| known.is_same(&asks)) {
            return Ok(());
        }
        Err(refused(format!(
            "A page of {asks} asked for this, which is another origin; --web-origin {asks} lets it in"
        )))
    }
}

fn refused(line: impl fmt::Display) -> Response {
    Response::text(Status::Forbidden, line)
}
