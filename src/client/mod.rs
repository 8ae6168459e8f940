//! The client's end of a connection: a client of the text, JSON and frame doors.
//!
//! [`Client`] is blocking and has no thread of its own. It speaks the same [`wire`](crate::wire) formats
//! as the server, and reports the same events from each of them. While a call waits, it sends
//! keep-alives, so that the server does not close the session as idle.
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//! use parlor::{Wire, client::Client, protocol::Body};
//!
//! let mut client = Client::connect("127.0.0.1:8000", Wire::Text)?;
//! let soon = || Instant::now() + Duration::from_secs(5);
//! client.say(&Body::new("hello").expect("not blank"), soon())?; // returns when the line was broadcast
//! while let Some(heard) = client.recv(soon())? {
//!     println!("{heard:?}");
//! }
//! # Ok::<(), parlor::client::ClientError>(())
//! ```

mod backlog;
mod connection;
mod door;
mod error;
mod receiver;
mod talker;

pub use connection::Client;
pub use error::ClientError;
pub use talker::Talker;

pub use crate::wire::{Heard, Kind, Speech};
