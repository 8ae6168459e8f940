//! The running server over sockets: `accept`, `session` and `manager` mirror the folders of its threads.

mod accept;
mod addresses;
mod log;
mod manager;
mod session;
mod shutdown;
