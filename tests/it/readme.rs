//! The README and the guides (`src/guide/*.md`): what they list is what the program has.
//!
//! The tables between `<!-- commands -->` and `<!-- /commands -->` in the README, and between the same marks
//! `in full` in chatting.md, are made from `COMMANDS`. Where one differs, the test prints the wanted table.
//! operating.md names each flag with its variable, and has the formula of the memory. testing.md has the
//! number of faults. Links lead to files that exist, names of tests and functions are those of the code, and
//! prose has short sentences.

#![allow(clippy::panic, reason = "clippy's allow-…-in-tests does not reach a test's helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use parlor::Config;
use parlor::protocol::{COMMANDS, CommandSpec};
use parlor::server::budget::Budget;

/// The most lines, and the most words, of the README.
const README_LIMITS: (usize, usize) = (150, 1500);
/// The most words of a sentence.
const SENTENCE_WORDS: usize = 25;

/// The text of a file of the repository.
fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The README and every guide, each with its path.
fn documents() -> Vec<(String, String)> {
    let guides = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide")).expect("src/guide");
    let names = guides.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut paths: Vec<_> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("src/guide/{name}")).collect();
    paths.sort();
    assert!(paths.len() >= 9, "{paths:?}");
    paths.insert(0, "README.md".to_owned());
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

/// A row of a table in Markdown. A bar within a cell is escaped, within code too (GitHub's Markdown, 4.10).
fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The table of chatting.md: usage, other names and the sentence of the help.
fn full_table<'a>(commands: impl IntoIterator<Item = &'a CommandSpec>) -> String {
    let mut table = String::from("| command | also | |\n|---|---|---|\n");
    for spec in commands {
        let aliases: Vec<_> = spec.aliases.iter().map(|alias| format!("`/{alias}`")).collect();
        // In a sentence rustdoc would take a word in brackets for a link.
        let help = spec.help.replace('[', "\\[");
        table += &row(&[format!("`{}`", spec.usage()), aliases.join(" "), help]);
    }
    table
}

/// The table of the README: usage and a few words, two commands in a row.
fn short_table(commands: &[CommandSpec]) -> String {
    let mut table = String::from("| command | | command | |\n|---|---|---|---|\n");
    for pair in commands.chunks(2) {
        let cell = |spec: &CommandSpec| [format!("`{}`", spec.usage()), spec.brief.to_owned()];
        let second = pair.get(1).map_or_else(Default::default, cell);
        table += &row(&[cell(&pair[0]), second].concat());
    }
    table
}

/// The text between two marks.
fn marked<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (_, behind) = text.split_once(&begin).ok_or_else(|| format!("there is no {begin}"))?;
    let (inside, _) = behind.split_once(&end).ok_or_else(|| format!("there is no {end} behind {begin}"))?;
    Ok(inside.trim())
}

/// Each flag of the program with its variable and its help, as `parlor --help` prints them.
fn flags() -> Vec<(String, String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_parlor")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let entries = help.split("\n      --").skip(1).map(|entry| {
        let (flag, text) = entry.split_once('\n').unwrap();
        let variable = text.split_once("[env: ").and_then(|(_, rest)| rest.split_once('=')).map(|(name, _)| name);
        let flag = format!("--{}", flag.split(' ').next().unwrap_or_default());
        (flag, variable.unwrap_or_default().to_owned(), text.lines().next().unwrap_or_default().trim().to_owned())
    });
    entries.collect()
}

/// Flags of the program that `guide` does not mention, variables of theirs that it does not, and
/// variables that it mentions and the program does not know.
fn missing(guide: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mentioned: BTreeSet<&str> = guide.split(|c| !is_word(c)).map(|word| word.trim_end_matches('-')).collect();
    let known: BTreeSet<String> = flags().into_iter().flat_map(|(flag, variable, _)| [flag, variable]).collect();
    let unknown = mentioned
        .iter()
        .filter(|word| word.strip_prefix("PARLOR_").is_some_and(|rest| !rest.is_empty()) && !known.contains(**word));
    let unmentioned = known.iter().filter(|name| !mentioned.contains(name.as_str()));
    unknown.map(|word| (*word).to_owned()).chain(unmentioned.cloned()).collect()
}

/// Where links in `text` lead, as written: `](TARGET)` and `[name]: TARGET`.
fn links(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let definitions =
        text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, target)| target));
    inline.chain(definitions).map(|target| target.trim().to_owned()).collect()
}

/// Links of the document at `path` that lead nowhere: to a file that is not there, or to a heading of it.
fn broken_links(path: &str, text: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(path).parent().map(Path::to_path_buf).unwrap_or_default();
    let is_broken = |link: &String| {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { root.join(path) } else { folder.join(file) };
        let has_heading = || {
            let other = fs::read_to_string(&target).unwrap_or_default();
            let within = if file.is_empty() { text } else { &other };
            within.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
        };
        !target.exists() || !heading.is_empty() && !has_heading()
    };
    links(text).into_iter().filter(|link| !link.starts_with("https://")).filter(is_broken).collect()
}

/// Whether a character may be part of a function's name.
fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

/// The words of all files under src, tests and scripts, without the guides.
fn known_words() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests"), root.join("scripts")];
    let mut known = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let is_code = ["rs", "sh"].iter().any(|end| path.extension().is_some_and(|found| found == *end));
            if path.is_dir() {
                folders.push(path);
            } else if is_code {
                let text = fs::read_to_string(path).expect("UTF-8");
                known.extend(text.split(|c| !is_name_char(c)).map(str::to_owned));
            }
        }
    }
    known
}

/// Names of functions and tests in backquotes, such as `a_b` and `a::b_c`, that no file has.
fn unknown_names(text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let names = quoted.map(|name| name.rsplit("::").next().unwrap_or(name));
    let is_name = |name: &&str| name.contains('_') && name.chars().all(is_name_char);
    names.filter(is_name).filter(|name| !known.contains(*name)).map(str::to_owned).collect()
}

/// The anchor that a git host makes of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || "- _".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The prose of a document: neither code blocks, nor tables, nor headings, nor definitions of links.
/// Each paragraph and each item of a list is one string.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut in_code = false;
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        let is_prose = !in_code && !fence && !line.starts_with(['|', '#', '[', '<', '!']);
        if !is_prose
            || line.is_empty()
            || line.starts_with("- ")
            || line.trim_start().starts_with(|c: char| c.is_ascii_digit())
        {
            found.push(String::new());
        }
        if is_prose && let Some(last) = found.last_mut() {
            last.push_str(line.trim_start_matches("- "));
            last.push(' ');
        }
    }
    found.retain(|paragraph| !paragraph.trim().is_empty());
    found
}

/// The sentences of prose that have too many words. Code between backquotes is one word.
fn long_sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for paragraph in paragraphs(text) {
        let plain: String =
            paragraph.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "CODE" }).collect();
        for sentence in plain.split_inclusive(". ").flat_map(|part| part.split_inclusive(".) ")) {
            if sentence.split_whitespace().count() > SENTENCE_WORDS {
                found.push(sentence.trim().to_owned());
            }
        }
    }
    found
}

#[test]
fn readme_and_guide_list_every_command() {
    for (path, name, wanted) in [
        ("README.md", "commands", short_table(&COMMANDS)),
        ("src/guide/chatting.md", "commands in full", full_table(&COMMANDS)),
    ] {
        let text = text(path);
        let shown = marked(&text, name).unwrap_or_else(|error| panic!("{path}: {error}; wanted:\n\n{wanted}"));
        assert!(shown == wanted.trim_end(), "{path} has another list of commands; wanted:\n\n{wanted}\n");
    }
}

#[test]
fn guide_names_every_flag_and_variable() {
    assert_eq!(missing(&text("src/guide/operating.md")), BTreeSet::new());
}

#[test]
fn readme_is_short() {
    let readme = text("README.md");
    let (lines, words) = (readme.lines().count(), readme.split_whitespace().count());
    assert!(lines <= README_LIMITS.0 && words <= README_LIMITS.1, "{lines} lines, {words} words");
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    for (path, text) in documents() {
        assert_eq!(broken_links(&path, &text), [""; 0], "{path}");
    }
}

#[test]
fn names_in_the_documents_exist() {
    let known = known_words();
    for (path, text) in documents() {
        assert_eq!(unknown_names(&text, &known), [""; 0], "{path}");
    }
}

#[test]
fn sentences_of_the_documents_are_short() {
    for (path, text) in documents() {
        assert_eq!(long_sentences(&text), [""; 0], "{path}");
    }
}

/// A block without a language is Rust for rustdoc, which would compile it.
#[test]
fn document_code_blocks_name_their_language() {
    for (path, text) in documents() {
        let fences: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("```")).collect();
        assert!(fences.len().is_multiple_of(2), "{path}");
        assert!(fences.iter().step_by(2).all(|fence| fence.trim() != "```"), "{path}: {fences:?}");
    }
}

#[test]
fn flag_has_variable_and_explanation() {
    let flags = flags();
    assert!(flags.len() > 20, "{flags:?}");
    for (flag, variable, help) in flags {
        assert_eq!(variable, format!("PARLOR_{}", flag[2..].to_uppercase().replace('-', "_")), "{flag}");
        assert!(!help.is_empty(), "{flag}");
    }
}

#[test]
fn outdated_document_is_found() {
    let rows = full_table(COMMANDS.iter().filter(|spec| ["msg", "echo"].contains(&spec.name)));
    assert_eq!(
        rows,
        "| command | also | |\n|---|---|---|\n\
         | `/msg NAME TEXT` | `/m` `/tell` `/w` | Writes to one person, in whatever room; nobody else sees it. |\n\
         | `/echo on\\|off` |  | Whether your own lines come back to you. |\n"
    );
    assert!(short_table(&COMMANDS).contains("| `/msg NAME TEXT` | to one person |"));
    let whole = format!("# Parlor\n\n<!-- commands -->\n{rows}<!-- /commands -->\n");
    assert_eq!(marked(&whole, "commands"), Ok(rows.trim_end()));
    assert!(marked(&whole.replace("<!-- /commands -->", ""), "commands").is_err());
    assert!(marked(&whole, "others").is_err());

    let text = "# A b\n[a](src) [b](nowhere.md) [c](#a-b) [d](#a-c)\n\n[e]: src/lib.rs\n[f]: src/lib.txt\n";
    assert_eq!(broken_links("README.md", text), ["nowhere.md", "#a-c", "src/lib.txt"].map(str::to_owned)[..].to_vec());
    let words = |count: usize| vec!["word"; count].join(" ");
    let long = format!("{}. Short.\n\n- {}\n- {}\n```sh\n{}\n```\n", words(26), words(20), words(20), words(40));
    assert_eq!(long_sentences(&long), [words(26) + "."]);
    assert_eq!(long_sentences(&format!("{} `{}`.\n| {} |\n", words(24), words(30), words(30))), [""; 0]);

    let known = known_words();
    assert_eq!(unknown_names("`readme` has `unknown_command_is_refused_and_unsaid`", &known), [""; 0]);
    let gone = ["no", "such", "test"].join("_"); // this file is among those that are read
    assert_eq!(unknown_names(&format!("run `transcripts::{gone}` or not"), &known), [gone]);

    let told: Vec<_> = missing("").into_iter().collect();
    let all = told.join(" ");
    assert!(told.len() >= 20, "{all}");
    assert_eq!(missing(&all), BTreeSet::new());
    assert_eq!(missing(&format!("{all} `PARLOR_OLD=1` `PARLOR_…`")), ["PARLOR_OLD".to_owned()].into());
    assert_eq!(missing(&all.replace("--max-line ", "--max-lines ")), ["--max-line".to_owned()].into());
}

/// The kinds of fault: as many of each group as there are cases and tests, and each test is there.
#[test]
fn guide_counts_the_tested_faults() {
    let script = text("tests/sh/injected.sh");
    let cases = script.lines().filter(|line| line.starts_with("run ")).count();
    let mut counts = vec![("system-call".to_owned(), cases)];
    let mut kinds = BTreeSet::new();
    let list = text("tests/faults.txt");
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(" | ").collect();
        let [group, kind, test] = fields[..] else { panic!("{line}") };
        assert!(kinds.insert(kind), "twice: {kind}");
        let (path, name) = test.split_once(' ').unwrap();
        let wanted = if path.ends_with(".sh") { format!("\nrun {name}\n") } else { format!("fn {name}()") };
        assert!(text(path).contains(&wanted), "there is no {name} in {path}");
        match counts.last_mut() {
            Some((last, count)) if last == group => *count += 1,
            _ => counts.push((group.to_owned(), 1)),
        }
    }
    let guide = text("src/guide/testing.md");
    let (before, told) = guide.split_once(" kinds of fault").unwrap();
    let told: Vec<usize> =
        told.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(told, counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), "{counts:?}");
    let all: usize = before.split_whitespace().next_back().unwrap().parse().unwrap();
    assert_eq!(all, told.iter().sum::<usize>());
    assert!(guide.contains(&format!(" {cases} of them are cases of\n`tests/sh/injected.sh`")), "{cases}");
}

/// The formula as the guide has it, and the same in figures.
#[test]
fn guide_has_the_worst_case_in_memory() {
    let guide = text("src/guide/operating.md");
    for line in [
        "session = 2.25 MiB + 26 × longest + 4 × max-pending + 1 KiB × (max-clients + max-rooms) + 512 × history",
        "room    = 5 MiB + 72 × longest + 1 KiB × history",
        "all     = 64 MiB + max-clients × session + max-rooms × room",
    ] {
        assert!(guide.contains(&format!("\n{line}\n")), "{line}");
    }
    let usual = Config::default();
    let small = Config { max_clients: 200, max_rooms: 16, max_pending: 262_144, ..usual.clone() };
    let long = Config { max_frame: 1 << 24, history: 0, ..small.clone() };
    for config in [&usual, &small, &long] {
        let longest = config.max_line.max(config.max_packet).max(config.max_frame).max(65_535) as u64;
        let (clients, rooms, history) = (config.max_clients as u64, config.max_rooms as u64, config.history as u64);
        let pending = config.max_pending as u64;
        let session = (9 << 18) + 26 * longest + 4 * pending + 1024 * (clients + rooms) + 512 * history;
        let room = (5 << 20) + 72 * longest + 1024 * history;
        let all = (64 << 20) + clients * session + rooms * room;
        let budget = Budget::of(config);
        assert_eq!((budget.session, budget.room, budget.all), (session, room, all));
    }
    let told = |config: &Config| {
        let tenths = (Budget::of(config).all * 10) >> 30;
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    };
    assert!(guide.contains(&format!("That is {} by default", told(&usual))), "{}", told(&usual));
    let flags = "`--max-clients 200 --max-rooms 16 --max-pending 262144` it is";
    // Rounded up: a reader buys memory by it.
    assert!(guide.contains(&format!("{flags} 1.3 GiB")) && told(&small) == "1.2 GiB", "{}", told(&small));
}
