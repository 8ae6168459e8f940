//! The layers of src: imports point down only, and the pure folders stay pure.
//!
//! Each path that begins with `crate::` or climbs by `super::` is followed to the folder at the top that it
//! names. Within `server` the files that two folders share are named below. The checks are tested on made-up
//! violations too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shape::imports::{Import, Modules, circles};
use crate::shape::source::{Kind, Source, sources};

/// Which folder (or file) at the top of `src` may name which, beside itself.
const LAYERS: [(&str, &[&str]); 11] = [
    ("protocol", &[]),
    ("chat", &["protocol"]),
    ("wire", &["protocol"]),
    ("metrics", &["protocol"]),
    ("variables", &[]),
    ("config", &["protocol", "wire"]),
    ("page", &[]),
    ("flags", &["config", "variables"]),
    ("server", &["protocol", "chat", "wire", "config", "metrics", "page", "variables"]),
    ("client", &["protocol", "wire"]),
    ("guide", &[]),
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

/// The names that `git ls-files` may show at the top.
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

/// Everything wrong with one file of src.
fn violations(source: &Source) -> Vec<String> {
    let path = source.path.as_str();
    let code = source.code.iter().filter(|token| token.kind != Kind::Text);
    let words: Vec<&str> = code.map(|token| token.text.as_str()).collect();
    let module = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module: Vec<&str> = module.split('/').filter(|part| *part != "mod").collect();
    let layer = module[0];
    let mut found = Vec::new();
    for named in top_level_names(&module, &words) {
        let allowed = match layer {
            "lib" => true,
            "bin" => false, // programs name the library by `parlor::…`, their own modules by `super::`
            _ => LAYERS.iter().any(|(name, below)| *name == layer && below.contains(&named)) || named == layer,
        };
        if !allowed {
            found.push(format!("{path} names crate::{named}, which is not below it"));
        }
    }
    if !matches!(layer, "lib" | "bin") && !LAYERS.iter().any(|(name, _)| *name == layer) {
        found.push(format!("{path} is in no layer"));
    }
    if PURE.contains(&layer) {
        let impure: BTreeSet<_> = IMPURE.iter().filter(|word| words.contains(word)).collect();
        found
            .extend(impure.iter().map(|word| format!("{path} names {word}: a socket, a thread, a channel or a clock")));
    }
    found
}

/// The top-level modules that paths in `words` lead to from within `module`.
fn top_level_names<'a>(module: &[&str], words: &[&'a str]) -> Vec<&'a str> {
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let mut names = Vec::new();
    let mut at = 0;
    // How deep in braces, and the depths at which the inline modules around stand.
    let (mut depth, mut inline) = (0, Vec::new());
    while at < words.len() {
        // `crate`, or as many `super`s as lead out of the file's top-level module. Fewer of them, and
        // paths of other crates (`parlor::…` in a program), stay below.
        let begun = at;
        while word(at) == "super" || (at == begun && word(at) == "crate") {
            at += 1 + usize::from(word(at + 1) == "::");
        }
        let climbed = words[begun..at].iter().filter(|word| **word == "super").count();
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
                    match *text {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," | "::" => {}
                        name if depth == 1 && matches!(word(inner - 1), "{" | ",") => names.push(name),
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            } else {
                names.push(word(at));
            }
        }
    }
    names
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

/// Whether a file names `socket2` or `rustix::net`, in a group of a `use` too.
fn names_sockets(source: &Source) -> bool {
    let of_rustix =
        |at: usize| source.code[at..].iter().take_while(|token| !token.is(";")).any(|token| token.is("net"));
    (0..source.code.len()).any(|at| source.code[at].is("socket2") || (source.code[at].is("rustix") && of_rustix(at)))
}

/// Imports between the folders of `server` that run side by side: what their threads share lies beside them.
fn crossings(imports: impl IntoIterator<Item = Import>) -> Vec<String> {
    const ASIDE: [(&str, &str); 2] = [("session", "manager"), ("manager", "session")];
    let within = |path: &str, folder: &str| path.starts_with(&format!("src/server/{folder}"));
    let crosses = |one: &Import| ASIDE.iter().any(|(from, to)| within(&one.from, from) && within(&one.to, to));
    let found = imports.into_iter().filter(crosses);
    found.map(|import| format!("{}:{} names {}", import.from, import.line, import.to)).collect()
}

#[test]
fn imports_point_down_and_folders_stay_pure() {
    let src = sources(root(), "src");
    for folder in PURE {
        let within = format!("src/{folder}/");
        assert!(src.iter().any(|source| source.path.starts_with(&within)), "no file in {within}: has it moved?");
    }
    let found: Vec<_> = src.iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn session_and_manager_never_import_each_other() {
    let src = sources(root(), "src");
    for folder in ["session", "manager"] {
        let within = format!("src/server/{folder}/");
        assert!(src.iter().any(|source| source.path.starts_with(&within)), "no file in {within}: has it moved?");
    }
    let found = crossings(Modules::of(&src).imports());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Folders that still have import circles; `scripts/shape.sh --list` shows them.
const CIRCLES_LEFT: [&str; 3] = ["src/protocol/", "src/server/manager/", "src/wire/"];

#[test]
fn imports_make_no_circles() {
    let found = circles(&Modules::of(&sources(root(), "src")).imports());
    let is_new =
        |files: &&Vec<String>| !CIRCLES_LEFT.iter().any(|folder| files.iter().all(|file| file.starts_with(folder)));
    assert_eq!(found.iter().filter(is_new).collect::<Vec<_>>(), [&[""; 0]; 0]);
}

#[test]
fn only_socket_names_the_systems_sockets() {
    let server = sources(root(), "src/server");
    let named: Vec<&str> = server.iter().filter(|source| names_sockets(source)).map(|one| one.path.as_str()).collect();
    assert_eq!(named, ["src/server/socket.rs"]);
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

// --- the checks, seen to fail -----------------------------------------------------------------

/// Violations in a source at this place of src.
fn found(path: &str, source: &str) -> Vec<String> {
    violations(&Source::new(&format!("src/{path}"), source))
}

#[test]
fn name_of_a_system_socket_is_found() {
    for (source, names) in [
        ("use socket2::SockRef;", true),
        ("use rustix::{event::PollFd, net::SendFlags};", true),
        ("fn f() { rustix::net::send(a, b); }", true),
        ("use rustix::event::PollFd; use std::net::IpAddr;", false),
        ("// socket2, rustix::net\n#[cfg(test)] mod tests { use socket2::Socket; }", false),
    ] {
        assert_eq!(names_sockets(&Source::new("src/server/x.rs", source)), names, "{source}");
    }
}

#[test]
fn import_between_session_and_manager_is_found() {
    let files = [
        ("src/server/session/mod.rs", "use super::manager::Manager; use super::event::Event;"),
        ("src/server/manager/mod.rs", "mod dispatch; pub(super) struct Manager; use crate::server::session::Reader;"),
        ("src/server/manager/dispatch.rs", "use super::Manager; use crate::server::event::Event;"),
        ("src/server/mod.rs", "mod event; mod manager; mod session;"),
        ("src/server/event.rs", "pub struct Event;"),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    let wanted = [
        "src/server/manager/mod.rs:1 names src/server/session/mod.rs",
        "src/server/session/mod.rs:1 names src/server/manager/mod.rs",
    ];
    assert_eq!(crossings(Modules::of(&files).imports()), wanted);
}

#[test]
fn import_up_or_aside_is_found() {
    for (path, source, names) in [
        ("chat/hub.rs", "use crate::wire::Encoding;", "wire"),
        ("wire/text.rs", "fn f() { crate::chat::Hub::new(); }", "chat"),
        ("wire/text.rs", "use super::super::chat::Hub;", "chat"),
        ("wire/mod.rs", "pub(super) use super::chat;", "chat"),
        ("protocol/mod.rs", "use crate::{config::Config, protocol::Nick};", "config"),
        ("protocol/names.rs", "use crate::{\n    protocol::{Nick, clean},\n    wire,\n};", "wire"),
        ("config.rs", "use super::server::Server;", "server"),
        ("metrics.rs", "pub(in crate::server) fn f() {}", "server"),
        ("server/admission.rs", "use crate::client::Client;", "client"),
        ("wire/text.rs", "use crate::*;", "*"),
        ("wire/text.rs", "use crate as parlor;", "as"),
        ("wire/text.rs", "use self::super::super::chat::Hub;", "chat"),
        ("wire/text.rs", "mod inline { use super::super::super::chat::Hub; }", "chat"),
        ("wire/text.rs", "mod inline { mod inner {} }\nuse super::super::chat::Hub;", "chat"),
        ("bin/parlor/main.rs", "use crate::server::Server;", "server"),
        ("bin/parlor-cli/link.rs", "fn f() { crate::x() }", "x"),
        ("chat/hub.rs", "const A: char = '\"'; use crate::wire::Wire; const B: char = '\"';", "wire"),
        ("chat/hub.rs", "/* a /* nested */ comment */ use crate::wire::Wire;", "wire"),
        ("chat/hub.rs", "#[cfg(test)] mod tests { fn f() {} }\nuse crate::wire::Wire;", "wire"),
        ("chat/hub.rs", "fn f<'a>(x: &'a str) -> crate::wire::Wire { r#\"\"#; }", "wire"),
    ] {
        let wanted = format!("src/{path} names crate::{names}, which is not below it");
        assert_eq!(found(path, source), [wanted], "{source}");
    }
    assert_eq!(found("utils.rs", ""), ["src/utils.rs is in no layer"]);
}

#[test]
fn impure_word_in_pure_folder_is_found() {
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
            assert_eq!(found(path, source), [wanted], "{source}");
        }
        assert_eq!(found("server/x.rs", source), [""; 0], "{source}");
    }
}

#[test]
fn allowed_import_is_not_reported() {
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
        ("flags.rs", "use crate::config::Config; use crate::variables;"),
        ("metrics.rs", "pub(super) fn f() {}\npub(crate) fn g() {}"),
        ("server/accept.rs", "use crate::metrics::Metrics; use super::doors::Door; use std::thread;"),
        ("bin/parlor/main.rs", "use parlor::server::Server; mod inline { fn f() {} }"),
        ("bin/parlor-bench/main.rs", "mod swarm;\nuse parlor::client::Client;\nuse swarm::Swarm;"),
        ("bin/parlor-bench/soak/door.rs", "use super::super::process;"),
        ("lib.rs", "pub use crate::server::Server;"),
    ] {
        assert_eq!(found(path, source), [""; 0], "{source}");
    }
}

#[test]
fn stray_file_and_unexplained_dependency_are_found() {
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
