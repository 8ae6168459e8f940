//! The running server over sockets: `accept`, `session` and `manager` mirror the folders of its threads.

pub(crate) mod session;

mod addresses;
mod faults;
mod limits;
mod log;
mod manager;
mod shutdown;
