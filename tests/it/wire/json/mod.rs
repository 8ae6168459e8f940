//! The JSON format: packets in six framings, objects, requests, and the objects that programs read.

mod objects;
mod packets;
mod requests;
mod told;
