//! Handles a POST: says its lines.

use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use crate::chat;
use crate::wire::web::{Post, PostAnswer, Response, Status};

use super::super::super::context::Context;
use super::super::super::event::{Event, Posted};
use super::super::accepted::Accepted;
use super::super::throttle::Throttle;
use super::outcome::{Outcome, stopping};

/// A post may wait for this long while its room is congested: many times what the backpressure of one slow
/// consumer takes.
const CONGESTED: Duration = Duration::from_secs(10);

/// Says the lines of a post: all of them, or none.
pub(super) fn say(post: Post, throttle: &mut Throttle, context: &Context, accepted: &Accepted) -> Outcome {
    if let Err(response) = check_rate(post.lines.len(), throttle, context) {
        return Outcome::Answer(response);
    }
    let Post { room, name, lines, answer } = post;
    let mut post = chat::Post::new(accepted.id, accepted.shown.clone(), name, room, lines);
    if answer == PostAnswer::Ok {
        post = post.by_address_if_taken(); // a program has posted it
    }
    let (reply, replied) = crossbeam_channel::bounded(1);
    let _delay = context.delays.begin(); // a stop waits for it
    if context.inbox.send(Event::Post(Box::new(Posted { post, reply }))).is_err() {
        return Outcome::Answer(stopping());
    }
    match replied.recv_timeout(CONGESTED) {
        Ok(Ok(said)) => Outcome::Said(answer.response(said)),
        Ok(Err(refusal)) => Outcome::Answer(Response::from(&refusal)),
        Err(RecvTimeoutError::Disconnected) => Outcome::Answer(stopping()),
        Err(RecvTimeoutError::Timeout) => Outcome::Last(Response::text(
            Status::Unavailable,
            "The room has been congested for 10 s. The lines may still be said; look before you send them again",
        )),
    }
}

/// Takes what the lines cost of the connection's rate limit.
fn check_rate(lines: usize, throttle: &mut Throttle, context: &Context) -> Result<(), Response> {
    let (rate, burst) = (context.config.rate, context.config.burst);
    let count = u32::try_from(lines).unwrap_or(u32::MAX);
    if rate > 0 && count > burst {
        let line = format!("{lines} lines are more than --burst, {burst}; nothing was said. Send fewer at once");
        return Err(Response::text(Status::BadRequest, line));
    }
    throttle.take_lines(count, context.uptime()).map_err(|wait| {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let line =
            format!("Over the rate limit, --rate {rate} lines a second; nothing was said. Try again in {seconds} s");
        Response::text(Status::TooManyRequests, line).with("Retry-After", &seconds.to_string())
    })
}
