//! The text format: decoding of typed lines, and the lines that people read.

#[cfg(feature = "charset")]
mod charset;
mod leading;
mod people;
mod screen;
mod typed;
mod words;
