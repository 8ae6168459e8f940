//! What each request is answered.

use std::net::SocketAddr;

use crate::config::MetricsFor;
use crate::metrics;
use crate::page::page;
use crate::wire::web::{HTML, Origins, Request, Response, Route, Status, Web, put_switching, route};

use super::super::super::context::Context;
use super::super::accepted::Accepted;

/// What comes of a request.
pub(super) enum Outcome {
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
        let origins = Origins {
            public_names: context.config.public_name.clone(),
            web_origins: context.config.web_origin.clone(),
            is_loopback: is_loopback(&accepted.door),
        };
        Self { context, accepted, origins }
    }

    /// Does what a request asks for.
    pub(super) fn answer(&self, request: &Request) -> Outcome {
        let checked = self.origins.check(request).and_then(|()| route(request, self.context.config.limits()));
        Outcome::Answer(match checked {
            Ok(Route::Page) => page_for(request),
            Ok(Route::Socket { accept }) => {
                let mut head = Vec::new();
                put_switching(&accept, &mut head);
                return Outcome::Session { head, web: Web::Socket };
            }
            Ok(Route::Ready) if self.context.stopper.is_triggered() => stopping(),
            Ok(Route::Ready) => Response::text(Status::Ok, "ready"),
            Ok(Route::Metrics) => self.metrics(),
            Ok(_) => Response::text(Status::NotFound, "nothing"),
            Err(response) => response,
        })
    }

    fn metrics(&self) -> Response {
        if self.context.config.metrics == MetricsFor::Local && !is_loopback(&self.accepted.address) {
            let line = "/metrics is for callers of this machine only; --metrics any opens it to all";
            return Response::text(Status::Forbidden, line);
        }
        let text = self.context.metrics_text().into_bytes();
        Response::new(Status::Ok, metrics::CONTENT_TYPE, text).with("Cache-Control", "no-store")
    }
}

/// The answer to a request that comes during a stop.
pub(super) fn stopping() -> Response {
    Response::text(Status::Unavailable, "The server is stopping; try again when it runs").with("Retry-After", "1")
}

/// The page, unless the browser has it already.
fn page_for(request: &Request) -> Response {
    let page = page();
    let has_it = request.if_none_match.as_deref().is_some_and(|tags| {
        tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == page.etag || tag == "*")
    });
    let response = if has_it {
        Response::new(Status::NotModified, HTML, "".as_bytes())
    } else {
        Response::new(Status::Ok, HTML, page.body.as_bytes())
    };
    // Its name stays the same when a new version comes: a browser asks each time.
    let response = response.with("ETag", &page.etag).with("Cache-Control", "no-cache");
    response.with("Content-Security-Policy", &page.content_security_policy)
}

/// Whether an address, `127.0.0.1:5123`, is this machine's own.
fn is_loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}
