//! The README and the program: one list of commands, one list of flags.
//!
//! Between `<!-- commands -->` and `<!-- /commands -->` the README has the table that this file
//! makes of `COMMANDS`, to the letter: where they differ, the test prints the one that is wanted,
//! to be pasted. Flags are told in the README's own words, but each is told, with its variable.

#![allow(clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::BTreeSet;
use std::fs;

use clap::CommandFactory;
use parlor::Config;
use parlor::cli::Flags;
use parlor::protocol::{COMMANDS, CommandSpec};
use parlor::server::budget::Budget;

const BEGIN: &str = "<!-- commands -->";
const END: &str = "<!-- /commands -->";

fn readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The table of commands in Markdown: how each is written, its other names, what it does.
fn table<'a>(commands: impl IntoIterator<Item = &'a CommandSpec>) -> String {
    let mut table = String::from("| command | also | |\n|---|---|---|\n");
    for spec in commands {
        let aliases: Vec<_> = spec.aliases.iter().map(|alias| format!("`/{alias}`")).collect();
        let cells = [format!("`{}`", spec.usage()), aliases.join(" "), spec.help.to_owned()];
        // A bar within a cell is escaped, within code too: GitHub's Markdown, 4.10.
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

/// What stands between the two marks.
fn marked(readme: &str) -> Result<&str, String> {
    let (_, behind) = readme.split_once(BEGIN).ok_or_else(|| format!("README.md has no {BEGIN}"))?;
    let (inside, _) = behind.split_once(END).ok_or_else(|| format!("README.md has no {END} behind {BEGIN}"))?;
    Ok(inside.trim())
}

/// Flags of the program that `readme` does not mention, variables of theirs that it does not, and
/// variables that it mentions and the program does not know.
fn missing(readme: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mentioned: BTreeSet<&str> = readme.split(|c| !is_word(c)).map(|word| word.trim_end_matches('-')).collect();
    let flags = Flags::command();
    let mut known = BTreeSet::new();
    for flag in flags.get_arguments() {
        known.extend(flag.get_long().map(|long| format!("--{long}")));
        known.extend(flag.get_env().map(|name| name.to_string_lossy().into_owned()));
    }
    let unknown = mentioned
        .iter()
        .filter(|word| word.strip_prefix("PARLOR_").is_some_and(|rest| !rest.is_empty()) && !known.contains(**word));
    let unmentioned = known.iter().filter(|name| !mentioned.contains(name.as_str()));
    unknown.map(|word| (*word).to_owned()).chain(unmentioned.cloned()).collect()
}

#[test]
fn the_readme_lists_the_commands_as_the_table_has_them() {
    let wanted = table(&COMMANDS);
    let readme = readme();
    let shown = marked(&readme).unwrap_or_else(|error| panic!("{error}; wanted:\n\n{BEGIN}\n{wanted}{END}\n"));
    assert!(shown == wanted.trim_end(), "README.md has another list of commands; wanted:\n\n{BEGIN}\n{wanted}{END}\n");
}

#[test]
fn the_readme_mentions_every_flag_and_its_variable() {
    assert_eq!(missing(&readme()), BTreeSet::new());
}

#[test]
fn every_flag_has_a_variable_and_is_explained() {
    for flag in Flags::command().get_arguments() {
        let long = flag.get_long().unwrap();
        let variable = format!("PARLOR_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(flag.get_env().and_then(|name| name.to_str()), Some(variable.as_str()), "--{long}");
        assert!(flag.get_help().is_some(), "--{long}");
    }
}

#[test]
fn a_readme_that_has_fallen_behind_is_found() {
    let rows = table(COMMANDS.iter().filter(|spec| ["msg", "echo", "me"].contains(&spec.name)));
    assert_eq!(
        rows,
        "| command | also | |\n|---|---|---|\n\
         | `/msg NAME TEXT` | `/m` `/tell` `/w` | Writes to one person, in whatever room; nobody else sees it. |\n\
         | `/me TEXT` |  | An action: /me waves is shown as * NAME waves. |\n\
         | `/echo on\\|off` |  | Whether your own lines come back to you. |\n"
    );
    let whole = format!("# Parlor\n\n{BEGIN}\n{}{END}\n", table(&COMMANDS));
    assert_eq!(marked(&whole), Ok(table(&COMMANDS).trim_end()));
    assert!(marked(&whole.replace(END, "")).is_err());
    assert!(marked(&whole.replace(BEGIN, "")).is_err());

    let told: Vec<_> = missing("").into_iter().collect();
    let all = told.join(" ");
    assert!(told.len() >= 20, "{all}");
    assert_eq!(missing(&all), BTreeSet::new());
    assert_eq!(missing(&format!("{all} `PARLOR_OLD=1` `PARLOR_…`")), ["PARLOR_OLD".to_owned()].into());
    assert_eq!(missing(&all.replace("--max-line ", "--max-lines ")), ["--max-line".to_owned()].into());
}

/// The kinds of fault: as many of each group as there are cases and tests, and each test is there.
#[test]
fn the_readme_counts_the_faults_that_are_tested() {
    let file = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let script = file("tests/sh/injected.sh");
    let cases = script.lines().filter(|line| line.starts_with("run ")).count();
    let mut counts = vec![("system-call".to_owned(), cases)];
    let mut kinds = BTreeSet::new();
    let list = file("tests/faults.txt");
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(" | ").collect();
        let [group, kind, test] = fields[..] else { panic!("{line}") };
        assert!(kinds.insert(kind), "twice: {kind}");
        let (path, name) = test.split_once(' ').unwrap();
        let wanted = if path.ends_with(".sh") { format!("\nrun {name}\n") } else { format!("fn {name}()") };
        assert!(file(path).contains(&wanted), "there is no {name} in {path}");
        match counts.last_mut() {
            Some((last, count)) if last == group => *count += 1,
            _ => counts.push((group.to_owned(), 1)),
        }
    }
    let readme = readme();
    let (before, told) = readme.split_once(" kinds of fault").unwrap();
    let (told, _) = told.split_once("\n## ").unwrap();
    let told: Vec<usize> =
        told.lines().filter_map(|line| line.strip_prefix("- ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(told, counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), "{counts:?}");
    let all: usize = before.split_whitespace().next_back().unwrap().parse().unwrap();
    assert_eq!(all, told.iter().sum::<usize>());
    assert!(readme.contains(&format!(" {cases} of them in `tests/sh/injected.sh`")), "{cases}");
}

/// The formula as the README has it, and the same in figures.
#[test]
fn the_readme_has_the_worst_case_in_memory_as_the_program_has_it() {
    let readme = readme();
    for line in [
        "session = 2 MiB + 17 × longest + 4 × max-pending + 1 KiB × (max-clients + max-rooms) + 512 × history",
        "room    = 5 MiB + 72 × longest + 1 KiB × history",
        "all     = 64 MiB + max-clients × session + max-rooms × room",
    ] {
        assert!(readme.contains(&format!("\n  {line}\n")), "{line}");
    }
    let usual = Config::default();
    let small = Config { max_clients: 200, max_rooms: 16, max_pending: 262_144, ..usual.clone() };
    let long = Config { max_frame: 1 << 24, history: 0, ..small.clone() };
    for config in [&usual, &small, &long] {
        let longest = config.max_line.max(config.max_packet).max(config.max_frame).max(65_535) as u64;
        let (clients, rooms, history) = (config.max_clients as u64, config.max_rooms as u64, config.history as u64);
        let pending = config.max_pending as u64;
        let session = (2 << 20) + 17 * longest + 4 * pending + 1024 * (clients + rooms) + 512 * history;
        let room = (5 << 20) + 72 * longest + 1024 * history;
        let all = (64 << 20) + clients * session + rooms * room;
        let budget = Budget::of(config);
        assert_eq!((budget.session, budget.room, budget.all), (session, room, all));
    }
    let told = |config: &Config| {
        let tenths = (Budget::of(config).all * 10) >> 30;
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    };
    assert!(readme.contains(&format!("That is {} by default", told(&usual))), "{}", told(&usual));
    let flags = "`--max-clients 200 --max-rooms 16 --max-pending 262144` it is";
    // Rounded up: who reads it buys memory by it.
    assert!(readme.contains(&format!("{flags} 1.1 GiB")) && told(&small) == "1.0 GiB", "{}", told(&small));
}
