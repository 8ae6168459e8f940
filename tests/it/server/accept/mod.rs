//! Callers before they are let in: doors, limits on connections, what the machine has to give.

mod admission;
mod capacity;
mod door;
