//! What each request is answered.

use std::net::SocketAddr;

use crate::wire::web::{Origins, Request, Response, Route, Status, Web, route};

use super::super::super::context::Context;
use super::super::accepted::Accepted;
use super::super::throttle::Throttle;

/// What comes of a request.
pub(super) enum Outcome {
    /// Its lines were said, which has paid for the answer.
    Said(Response),
    /// It is answered.
    Answer(Response),
    /// It turns the connection into a session; `head` begins the answer.
    Session { head: Vec<u8>, web: Web },
}

/// Answers the requests of one connection.
pub(super) struct Answers<'a> {
    context: &'a Context,
    accepted: &'a Accepted,
    origins: Origins,
}

impl<'a> Answers<'a> {
    pub(super) fn new(context: &'a Context, accepted: &'a Accepted) -> Self {
        let origins = Origins { is_loopback: is_loopback(&accepted.door), ..Origins::default() };
        Self { context, accepted, origins }
    }

    /// Does what a request asks for.
    pub(super) fn answer(&self, request: &Request, _throttle: &mut Throttle) -> Outcome {
        let checked = self.origins.check(request).and_then(|()| route(request, self.context.config.limits()));
        Outcome::Answer(match checked {
            Ok(Route::Ready) if self.context.stopper.is_triggered() => stopping(),
            Ok(Route::Ready) => Response::text(Status::Ok, "ready"),
            Ok(_) => Response::text(Status::NotFound, "nothing"),
            Err(response) => response,
        })
    }
}

/// The answer to a request that comes during a stop.
pub(super) fn stopping() -> Response {
    Response::text(Status::Unavailable, "The server is stopping; try again when it runs").with("Retry-After", "1")
}

/// Whether an address is one of this machine's own programs.
fn is_loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}
