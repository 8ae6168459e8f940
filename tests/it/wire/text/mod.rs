//! The text format: decoding of typed lines, and the lines that people read.

mod leading;
mod people;
mod screen;
mod typed;
mod words;
