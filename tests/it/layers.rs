//! The floor plan: imports point down only, and the pure folders stay pure.
//!
//! Reads the source as text. Comments, strings and `#[cfg(test)]` items are taken out first; what
//! is left is split into words, and every path that begins with `crate::` or climbs by `super::`
//! is followed to the folder at the top that it names. The checking functions are tested on
//! made-up violations below: a guard that cannot fail guards nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which folder (or file) at the top of `src` may name which, beside itself.
const FLOORS: [(&str, &[&str]); 10] = [
    ("protocol", &[]),
    ("chat", &["protocol"]),
    ("wire", &["protocol"]),
    ("config", &["protocol", "chat", "wire", "cli", "metrics"]),
    ("variables", &[]),
    ("cli", &["protocol", "chat", "wire", "config", "metrics", "variables"]),
    ("metrics", &["protocol", "chat", "wire", "config", "cli"]),
    ("server", &["protocol", "chat", "wire", "config", "cli", "metrics", "variables"]),
    ("guide", &[]),
    ("client", &["protocol", "chat", "wire", "config", "cli", "metrics", "variables"]),
];

/// Folders in which there is no socket, no thread, no channel and no clock.
const PURE: [&str; 3] = ["protocol", "chat", "wire"];
/// Words that do not stand there. (`std::net::IpAddr` is plain data, `Duration` too.)
const IMPURE: [&str; 16] = [
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "socket2",
    "rustix",
    "thread",
    "mpsc",
    "crossbeam_channel",
    "crossbeam",
    "parking_lot",
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
];

/// What `git ls-files` may show at the top.
const TOP_LEVEL: [&str; 13] = [
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "rustfmt.toml",
    "scripts",
    "src",
    "tests",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Everything wrong with one file; `path` is relative to `src`.
fn violations(path: &str, source: &str) -> Vec<String> {
    let words = words(&without_tests(&code_only(source)));
    let module: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let floor = module[0];
    let mut found = Vec::new();
    for named in top_level_names(&module, &words) {
        let allowed = match floor {
            "lib" => true,
            "main" | "bin" => false, // programs name the library by `parlor::…`, their own modules by `super::`
            _ => FLOORS.iter().any(|(name, below)| *name == floor && below.contains(&named.as_str())) || named == floor,
        };
        if !allowed {
            found.push(format!("src/{path} names crate::{named}, which is not below it"));
        }
    }
    if !matches!(floor, "lib" | "main" | "bin") && !FLOORS.iter().any(|(name, _)| *name == floor) {
        found.push(format!("src/{path} is not on the floor plan"));
    }
    if floor == "main" && words.windows(3).any(|three| three[0] == "mod" && three[2] == ";") {
        found.push(format!("src/{path} has a module of its own"));
    }
    if PURE.contains(&floor) {
        let impure: BTreeSet<_> = IMPURE.iter().filter(|word| words.iter().any(|other| other == *word)).collect();
        found.extend(
            impure.iter().map(|word| format!("src/{path} names {word}: a socket, a thread, a channel or a clock")),
        );
    }
    found
}

/// The top-level modules that paths in `words` lead to from within `module`.
fn top_level_names(module: &[&str], words: &[String]) -> Vec<String> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut names = Vec::new();
    let mut at = 0;
    // How deep in braces, and the depths at which the inline modules around stand.
    let (mut depth, mut inline) = (0, Vec::new());
    while at < words.len() {
        // `crate`, or as many `super`s as lead out of the file's top-level module. Fewer of them, and
        // paths of other crates (`parlor::…` in main.rs), stay below.
        let begun = at;
        while word(at) == "super" || (at == begun && word(at) == "crate") {
            at += 1 + usize::from(word(at + 1) == "::");
        }
        let climbed = words[begun..at].iter().filter(|word| *word == "super").count();
        let rooted = word(begun) == "crate" || climbed >= module.len() + inline.len();
        let is_visibility = word(at) == ")"; // `pub(crate)`, `pub(super)`
        if at == begun {
            match word(at) {
                "mod" if word(at + 2) == "{" => inline.push(depth),
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inline.pop_if(|around| *around == depth);
                }
                _ => {}
            }
            at += 1;
        } else if rooted && !is_visibility {
            if word(at) == "{" {
                let mut depth = 0;
                for (inner, text) in words.iter().enumerate().skip(at) {
                    match text.as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," | "::" => {}
                        name if depth == 1 && matches!(word(inner - 1), "{" | ",") => names.push(name.to_owned()),
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            } else {
                names.push(word(at).to_owned());
            }
        }
    }
    names
}

/// Identifiers, `::`, and every other character that is not blank.
fn words(code: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            ':' if rest.starts_with("::") => 2,
            c if is_name(c) => rest.find(|c: char| !is_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !first.is_whitespace() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

/// The source without comments and without what is in string and character literals.
fn code_only(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after_name = code.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let literal = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, '"'),
            'r' if !after_name && raw_string(rest) > 0 => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if literal > 0 {
            code.push(' ');
            rest = &rest[literal..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// The length of the block comment that `text` begins with; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    for (at, _) in text.match_indices(['/', '*']) {
        if text[at..].starts_with("/*") {
            depth += 1;
        } else if text[..at + 1].ends_with("*/") && at > 2 {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The length of the literal between two `quote`s that `text` begins with.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string that `text` begins with; 0 where it begins with none.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    let Some(inner) = text[1 + hashes..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    inner.find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

/// The length of the character literal that `text` begins with; 0 where it is a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted(text, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// The code without what stands behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at + "#[cfg(test)]".len()..];
        let mut depth = 0;
        let end = item.char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0 && matches!(c, '}' | ';')
        });
        rest = &item[end.map_or(item.len(), |(at, _)| at + 1)..];
    }
    kept + rest
}

/// Dependencies of a manifest that no comment explains: neither right above them, nor, where
/// several stand together, by their name in the comment above those.
fn unexplained_dependencies(manifest: &str) -> Vec<String> {
    let (mut in_dependencies, mut comment, mut fresh) = (false, String::new(), false);
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            if let Some((before, name)) = section.rsplit_once("dependencies.")
                && !before.contains('"')
                && !fresh
            {
                found.push(name.to_owned());
            }
            (comment, fresh) = (String::new(), false);
        } else if let Some(text) = line.strip_prefix('#') {
            comment = if fresh { comment + text } else { text.to_owned() };
            fresh = true;
        } else if line.is_empty() {
            (comment, fresh) = (String::new(), false);
        } else if in_dependencies && let Some((name, _)) = line.split_once(['=', '.']) {
            let named =
                comment.split(|c: char| !(c.is_alphanumeric() || "_-".contains(c))).any(|word| word == name.trim());
            if !fresh && !named {
                found.push(name.trim().to_owned());
            }
            fresh = false;
        }
    }
    found
}

/// The first parts of `paths` that are not allowed at the top.
fn strangers_at_the_top(paths: &str) -> BTreeSet<&str> {
    let tops = paths.lines().filter_map(|path| path.split('/').next());
    tops.filter(|top| !TOP_LEVEL.contains(top)).collect()
}

/// Every `.rs` file under `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn imports_point_down_and_the_pure_folders_are_pure() {
    let src = root().join("src");
    let files = sources(&src);
    let relative = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
    for folder in PURE {
        assert!(files.iter().any(|file| relative(file).starts_with(folder)), "no file in src/{folder}: has it moved?");
    }
    let found: Vec<_> =
        files.iter().flat_map(|file| violations(&relative(file), &fs::read_to_string(file).unwrap())).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_else_is_at_the_top() {
    let git = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Some(listed) = git.ok().filter(|output| output.status.success()) else { return }; // no git, no list
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(strangers_at_the_top(&listed), BTreeSet::new(), "not on the list of DESIGN.md's top level");
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("[dependencies]"));
    assert_eq!(unexplained_dependencies(&manifest), [""; 0]);
}

// --- the guard, seen to fail ------------------------------------------------------------------

#[test]
fn an_import_that_points_up_or_aside_is_found() {
    for (path, source, names) in [
        ("chat/hub.rs", "use crate::wire::Encoding;", "wire"),
        ("wire/text.rs", "fn f() { crate::chat::Hub::new(); }", "chat"),
        ("wire/text.rs", "use super::super::chat::Hub;", "chat"),
        ("wire/mod.rs", "pub(super) use super::chat;", "chat"),
        ("protocol/mod.rs", "use crate::{config::Config, protocol::Nick};", "config"),
        ("protocol/names.rs", "use crate::{\n    protocol::{Nick, clean},\n    wire,\n};", "wire"),
        ("config.rs", "use super::server::Server;", "server"),
        ("metrics.rs", "pub(in crate::server) fn f() {}", "server"),
        ("server/gate.rs", "use crate::client::Client;", "client"),
        ("wire/text.rs", "use crate::*;", "*"),
        ("wire/text.rs", "use crate as parlor;", "as"),
        ("wire/text.rs", "use self::super::super::chat::Hub;", "chat"),
        ("wire/text.rs", "mod inline { use super::super::super::chat::Hub; }", "chat"),
        ("wire/text.rs", "mod inline { mod inner {} }\nuse super::super::chat::Hub;", "chat"),
        ("main.rs", "use crate::server::Server;", "server"),
        ("bin/parlor-cli/link.rs", "fn f() { crate::x() }", "x"),
        ("chat/hub.rs", "const A: char = '\"'; use crate::wire::Wire; const B: char = '\"';", "wire"),
        ("chat/hub.rs", "/* a /* nested */ comment */ use crate::wire::Wire;", "wire"),
        ("chat/hub.rs", "#[cfg(test)] mod tests { fn f() {} }\nuse crate::wire::Wire;", "wire"),
        ("chat/hub.rs", "fn f<'a>(x: &'a str) -> crate::wire::Wire { r#\"\"#; }", "wire"),
    ] {
        let wanted = format!("src/{path} names crate::{names}, which is not below it");
        assert_eq!(violations(path, source), [wanted], "{source}");
    }
    assert_eq!(violations("utils.rs", ""), ["src/utils.rs is not on the floor plan"]);
    assert_eq!(violations("main.rs", "mod helper;"), ["src/main.rs has a module of its own"]);
}

#[test]
fn a_socket_a_thread_a_channel_or_a_clock_in_a_pure_folder_is_found() {
    for (source, word) in [
        ("use std::net::{IpAddr, TcpStream};", "TcpStream"),
        ("fn f(_: std::net::UdpSocket) {}", "UdpSocket"),
        ("use std::thread;", "thread"),
        ("use std::{fmt, thread::sleep};", "thread"),
        ("let now = std::time::Instant::now();", "Instant"),
        ("use std::time::Instant as Clock;", "Instant"),
        ("use std::time::{Duration, SystemTime};", "SystemTime"),
        ("use crossbeam_channel::Sender;", "crossbeam_channel"),
        ("use std::sync::mpsc::Sender;", "mpsc"),
    ] {
        for path in ["protocol/x.rs", "wire/x.rs", "chat/mod.rs"] {
            let wanted = format!("src/{path} names {word}: a socket, a thread, a channel or a clock");
            assert_eq!(violations(path, source), [wanted], "{source}");
        }
        assert_eq!(violations("server/x.rs", source), [""; 0], "{source}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, source) in [
        ("chat/hub.rs", "use crate::protocol::{Body, Notice};\nuse super::room::Room;\nuse crate::chat::RoomIndex;"),
        ("wire/packet.rs", "mod routes { pub const A: u32 = super::super::frame::A; fn f() {} }"),
        ("wire/text.rs", "use super::{Decode, telnet::IAC};\npub(crate) fn f() -> crate::protocol::Nick {}"),
        (
            "protocol/refusal.rs",
            "use std::net::IpAddr; // no crate::wire here\nconst A: &str = \"use crate::wire; thread\";",
        ),
        ("protocol/names.rs", "/// As crate::wire has it, on each thread.\nconst A: &str = r#\"\"crate::chat\"#;"),
        (
            "chat/bucket.rs",
            "fn f(now: Duration) {}\n#[cfg(test)]\nmod tests { use std::time::Instant; use crate::wire::X; }",
        ),
        ("chat/bucket.rs", "#[cfg(test)]\nuse crate::wire::X;\nfn f() {}"),
        ("cli.rs", "use crate::config::Config; use crate::wire::Wire;"),
        ("metrics.rs", "pub(super) fn f() {}\npub(crate) fn g() {}"),
        ("server/accept.rs", "use crate::metrics::Metrics; use super::doors::Door; use std::thread;"),
        ("main.rs", "use parlor::server::Server; mod inline { fn f() {} }"),
        ("bin/parlor-bench/main.rs", "mod swarm;\nuse parlor::client::Client;\nuse swarm::Swarm;"),
        ("bin/parlor-bench/soak/door.rs", "use super::super::process;"),
        ("lib.rs", "pub use crate::server::Server;"),
    ] {
        assert_eq!(violations(path, source), [""; 0], "{source}");
    }
}

#[test]
fn a_stranger_at_the_top_and_an_unexplained_dependency_are_found() {
    assert_eq!(
        strangers_at_the_top("src/lib.rs\nNOTES.md\nbenches/a.rs\nbenches/b.rs\n"),
        ["NOTES.md", "benches"].into()
    );
    assert_eq!(strangers_at_the_top("src/lib.rs\nCargo.toml\n.ci/run\n"), BTreeSet::new());

    let manifest = "[dependencies]\n# Why.\na = \"1\"\nb = \"1\"\n\nc = { version = \"1\" }\n# Two: d and\n# d-more.\n\
                    d = \"1\"\nd-more = \"1\"\ne.workspace = true\n[profile.release]\nlto = \"thin\"\n\
                    [dev-dependencies]\nf = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\ng = \"1\"\n[dependencies.h]\nversion = \"1\"\n";
    assert_eq!(unexplained_dependencies(manifest), ["b", "c", "e", "f", "g", "h"]);
}
