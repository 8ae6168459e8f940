//! Builds the answer to each request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::chat::Entry;
use crate::config::MetricsFor;
use crate::metrics;
use crate::page::page;
use crate::wire::web::{HTML, Origins, Request, Response, Route, Status, Web, put_stream_head, put_switching, route};

use super::super::super::context::Context;
use super::super::super::event::Event;
use super::super::accepted::Accepted;
use super::super::throttle::Throttle;
use super::outcome::{Outcome, stopping};
use super::say::say;

/// The manager must answer within this time, or the server counts as not healthy.
const HEALTHY_WITHIN: Duration = Duration::from_secs(1);

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
    pub(super) fn answer(&self, request: &Request, throttle: &mut Throttle) -> Outcome {
        let checked = self.origins.check(request).and_then(|()| route(request, self.context.config.limits()));
        let mut head = Vec::new();
        Outcome::Answer(match checked {
            Ok(Route::Page) => page_for(request),
            Ok(Route::Say(post)) => return say(post, throttle, self.context, self.accepted),
            Ok(Route::Socket { accept }) => {
                put_switching(&accept, &mut head);
                return Outcome::Session { head, web: Web::Socket, entry: None };
            }
            Ok(Route::Stream { room, feed, after, ends }) => {
                put_stream_head(feed, &mut head);
                if request.is_head() {
                    return Outcome::Head(head);
                }
                let entry = Some(Entry::Stream { room, after, ends });
                return Outcome::Session { head, web: Web::Stream(feed), entry };
            }
            Ok(Route::Health) => self.health(),
            Ok(Route::Ready) if self.context.stopper.is_triggered() => stopping(),
            Ok(Route::Ready) => Response::text(Status::Ok, "ready"),
            Ok(Route::Metrics) => self.metrics(),
            Err(response) => response,
        })
    }

    /// Asks the manager whether it works.
    fn health(&self) -> Response {
        let until = Instant::now() + HEALTHY_WITHIN;
        let (answer, answered) = crossbeam_channel::bounded(1);
        let asked = self.context.inbox.send_deadline(Event::Ask(answer), until);
        if asked.is_ok() && answered.recv_deadline(until).is_ok() {
            return Response::text(Status::Ok, "healthy");
        }
        let line = "The manager thread has not answered within 1 s; the server is overloaded or stopping";
        Response::text(Status::Unavailable, line)
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
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().to_canonical().is_loopback())
}
