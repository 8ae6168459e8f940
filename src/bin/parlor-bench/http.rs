//! Requests to Parlor's HTTP door, one at a time by one connection that stays open (RFC 9112).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::str;

use memchr::memmem;

use super::swarm::STUCK;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 1024 * 1024;

/// A connection that stays open for requests.
pub(super) struct Requests {
    stream: TcpStream,
    server: SocketAddr,
    request: Vec<u8>,
    /// The answer so far.
    answer: Vec<u8>,
}

impl Requests {
    /// Connects. Takes loopback addresses only: a bench must not load other people's machines.
    pub(super) fn connect(server: SocketAddr) -> Result<Self, String> {
        if !server.ip().is_loopback() {
            return Err(format!("{server} is not of this machine; a bench goes to 127.0.0.0/8 and ::1 only"));
        }
        let connected = TcpStream::connect(server).and_then(|stream| {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(STUCK))?;
            Ok(stream)
        });
        let stream = connected.map_err(|error| format!("cannot connect to {server}: {error}"))?;
        Ok(Self { stream, server, request: Vec::new(), answer: Vec::new() })
    }

    /// Asks for a page. Returns it if the status is 200.
    pub(super) fn get(&mut self, path: &str) -> Result<&[u8], String> {
        self.ask("GET", path, b"")
    }

    /// Posts a text. Returns the answer if the status is 200.
    pub(super) fn post(&mut self, path: &str, text: &[u8]) -> Result<&[u8], String> {
        self.ask("POST", path, text)
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<&[u8], String> {
        let server = self.server;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {}\r\n\r\n", body.len());
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body);
        let fail = |what: &str| format!("{method} {path} at {server}: {what}");
        self.stream.write_all(&self.request).map_err(|error| fail(&error.to_string()))?;
        self.answer.clear();
        let mut buffer = [0; 16 * 1024];
        let body = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(fail("the connection ended before the answer did")),
                Ok(count) => self.answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(fail(&error.to_string())),
            }
            if let Some(body) = body_of(&self.answer).map_err(|fault| fail(&fault))? {
                break body;
            }
            if self.answer.len() > MAX_ANSWER {
                return Err(fail("the answer is too long"));
            }
        };
        Ok(&self.answer[body..])
    }
}

/// Where the body of an answer begins, or `None` if the answer is not whole. A status other than 200 is an error, and
/// so is an answer that tells no length or is longer than that.
fn body_of(answer: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = memmem::find(answer, b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&answer[..end]).map_err(|_| "the head of the answer is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    let length = length.ok_or_else(|| format!("the answer {status} has no Content-Length"))?;
    let body = end + 4;
    if answer.len() < body.saturating_add(length) {
        return Ok(None);
    }
    if !status.starts_with("HTTP/1.1 200") {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&answer[body..]).trim_end()));
    }
    if answer.len() > body + length {
        return Err("more came than the answer".into());
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_cut_anywhere_is_whole_at_its_end() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length:  7\r\nConnection: keep-alive\r\n\r\nsaid 1\n";
        for cut in 0..answer.len() {
            assert_eq!(body_of(&answer[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(body_of(answer), Ok(Some(answer.len() - 7)));
        assert!(body_of(&[&answer[..], b"x"].concat()).is_err());
    }

    #[test]
    fn answer_other_than_200_is_an_error() {
        for (answer, wanted) in [
            (
                "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\n\r\nslow down",
                "HTTP/1.1 429 Too Many Requests: slow down",
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", "the answer HTTP/1.1 200 OK has no Content-Length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the answer HTTP/1.1 200 OK has no Content-Length"),
        ] {
            assert_eq!(body_of(answer.as_bytes()), Err(wanted.to_owned()));
        }
    }
}
