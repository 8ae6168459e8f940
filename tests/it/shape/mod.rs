//! The shape of the source in figures: what `scripts/shape.sh` prints.
//!
//! The script compiles this folder by itself (`rustc tests/it/shape/mod.rs`), so it uses nothing but std.

#![allow(dead_code, reason = "main and the report are of the script's program only")]

pub(crate) mod imports;
pub(crate) mod source;
pub(crate) mod structs;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::fmt::Write as _;
use std::path::Path;

use source::{Source, files, sources};
use words::Place;

/// Files that are one table, which no reader reads from top to bottom, and why.
const TABLES: [(&str, &str); 3] = [
    ("src/protocol/table.rs", "the commands, one row each"),
    ("src/protocol/notice.rs", "the notices, one variant each"),
    ("src/protocol/refusal.rs", "the refusals, one variant each"),
];

/// Folders and files that may ask which wire format something has.
const MAY_ASK: [&str; 3] = ["src/wire/", "src/config/", "src/server/profile.rs"];

/// One row of the table: a figure with its goal, and the places behind it.
struct Row {
    what: &'static str,
    goal: String,
    value: String,
    /// `None` where the figure is for a reader to judge.
    is_met: Option<bool>,
    places: Vec<String>,
}

fn row(what: &'static str, goal: usize, places: Vec<String>) -> Row {
    Row { what, goal: goal.to_string(), value: places.len().to_string(), is_met: Some(places.len() <= goal), places }
}

fn shown(place: &Place) -> String {
    let (file, line, text) = place;
    format!("{file}:{line}: {text}")
}

fn lengths(src: &[Source]) -> [Row; 2] {
    let is_table = |source: &&Source| TABLES.iter().any(|(path, _)| *path == source.path);
    let mut counted: Vec<(usize, &str)> =
        src.iter().filter(|source| !is_table(source)).map(|source| (source.lines, source.path.as_str())).collect();
    counted.sort_unstable();
    let median = counted.get(counted.len() / 2).map_or(0, |(lines, _)| *lines);
    let longest = counted.last().map_or(0, |(lines, _)| *lines);
    let mut long: Vec<String> = counted
        .iter()
        .rev()
        .filter(|(lines, _)| *lines > 400)
        .map(|(lines, path)| format!("{path}: {lines}"))
        .collect();
    for (path, why) in TABLES {
        match src.iter().find(|source| source.path == path) {
            Some(source) => long.push(format!("(a table: {path}: {}, {why})", source.lines)),
            None => long.push(format!("(a table that has gone: {path})")),
        }
    }
    [
        Row {
            what: "src: median file, lines",
            goal: "150".to_owned(),
            value: median.to_string(),
            is_met: Some(median <= 150),
            places: Vec::new(),
        },
        Row {
            what: "src: longest file, lines (tables aside)",
            goal: "400".to_owned(),
            value: longest.to_string(),
            is_met: Some(longest <= 400),
            places: long,
        },
    ]
}

fn largest(src: &[Source]) -> Row {
    let all = structs::structs(src);
    let over = |one: &structs::Struct| one.fields > 12 || one.methods > 15;
    let worst = all.iter().find(|one| over(one)).or(all.first());
    let show = |one: &structs::Struct| format!("{}: {}: {} + {}", one.file, one.name, one.fields, one.methods);
    let mut places: Vec<String> = all.iter().filter(|one| over(one)).map(show).collect();
    places.push("(the five largest:)".to_owned());
    places.extend(all.iter().take(5).map(show));
    Row {
        what: "struct with state: fields + methods",
        goal: "12 + 15".to_owned(),
        value: worst.map_or_else(String::new, |one| format!("{} + {} ({})", one.fields, one.methods, one.name)),
        is_met: Some(!all.iter().any(over)),
        places,
    }
}

fn rows(root: &Path) -> Vec<Row> {
    let src = sources(root, "src");
    let mut with_tests = sources(root, "tests");
    let imports = imports::Modules::of(&src).imports();
    let groups = imports::circles(&imports);
    let circles = groups.iter().map(|files| {
        let among = |import: &&imports::Import| files.contains(&import.from) && files.contains(&import.to);
        let edges = imports.iter().filter(among);
        let edges: Vec<String> = edges.map(|one| format!("{}:{} -> {}", one.from, one.line, one.to)).collect();
        format!("{} files:\n      {}", files.len(), edges.join("\n      "))
    });
    let circles = row("src: import circles", 0, circles.collect());
    let asking = src.iter().filter(|source| !MAY_ASK.iter().any(|may| source.path.starts_with(may)));
    let (server, clients): (Vec<_>, Vec<_>) = asking.partition(|source| source.path.starts_with("src/server/"));
    let asks = |sources: Vec<&Source>| {
        sources.into_iter().flat_map(words::asks_for_the_wire).map(|place| shown(&place)).collect::<Vec<_>>()
    };
    let strings = words::own_strings_compared(&src).iter().map(shown).collect();
    let mut rows: Vec<Row> = lengths(&src).into();
    rows.push(circles);
    rows.push(largest(&src));
    rows.push(row("server: questions for the wire format outside the profile", 0, asks(server)));
    let clients = row("client and programs: questions for the wire format", 0, asks(clients));
    rows.push(Row { goal: "-".to_owned(), is_met: None, ..clients });
    // Many of them read what a peer or a person wrote, which is right.
    let strings = row("comparisons of strings that src writes too", 0, strings);
    rows.push(Row { goal: "-".to_owned(), is_met: None, ..strings });
    with_tests.extend(src);
    let together = |places: &Vec<Place>| places.iter().map(shown).collect::<Vec<_>>().join("\n      ");
    let helpers = words::doubled_helpers(&with_tests).iter().map(together).collect();
    let records = words::doubled_records(&with_tests).iter().map(together).collect();
    rows.push(row("test helpers that stand more than once", 0, helpers));
    rows.push(row("recorded bytes that stand more than once", 0, records));
    let texts = ["src", "tests", "scripts"].iter().flat_map(|folder| files(root, folder, &[".rs", ".sh", ".toml"]));
    let old = texts.flat_map(|(path, text)| words::old_manner(&path, &text)).map(|place| shown(&place)).collect();
    rows.push(row("comments that begin with Who, Whoever, What, So long, So many", 0, old));
    rows
}

/// The table as the script prints it; with `listed`, the places behind each figure.
fn report(root: &Path, listed: bool) -> (String, bool) {
    let mut out = String::new();
    let rows = rows(root);
    for Row { what, goal, value, is_met, places } in &rows {
        let verdict = is_met.map_or("-", |is_met| if is_met { "ok" } else { "no" });
        let _ = writeln!(out, "{what}\t{goal}\t{value}\t{verdict}");
        if listed {
            for place in places {
                let _ = writeln!(out, "    {place}");
            }
        }
    }
    (out, rows.iter().all(|row| row.is_met != Some(false)))
}

#[cfg(not(test))]
#[allow(clippy::print_stdout, reason = "the table is its output")]
fn main() {
    let listed = std::env::args().nth(1).is_some_and(|argument| argument == "--list");
    let (table, is_met) = report(Path::new("."), listed);
    print!("{table}");
    std::process::exit(i32::from(!is_met));
}
