//! Places found by looking for words: questions about the wire format, strings that are written and
//! compared, doubled helpers and literals, and comments in the old manner.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Kind, Source, Token, closing};

/// One place: a file, a line, and what is there.
pub(crate) type Place = (String, usize, String);

const VARIANTS: [&str; 6] = ["Text", "Relay", "Json", "Frame", "Http", "Web"];

/// Where the code asks which wire format something has: a pattern of `Wire`, or a comparison with one.
pub(crate) fn asks_for_the_wire(source: &Source) -> Vec<Place> {
    let tokens = &source.code;
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.is(text));
    let mut found: BTreeMap<usize, Place> = BTreeMap::new();
    // A `match` and a `matches!` are one place, however many patterns they have.
    let mut asked_until = 0;
    for at in 0..tokens.len() {
        let is_variant = is(at, "Wire") && is(at + 1, "::") && VARIANTS.iter().any(|name| is(at + 2, name));
        if !is_variant || at < asked_until {
            continue;
        }
        // Behind the variant and what it holds.
        let behind = if is(at + 3, "(") { closing(tokens, at + 3) + 1 } else { at + 3 };
        let compared = (at > 0 && (is(at - 1, "==") || is(at - 1, "!="))) || is(behind, "==") || is(behind, "!=");
        let is_pattern =
            is(behind, "=>") || is(behind, "|") || is(behind, "if") || is(behind, "=") || in_matches(tokens, at);
        // `(Wire::Text, true) =>`
        let in_tuple = (behind..tokens.len()).take(40).find(|at| is(*at, ")") || is(*at, ";") || is(*at, "{"));
        let in_tuple = in_tuple.is_some_and(|end| is(end, ")") && (is(end + 1, "=>") || is(end + 1, "|")));
        if compared || is_pattern || in_tuple {
            let line = tokens[at].line;
            found.entry(line).or_insert((source.path.clone(), line, format!("Wire::{}", tokens[at + 2].text)));
            if !compared {
                asked_until = end_of_block(tokens, at);
            }
        }
    }
    found.into_values().collect()
}

/// Whether `at` stands within the brackets of a `matches!`.
fn in_matches(tokens: &[Token], at: usize) -> bool {
    let mut depth = 0;
    for place in (0..at).rev().take(60) {
        match tokens[place].text.as_str() {
            ")" => depth += 1,
            "(" if depth > 0 => depth -= 1,
            "(" if place > 1 && tokens[place - 1].is("!") && tokens[place - 2].is("matches") => return true,
            ";" | "{" | "}" => return false,
            _ => {}
        }
    }
    false
}

/// The end of the innermost bracket around `at`.
fn end_of_block(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at).filter(|(_, token)| token.kind == Kind::Sign) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return place,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Strings that the code both makes and compares: where one is compared, or is a pattern.
pub(crate) fn own_strings_compared(sources: &[Source]) -> Vec<Place> {
    let (mut made, mut compared) = (BTreeSet::new(), Vec::new());
    for source in sources {
        let tokens = &source.code;
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Text) {
            let is = |at: Option<usize>, texts: &[&str]| {
                at.and_then(|at| tokens.get(at)).is_some_and(|token| texts.iter().any(|text| token.is(text)))
            };
            let by_sign = is(at.checked_sub(1), &["==", "!="]) || is(Some(at + 1), &["==", "!="]);
            let pattern = is(Some(at + 1), &["=>", "|"]) || is(at.checked_sub(1), &["|"]);
            if by_sign || pattern {
                compared.push((source.path.clone(), token.line, token.text.clone()));
            } else {
                made.insert(token.text.clone());
            }
        }
    }
    compared.retain(|(_, _, text)| text.len() > 1 && made.contains(text));
    compared
}

/// Free functions of tests that stand more than once: the same parameters and the same body, under any name.
/// Methods are not counted: stand-ins of one type have the methods of that type. Unit tests within src cannot
/// share with `tests`, so each tree is compared with itself.
pub(crate) fn doubled_helpers(sources: &[Source]) -> Vec<Vec<Place>> {
    let mut found: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for source in sources {
        let tokens = if source.path.starts_with("src/") { &source.tests } else { &source.code };
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.is("fn")) {
            let Some(name) = tokens.get(at + 1).filter(|token| token.is_name()) else { continue };
            let Some(open) = (at..tokens.len()).find(|at| tokens[*at].is("(")) else { continue };
            let body = (closing(tokens, open)..tokens.len()).find(|at| tokens[*at].is("{") || tokens[*at].is(";"));
            let Some(body) = body.filter(|body| tokens[*body].is("{")) else { continue };
            let end = closing(tokens, body);
            let is_method = tokens[open..closing(tokens, open)].iter().any(|token| token.is("self"));
            if end - body > LEAST_BODY && !is_method && !name.is("new") {
                let text: Vec<&str> = tokens[open..end].iter().map(|token| token.text.as_str()).collect();
                let text = format!("{} {}", tree(source), text.join(" "));
                found.entry(text).or_default().push((source.path.clone(), name.line, name.text.clone()));
            }
        }
    }
    found.into_values().filter(|places| places.len() > 1).collect()
}

/// `src` or `tests`.
fn tree(source: &Source) -> &str {
    source.path.split('/').next().unwrap_or_default()
}

/// A shorter body (in tokens) is no more than a call.
const LEAST_BODY: usize = 8;

/// Recorded bytes that stand in more than one file of tests.
pub(crate) fn doubled_records(sources: &[Source]) -> Vec<Vec<Place>> {
    let mut found: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for source in sources {
        let tokens = if source.path.starts_with("src/") { &source.tests } else { &source.code };
        for token in tokens.iter().filter(|token| token.kind == Kind::Text && is_record(&token.text)) {
            let plain = format!("{} {}", tree(source), token.text.replace("\\\"", "\""));
            found.entry(plain).or_default().push((source.path.clone(), token.line, token.text.clone()));
        }
    }
    let in_two_files = |places: &Vec<Place>| places.iter().map(|(file, _, _)| file).collect::<BTreeSet<_>>().len() > 1;
    found.into_values().filter(in_two_files).collect()
}

/// Fewer bytes are a number or a mark.
const LEAST_BYTES: usize = 8;

/// Whether a literal is what a client or server sent: an object with an act, or bytes that are no text.
fn is_record(text: &str) -> bool {
    let plain = text.replace("\\\"", "\"");
    let is_object = plain.find("{\"Act\":").is_some_and(|at| at <= 16) && plain.len() >= 24;
    let escapes = text.matches("\\x").count();
    let is_bytes = escapes >= 4 && text.len() - 3 * escapes >= LEAST_BYTES;
    is_object || is_bytes
}

/// Comment lines that begin with one of the words that made the old comments hard to read.
pub(crate) fn old_manner(path: &str, text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    for (line, words) in text.lines().enumerate() {
        let words = words.trim_start();
        let comment = if path.ends_with(".rs") {
            words.strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']))
        } else {
            words.strip_prefix('#').filter(|rest| !rest.starts_with('!')).map(|rest| rest.trim_start_matches('#'))
        };
        let Some(comment) = comment.map(str::trim_start) else { continue };
        let is_old = BEGINNINGS.iter().any(|begin| {
            comment.strip_prefix(begin).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        });
        if is_old {
            found.push((path.to_owned(), line + 1, comment.to_owned()));
        }
    }
    found
}

const BEGINNINGS: [&str; 5] = ["Who", "Whoever", "What", "So long", "So many"];
