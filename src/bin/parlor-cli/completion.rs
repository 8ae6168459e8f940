//! The line editor's helper: Tab completes commands and names.

use std::borrow::Cow;
use std::sync::Arc;

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::link::Link;
use super::screen::Accepting;
use super::show::Paint;
use parlor::protocol::{COMMANDS, Verb};

/// Completes words, and tells the line editor that Enter ends a line.
pub(super) struct EditorHelper {
    pub link: Arc<Link>,
    pub accepting: Arc<Accepting>,
    pub paint: Paint,
}

impl Helper for EditorHelper {}

impl Hinter for EditorHelper {
    type Hint = String;
}

impl Validator for EditorHelper {
    /// Accepts every line at Enter.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.accepting.set(true);
        Ok(ValidationResult::Valid(None))
    }
}

impl Highlighter for EditorHelper {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        match prompt.strip_suffix("> ").and_then(|prompt| prompt.rsplit_once(' ')) {
            Some((room, name)) => Cow::Owned(format!("{} {}> ", self.paint.faint(room), self.paint.name(name))),
            None => Cow::Borrowed(prompt),
        }
    }
}

impl Completer for EditorHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(complete(line.get(..at).unwrap_or_default(), &self.link.names()))
    }
}

/// Completions of the last word of `typed`, and the place where that word begins. At the beginning of the
/// line and after `/help` they are commands, elsewhere names.
fn complete(typed: &str, names: &[String]) -> (usize, Vec<Pair>) {
    let start = typed
        .rfind(char::is_whitespace)
        .map_or(0, |blank| blank + typed.get(blank..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let (before, word) = typed.split_at(start);
    let lower = word.to_lowercase();
    let pair = |display: String, end: &str| Pair { replacement: format!("{display}{end}"), display };
    let is_help = |word: &str| word.eq_ignore_ascii_case(Verb::Help.spec().name);
    let slash = if start == 0 { "/" } else { "" };
    let candidates = if start == 0 && word.starts_with('/') || before.trim().strip_prefix('/').is_some_and(is_help) {
        let begins = lower.strip_prefix('/').unwrap_or(&lower);
        let fitting = COMMANDS.iter().filter(|spec| spec.name.starts_with(begins));
        fitting
            .map(|spec| {
                let end = if spec.args.is_empty() || start > 0 { "" } else { " " };
                pair(format!("{slash}{}", spec.name), end)
            })
            .collect()
    } else {
        let end = if start == 0 { ": " } else { " " };
        let fitting = names.iter().filter(|name| name.to_lowercase().starts_with(&lower));
        fitting.map(|name| pair(name.clone(), end)).collect()
    };
    (start, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_commands_and_names() {
        let names = ["mike", "Mia", "ann"].map(str::to_owned);
        let completions = |typed| {
            let (start, pairs) = complete(typed, &names);
            (start, pairs.into_iter().map(|pair| pair.replacement).collect::<Vec<_>>())
        };
        assert_eq!(completions("/no"), (0, vec![]));
        assert_eq!(completions("/ni"), (0, vec!["/nick ".to_owned()]));
        assert_eq!(completions("/PI"), (0, vec!["/ping".to_owned()]));
        assert_eq!(completions("/help upt"), (6, vec!["uptime".to_owned()]));
        assert_eq!(completions("mi"), (0, vec!["mike: ".to_owned(), "Mia: ".to_owned()]));
        assert_eq!(completions("/msg an"), (5, vec!["ann ".to_owned()]));
        assert_eq!(completions("ask\u{3000}AN"), (6, vec!["ann ".to_owned()]));
        assert_eq!(completions("hi ").1.len(), 3);
    }
}
