//! Slack's way of writing text (`mrkdwn`), as plain text.
//!
//! Slack writes links, people and rooms between `<` and `>`. `&`, `<` and `>` themselves are written `&amp;`, `&lt;` and
//! `&gt;`. Stars and other marks stay as they are.

use memchr::memchr3;

/// The text as people read it.
///
/// | Slack | plain |
/// |---|---|
/// | `<https://example.org\|words>` | `words (https://example.org)` |
/// | `<https://example.org>` | `https://example.org` |
/// | `<!here>`, `<@U123\|ann>`, `<#C123\|ops>`, `<!subteam^S1\|@ops>` | `@here`, `@ann`, `#ops`, `@ops` |
/// | `<!date^0^{date}\|noon>` | `noon` |
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        unescape(before, &mut plain);
        // A second `<` or a line end shows that this one was text: no byte is looked at twice.
        let end = memchr3(b'<', b'>', b'\n', behind.as_bytes()).unwrap_or(behind.len());
        let (inside, after) = behind.split_at_checked(end).unwrap_or((behind, ""));
        rest = match (after.strip_prefix('>'), special(inside)) {
            (Some(after), Some(words)) => {
                unescape(&words, &mut plain);
                after
            }
            _ => {
                plain.push('<');
                unescape(inside, &mut plain);
                after
            }
        };
    }
    unescape(rest, &mut plain);
    plain
}

/// The words for what stands between `<` and `>`; `None` if that is plain text.
fn special(inside: &str) -> Option<String> {
    let (target, words) = match inside.split_once('|') {
        Some((target, words)) => (target, Some(words).filter(|words| !words.is_empty())),
        None => (inside, None),
    };
    let named = |mark: char, id: &str| format!("{mark}{}", words.unwrap_or(id).trim_start_matches(mark));
    if let Some(id) = target.strip_prefix('@') {
        return Some(named('@', id));
    }
    if let Some(id) = target.strip_prefix('#') {
        return Some(named('#', id));
    }
    if let Some(command) = target.strip_prefix('!') {
        return Some(match command.split_once('^') {
            Some(("subteam", id)) => named('@', id),
            Some((_, rest)) => words.unwrap_or(rest).to_owned(),
            None => named('@', command),
        });
    }
    let (scheme, rest) = target.split_once(':')?;
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    Some(match words {
        Some(words) if words != target && words != rest && words != rest.trim_start_matches('/') => {
            format!("{words} ({target})")
        }
        Some(words) => words.to_owned(),
        None if scheme == "mailto" => rest.to_owned(),
        None => target.to_owned(),
    })
}

/// Appends a text whose `&amp;`, `&lt;` and `&gt;` become one character each.
fn unescape(text: &str, plain: &mut String) {
    const CODES: [(&str, char); 3] = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, code) = rest.split_at_checked(at).unwrap_or((rest, ""));
        plain.push_str(before);
        let known = CODES.iter().find_map(|(written, meant)| Some((code.strip_prefix(written)?, *meant)));
        let (behind, meant) = known.unwrap_or((code.get(1..).unwrap_or_default(), '&'));
        plain.push(meant);
        rest = behind;
    }
    plain.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_text_becomes_plain() {
        for (slack, wanted) in [
            ("", ""),
            ("plain & *bold*", "plain & *bold*"),
            ("<https://example.org|words>", "words (https://example.org)"),
            ("see <https://example.org/?a=1&amp;b=2>.", "see https://example.org/?a=1&b=2."),
            ("<https://example.org|a &lt; b>", "a < b (https://example.org)"),
            ("<https://example.org|>", "https://example.org"),
            ("<https://example.org|https://example.org>", "https://example.org"),
            ("<https://example.org|example.org>", "example.org"),
            ("<mailto:ann@example.org|ann@example.org>", "ann@example.org"),
            ("<mailto:ann@example.org>", "ann@example.org"),
            ("<mailto:ann@example.org|Ann>", "Ann (mailto:ann@example.org)"),
            ("<!here> <!channel|channel> <!everyone|@everyone>", "@here @channel @everyone"),
            ("<!subteam^S1> <!subteam^S1|@ops>", "@S1 @ops"),
            ("<!date^1392734382^{date_num}|18 February>", "18 February"),
            ("<@U024BE7LH> <@U024BE7LH|bob>", "@U024BE7LH @bob"),
            ("<#C024BE7LR|general> <#C024BE7LR>", "#general #C024BE7LR"),
            ("[<http://a/r|r>:<http://a/r/b|b>]", "[r (http://a/r):b (http://a/r/b)]"),
            // Text that is no link stays.
            ("1 < 2 > 0", "1 < 2 > 0"),
            ("<b>bold</b>", "<b>bold</b>"),
            ("a <", "a <"),
            ("<<https://a>", "<https://a"),
            ("<https://a\n>", "<https://a\n>"),
            ("<:smile:> <>", "<:smile:> <>"),
            // A code is decoded once.
            ("&amp;lt; &lt;b&gt; &nbsp; &", "&lt; <b> &nbsp; &"),
        ] {
            assert_eq!(plain(slack), wanted, "{slack}");
        }
    }

    /// With a search for the next `>` from each `<` this takes minutes.
    #[test]
    fn text_of_brackets_alone_stays() {
        for one in ["<", "<a:", "&", "<@", "<|"] {
            let text = one.repeat(65_536 / one.len());
            assert_eq!(plain(&text), text);
        }
    }
}
