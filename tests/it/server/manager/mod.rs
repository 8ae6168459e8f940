//! Many sessions over sockets: the order of lines, rooms and slow consumers.

mod backpressure;
mod order;
mod rooms;
