//! One session over a socket: what it sends, what it is answered, and how it ends.

mod ends;
mod frames;
mod handlers;
mod limits;
mod packets;
mod setup;
mod telnet;
mod throttle;
mod unasked;
#[cfg(feature = "web")]
mod web;
