//! One session over a socket: what it sends, what it is answered, and how it ends.

pub(crate) mod programs;

mod handlers;
mod telnet;
mod unasked;
