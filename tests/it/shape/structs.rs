//! How many fields and methods each struct with state has.
//!
//! State is what a method changes: a struct counts when a method of it takes `&mut self`. Its methods are
//! the functions of its own `impl` blocks, in whatever files; those of traits are not counted.

use std::collections::BTreeMap;

use super::source::{Kind, Source, Token, closing};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Struct {
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) fields: usize,
    pub(crate) methods: usize,
    has_state: bool,
}

/// The structs with state, the largest first.
pub(crate) fn structs(sources: &[Source]) -> Vec<Struct> {
    let mut found: BTreeMap<(String, String), Struct> = BTreeMap::new();
    for source in sources {
        for (name, fields) in definitions(&source.code) {
            let file = source.path.clone();
            let empty = Struct { file: file.clone(), name: name.clone(), fields, methods: 0, has_state: false };
            found.insert((file, name), empty);
        }
    }
    for source in sources {
        for (name, is_own, functions) in impls(&source.code) {
            // The struct of this file, or the one of that name elsewhere.
            let here = (source.path.clone(), name.clone());
            let key = if found.contains_key(&here) {
                Some(here)
            } else {
                found.keys().find(|(_, other)| *other == name).cloned()
            };
            let Some(entry) = key.and_then(|key| found.get_mut(&key)) else { continue };
            entry.has_state |= functions.iter().any(|changes| *changes);
            if is_own {
                entry.methods += functions.len();
            }
        }
    }
    let mut largest: Vec<Struct> = found.into_values().filter(|one| one.has_state).collect();
    largest.sort_by_key(|one| std::cmp::Reverse((one.fields + one.methods, one.name.clone())));
    largest
}

/// The structs that are defined, with their numbers of fields.
fn definitions(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.is("struct")) {
        let Some(name) = tokens.get(at + 1).filter(|token| token.is_name()) else { continue };
        let body = (at + 2..tokens.len()).find(|at| ["{", "(", ";"].iter().any(|sign| tokens[*at].is(sign)));
        let Some(body) = body else { continue };
        let inside = if tokens[body].is(";") { &[][..] } else { &tokens[body + 1..closing(tokens, body)] };
        let fields = if tokens[body].is("{") { named_fields(inside) } else { inside.split(|t| t.is(",")).count() };
        found.push((name.text.clone(), fields));
    }
    found
}

fn named_fields(tokens: &[Token]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < tokens.len() {
        if ["{", "(", "["].iter().any(|sign| tokens[at].is(sign)) {
            at = closing(tokens, at);
        } else if tokens[at].is(":") {
            count += 1;
        }
        at += 1;
    }
    count
}

/// The `impl` blocks: of which type, whether of no trait, and for each function whether it takes `&mut self`.
fn impls(tokens: &[Token]) -> Vec<(String, bool, Vec<bool>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        // Not `-> impl Trait`, not `(_: impl Trait)`: an item follows the end of another, or an attribute.
        let begins =
            at == 0 || [";", "}", "]", "{"].iter().any(|sign| tokens[at - 1].is(sign)) || tokens[at - 1].is("unsafe");
        if !(tokens[at].is("impl") && begins) {
            at += 1;
            continue;
        }
        let Some(body) = (at..tokens.len()).find(|at| tokens[*at].is("{")) else { break };
        let end = closing(tokens, body);
        let head = &tokens[at + 1..body];
        let head = head.split(|token| token.is("where")).next().unwrap_or(head);
        let by_trait = head.iter().position(|token| token.is("for"));
        let of_type = by_trait.map_or(head, |place| &head[place + 1..]);
        if let Some(name) = type_name(of_type) {
            found.push((name, by_trait.is_none(), functions(&tokens[body + 1..end])));
        }
        at = end + 1;
    }
    found
}

/// The last name of the path outside angle brackets: `Ring` of `<T> a::Ring<T>`.
fn type_name(tokens: &[Token]) -> Option<String> {
    let (mut depth, mut name) = (0, None);
    for token in tokens {
        match token.text.as_str() {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ if depth == 0 && token.is_name() && !token.is("dyn") => name = Some(token.text.clone()),
            _ => {}
        }
    }
    name
}

fn functions(tokens: &[Token]) -> Vec<bool> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is("fn") {
            let Some(open) = (at..tokens.len()).find(|at| tokens[*at].is("(")) else { break };
            let mut first = tokens[open + 1..closing(tokens, open)].split(|token| token.is(","));
            let words: Vec<&str> = first
                .next()
                .unwrap_or_default()
                .iter()
                .filter(|token| token.kind != Kind::Other)
                .map(|token| token.text.as_str())
                .collect();
            found.push(words == ["&", "mut", "self"]);
            at = closing(tokens, open);
        } else if tokens[at].is("{") {
            at = closing(tokens, at);
        }
        at += 1;
    }
    found
}
