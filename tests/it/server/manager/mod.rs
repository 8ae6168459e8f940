//! Many sessions over sockets: the order of lines, rooms, slow consumers, memory.

mod backpressure;
mod memory;
mod order;
mod rooms;
