//! Which module names which, over the files of src; and the circles among them.
//!
//! A name is followed to the file that defines it: a re-export (`pub use`) is no import of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Kind, Source, Token, closing};

/// A path as it is written: its names from the left.
type Written = Vec<String>;

/// One module: a file, or an inline module of one.
#[derive(Default)]
struct Module {
    file: usize,
    /// Names that `use` brings in, with their paths.
    names: BTreeMap<String, Written>,
    globs: Vec<Written>,
    items: BTreeSet<String>,
    /// Paths that stand in it, other than in a re-export, with their lines.
    paths: Vec<(Written, usize)>,
}

/// The modules of src by their paths, such as `server/session`; the library is the empty one.
pub(crate) struct Modules {
    all: BTreeMap<String, Module>,
    files: Vec<String>,
}

/// One import: the importing file, the imported one, and the first line that does it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) line: usize,
}

/// The path of the module that a file is, relative to src.
fn module_of(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" | "mod" => String::new(),
        _ if path.starts_with("bin/") => path.trim_end_matches("/main").to_owned(),
        _ => path.to_owned(),
    }
}

/// The root of the crate that a module belongs to: the library's, or that of a program.
fn root_of(module: &str) -> String {
    match module.strip_prefix("bin/") {
        Some(rest) => format!("bin/{}", rest.split('/').next().unwrap_or_default()),
        None if module == "main" => module.to_owned(),
        None => String::new(),
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") }
}

fn parent(module: &str) -> String {
    module.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned())
}

impl Modules {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let mut all = BTreeMap::new();
        for (file, source) in sources.iter().enumerate() {
            read(&mut all, &module_of(&source.path), file, &source.code);
        }
        Self { all, files: sources.iter().map(|source| source.path.clone()).collect() }
    }

    /// Every import of one file by another.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut first: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (name, module) in &self.all {
            for (path, line) in &module.paths {
                let Some(file) = self.follow(name, path, 0) else { continue };
                if file != module.file {
                    let seen = first.entry((module.file, file)).or_insert(*line);
                    *seen = (*seen).min(*line);
                }
            }
        }
        let named = |((from, to), line): (&(usize, usize), &usize)| Import {
            from: self.files[*from].clone(),
            to: self.files[*to].clone(),
            line: *line,
        };
        first.iter().map(named).collect()
    }

    /// The file that defines what `path` names within `module`.
    fn follow(&self, module: &str, path: &[String], depth: usize) -> Option<usize> {
        if depth > 20 {
            return None;
        }
        let first = path.first()?.as_str();
        let (mut at, mut rest) = match first {
            "crate" => (root_of(module), &path[1..]),
            "self" => (module.to_owned(), &path[1..]),
            "super" => (parent(module), &path[1..]),
            "parlor" if module == "main" || module.starts_with("bin/") => (String::new(), &path[1..]),
            _ => {
                if self.all.contains_key(&join(module, first)) {
                    (join(module, first), &path[1..])
                } else {
                    let brought = self.all.get(module)?.names.get(first)?;
                    if brought.first().is_some_and(|name| name == first) {
                        return None; // a crate by its own name
                    }
                    let whole = [brought, &path[1..]].concat();
                    return self.follow(module, &whole, depth + 1);
                }
            }
        };
        while let Some(name) = rest.first() {
            if name == "super" {
                at = parent(&at);
            } else if self.all.contains_key(&join(&at, name)) {
                at = join(&at, name);
            } else {
                let here = self.all.get(&at)?;
                if here.items.contains(name) {
                    break;
                }
                if let Some(brought) = here.names.get(name) {
                    return self.follow(&at, &[brought, &rest[1..]].concat(), depth + 1);
                }
                let by_glob = |glob: &Written| {
                    let file = self.follow(&at, glob, depth + 1)?;
                    self.all.values().any(|module| module.file == file && module.items.contains(name)).then_some(file)
                };
                if let Some(file) = here.globs.iter().find_map(by_glob) {
                    return Some(file);
                }
                break;
            }
            rest = &rest[1..];
        }
        self.all.get(&at).map(|module| module.file)
    }
}

/// Reads the tokens of one module, and of the inline modules in it.
fn read(all: &mut BTreeMap<String, Module>, name: &str, file: usize, tokens: &[Token]) {
    const ITEMS: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];
    let mut module = Module { file, ..Module::default() };
    let mut reexported: BTreeMap<String, Written> = BTreeMap::new();
    let mut bare = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    while at < tokens.len() {
        let token = &tokens[at];
        if token.kind == Kind::Sign {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        } else if token.is("pub") && word(at + 1) == "(" {
            at = closing(tokens, at + 1); // `pub(in super::super)` is no import
        } else if token.is("use") {
            let is_reexport = at > 0 && (word(at - 1) == "pub" || (word(at - 1) == ")" && is_visibility(tokens, at)));
            let end = (at..tokens.len()).find(|at| tokens[*at].is(";")).unwrap_or(tokens.len());
            for (path, alias) in tree(&tokens[at + 1..end]) {
                match path.last().map(String::as_str) {
                    Some("*") => {
                        let folder = path[..path.len() - 1].to_vec();
                        if !is_reexport {
                            module.paths.push((folder.clone(), token.line));
                        }
                        module.globs.push(folder);
                    }
                    _ => {
                        module.names.insert(alias.clone(), path.clone());
                        if is_reexport {
                            reexported.insert(alias, path);
                        } else {
                            module.paths.push((path, token.line));
                        }
                    }
                }
            }
            at = end;
        } else if token.is("mod") && word(at + 2) == "{" {
            let end = closing(tokens, at + 2);
            read(all, &join(name, word(at + 1)), file, &tokens[at + 3..end]);
            at = end;
        } else if token.is_name() && ITEMS.contains(&token.text.as_str()) && depth == 0 {
            let named = if token.is("macro_rules") { at + 2 } else { at + 1 };
            if word(at + 1) != "fn" {
                module.items.insert(word(named).to_owned());
            }
        } else if token.is_name() && word(at + 1) == "::" && (at == 0 || word(at - 1) != "::") {
            let mut path = vec![token.text.clone()];
            while word(at + 1) == "::" && tokens.get(at + 2).is_some_and(Token::is_name) {
                path.push(word(at + 2).to_owned());
                at += 2;
            }
            module.paths.push((path, token.line));
        } else if token.is_name() && !matches!(word(at.wrapping_sub(1)), "." | "::") {
            bare.push((token.text.clone(), token.line));
        }
        at += 1;
    }
    // A name that is passed on and used here too is an import.
    let used = bare.into_iter().filter_map(|(name, line)| Some((reexported.get(&name)?.clone(), line)));
    module.paths.extend(used);
    all.insert(name.to_owned(), module);
}

/// Whether the `)` before `at` ends a `pub(…)`.
fn is_visibility(tokens: &[Token], at: usize) -> bool {
    let begun = (0..at).rev().take(6).find(|at| tokens[*at].is("("));
    begun.is_some_and(|at| at > 0 && tokens[at - 1].is("pub"))
}

/// The paths of a `use`, each with the name that it has here.
fn tree(tokens: &[Token]) -> Vec<(Written, String)> {
    let mut found = Vec::new();
    let mut path: Written = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        if token.is("{") {
            let end = closing(tokens, at);
            for part in split(&tokens[at + 1..end]) {
                for (below, alias) in tree(part) {
                    let whole = if below == ["self"] { path.clone() } else { [path.clone(), below].concat() };
                    let alias = if alias == "self" { whole.last().cloned().unwrap_or_default() } else { alias };
                    found.push((whole, alias));
                }
            }
            return found;
        }
        if token.is("as") {
            let alias = tokens.get(at + 1).map(|token| token.text.clone()).unwrap_or_default();
            return vec![(path, alias)];
        }
        if token.is_name() || token.is("*") {
            path.push(token.text.clone());
        }
        at += 1;
    }
    let alias = path.last().cloned().unwrap_or_default();
    if !path.is_empty() {
        found.push((path, alias));
    }
    found
}

/// The parts between the commas that stand in no bracket.
fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut parts, mut begun, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        if tokens[at].is("{") {
            at = closing(tokens, at);
        } else if tokens[at].is(",") {
            parts.push(&tokens[begun..at]);
            begun = at + 1;
        }
        at += 1;
    }
    parts.push(&tokens[begun..]);
    parts
}

/// The groups of files that import each other, by whatever way round; each in the order of its names.
pub(crate) fn circles(imports: &BTreeSet<Import>) -> Vec<Vec<String>> {
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        below.entry(&import.from).or_default().insert(&import.to);
    }
    let reach = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut left: Vec<&str> = below.get(from).into_iter().flatten().copied().collect();
        while let Some(file) = left.pop() {
            if seen.insert(file) {
                left.extend(below.get(file).into_iter().flatten().copied());
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = below.keys().map(|file| (*file, reach(file))).collect();
    let mut groups: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, seen) in &reached {
        if seen.contains(file) {
            let back = |other: &&&str| reached.get(**other).is_some_and(|seen| seen.contains(file));
            groups.insert(seen.iter().filter(back).map(|file| (*file).to_owned()).collect());
        }
    }
    groups.into_iter().collect()
}
