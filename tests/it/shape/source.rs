//! A Rust source read as tokens: names, literals, signs and comments, each with its line.
//!
//! This is no parser. It knows enough to skip comments and literals, to leave out `#[cfg(test)]` items and
//! to find the bracket that closes another.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword or a number.
    Name,
    /// A string, byte string or C string; the text is what stands between the quotes.
    Text,
    /// A character or byte literal, or a lifetime.
    Other,
    /// Anything else: one character, or one of [`SIGNS`].
    Sign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Token {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }

    pub(crate) fn is_name(&self) -> bool {
        self.kind == Kind::Name
    }
}

/// Signs of two characters that are one token.
const SIGNS: [&str; 7] = ["::", "=>", "->", "==", "!=", "&&", "||"];

/// One file: its path relative to the repository, its tokens without and with those of tests.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) lines: usize,
    /// Without what stands behind `#[cfg(test)]`.
    pub(crate) code: Vec<Token>,
    /// Only what stands behind `#[cfg(test)]`.
    pub(crate) tests: Vec<Token>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, tests) = split_tests(&tokens(text));
        Self { path: path.to_owned(), lines: text.lines().count(), code, tests }
    }
}

/// Every file below `folder` of the repository whose name ends in one of `endings`, in order.
pub(crate) fn files(root: &Path, folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    paths.retain(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)));
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap_or_default())).collect()
}

/// Every Rust source below `folder`.
pub(crate) fn sources(root: &Path, folder: &str) -> Vec<Source> {
    files(root, folder, &[".rs"]).iter().map(|(path, text)| Source::new(path, text)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_built = path.file_name().is_some_and(|name| name == "target");
        if path.is_dir() && !is_built {
            collect(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// The tokens of a source, without its comments.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length, text) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()), "")
        } else if rest.starts_with("/*") {
            (None, block_comment(rest), "")
        } else if first.is_whitespace() {
            (None, first.len_utf8(), "")
        } else if let Some((length, text)) = string(rest) {
            (Some(Kind::Text), length, text)
        } else if is_name(first) {
            let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
            (Some(Kind::Name), length, &rest[..length])
        } else if first == '\'' {
            let length = character(rest);
            (Some(Kind::Other), length, &rest[..length])
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let length = sign.map_or(first.len_utf8(), |sign| sign.len());
            (Some(Kind::Sign), length, &rest[..length])
        };
        if let Some(kind) = kind {
            found.push(Token { kind, text: text.to_owned(), line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The length of the block comment that `text` begins with; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string literal that `text` begins with, and what stands between its quotes.
fn string(text: &str) -> Option<(usize, &str)> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.starts_with('"') || (prefix.ends_with('r') && rest.trim_start_matches('#').starts_with('"'))
        })
    })?;
    let rest = &text[prefix.len()..];
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let begun = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        let length = text[begun..].find(&end)?;
        return Some((begun + length + end.len(), &text[begun..begun + length]));
    }
    let length = until_quote(&text[begun..], '"');
    Some(((begun + length + 1).min(text.len()), &text[begun..begun + length]))
}

/// The length of what stands before the closing `quote`.
fn until_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of the character literal or lifetime that `text` begins with.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => until_quote(&text[1..], '\'') + 2,
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1 + text[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len() - 1),
    }
}

/// Tells what stands behind `#[cfg(test)]` from all else.
fn split_tests(tokens: &[Token]) -> (Vec<Token>, Vec<Token>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut code, mut tests) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let is_marked = tokens.len() >= at + MARK.len() && MARK.iter().zip(&tokens[at..]).all(|(mark, t)| t.is(mark));
        if !is_marked {
            code.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let begun = at + MARK.len();
        at = end_of_item(tokens, begun);
        tests.extend_from_slice(&tokens[begun..at]);
    }
    (code, tests)
}

/// The place behind the item that begins at `at`: behind its `;`, or behind its braces.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at) + 1,
            "(" | "[" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

/// The place of the bracket that closes the one at `at`; the last place where none does.
pub(crate) fn closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at).filter(|(_, token)| token.kind == Kind::Sign) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len().saturating_sub(1)
}
