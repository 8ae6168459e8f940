//! The page of the HTTP door: one HTML file in the binary, and the headers that go with it.
//!
//! The file has one inline script and one inline style. The Content-Security-Policy names both by their SHA-256
//! hashes and allows nothing else, so text that got into the page as markup would neither run nor load anything.

use std::sync::LazyLock;

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

/// The answer to `GET /`.
#[derive(Debug)]
pub(crate) struct Page {
    /// The HTML, in UTF-8.
    pub(crate) body: &'static str,
    /// The value of `Content-Security-Policy`.
    pub(crate) content_security_policy: String,
    /// The value of `ETag`, with its quotation marks: it changes when the page does.
    pub(crate) etag: String,
}

/// The page. Its hashes are computed at the first call.
pub(crate) fn page() -> &'static Page {
    static PAGE: LazyLock<Page> = LazyLock::new(|| Page::of(include_str!("page.html")));
    &PAGE
}

impl Page {
    fn of(body: &'static str) -> Self {
        let hashed = |tag| hash(inside(body, tag));
        // `connect-src 'self'` covers the WebSocket to the same host and port. `data:` is the icon.
        let content_security_policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
            hashed("script"),
            hashed("style"),
        );
        let digest = HEXLOWER.encode(&Sha256::digest(body));
        Self { body, content_security_policy, etag: format!("\"{}\"", digest.get(..16).unwrap_or_default()) }
    }
}

/// The text of the only element of that name, as a browser hashes it: everything between the tags.
fn inside<'a>(html: &'a str, tag: &str) -> &'a str {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let text = html.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    text.map_or("", |(text, _)| text)
}

/// A hash as the policy writes it.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// The limit that the page was given: one packet burst or two on a slow line.
    const MAX_BYTES: usize = 40 * 1024;

    /// Loads something from elsewhere, takes text as markup or code, or is stopped by the policy.
    const FORBIDDEN: [(&str, &str); 4] = [
        (
            "markup from text",
            r"(?i)innerHTML|outerHTML|insertAdjacentHTML|ContextualFragment|DOMParser|HTMLUnsafe|srcdoc",
        ),
        (
            "code from text",
            r#"(?i)document\.write|\beval\b|\bFunction\(|\bimport\(|javascript:|set(Timeout|Interval)\(['"`]"#,
        ),
        (
            "an outside resource",
            r"(?i)(https?|wss?)://\w|\bsrc\s*=|(?-i:\burl\()|@import|<(base|iframe|object|embed|img)\b",
        ),
        ("an attribute that the policy stops", r"(?i)<[^<>]*\s(on[a-z]+|style)\s*="),
    ];

    /// Everything wrong with a page.
    fn faults(html: &str) -> Vec<String> {
        let mut found = Vec::new();
        if html.len() > MAX_BYTES {
            found.push(format!("{} bytes, {MAX_BYTES} at most", html.len()));
        }
        for tag in ["script", "style"] {
            let count = |part: String| html.matches(&part).count();
            let tags = (count(format!("<{tag}>")), count(format!("<{tag}")), count(format!("</{tag}>")));
            if tags != (1, 1, 1) || inside(html, tag).trim().is_empty() {
                found.push(format!("not exactly one <{tag}> without attributes"));
            }
        }
        if html.contains('\r') {
            found.push("CR: a browser makes it LF before it hashes".to_owned());
        }
        for (what, pattern) in FORBIDDEN {
            let pattern = Regex::new(pattern).expect("a pattern");
            found.extend(pattern.find(html).map(|hit| format!("{what}: {}", hit.as_str())));
        }
        found
    }

    #[test]
    fn page_is_small_and_loads_nothing() {
        assert_eq!(faults(page().body), [""; 0]);
    }

    #[test]
    fn faults_of_pages_are_found() {
        let good = "<style>p{color:red}</style><p>x</p><script>go();x.onclick=go</script>";
        assert_eq!(faults(good), [""; 0]);
        for (bad, count) in [
            (good.replace("<p>", "<p style='color:red'>"), 1),
            (good.replace("<p>", "<p id=a onclick='go()'>"), 1),
            (good.replace("<p>", "<img alt='' src=x>"), 1),
            (good.replace("go();", "x.innerHTML = text;"), 1),
            (good.replace("go();", "eval(text);"), 1),
            (good.replace("go();", "setTimeout('go()', 1);"), 1),
            (good.replace("go();", "fetch('https://example.org');"), 1),
            (good.replace("p{", "@import 'x';p{"), 1),
            (good.replace("</script>", "</script><script>more()</script>"), 1),
            (good.replace("<script>", "<script type=module>"), 1),
            (good.replace("</p>", "</p>\r\n"), 1),
            (good.replace("<p>", &"<p>".repeat(MAX_BYTES / 3)), 1),
        ] {
            assert_eq!(faults(&bad).len(), count, "{:.80}: {:?}", bad, faults(&bad));
        }
    }

    #[test]
    fn policy_names_script_and_style() {
        let page = Page::of("<style>p{}</style><script>\nalert(1);\n</script>");
        // By `printf … | openssl dgst -sha256 -binary | base64`.
        let policy = "default-src 'none'; script-src 'sha256-L+t9q3v5LeakHkwTJJlqwHiLsxVtqG4eOt8NDvhN6eg='; style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='; connect-src 'self'; ";
        assert!(page.content_security_policy.starts_with(policy), "{}", page.content_security_policy);
        assert!(page.content_security_policy.contains("frame-ancestors 'none'"));
        let other = Page::of("<style>p{}</style><script>\nalert(2);\n</script>");
        assert_ne!(page.content_security_policy, other.content_security_policy);
        assert_ne!(page.etag, other.etag);
        assert!(page.etag.starts_with('"') && page.etag.ends_with('"') && page.etag.len() == 18, "{}", page.etag);
    }
}
