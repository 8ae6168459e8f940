//! Many sessions over sockets: the order of lines, rooms, slow consumers, memory.

mod backpressure;
mod memory;
mod metrics;
mod order;
mod rooms;
