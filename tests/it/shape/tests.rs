//! Each figure is measured on a source made for it: a measure that cannot miss its goal measures nothing.

use std::collections::BTreeSet;

use super::imports::{Modules, circles};
use super::source::{Source, tokens};
use super::structs::structs;
use super::words::{asks_for_the_wire, doubled_helpers, doubled_records, old_manner, own_strings_compared};

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source::new(path, text)).collect()
}

/// The imports, as `from to`.
fn imports(files: &[(&str, &str)]) -> BTreeSet<String> {
    let imports = Modules::of(&sources(files)).imports();
    let short = |path: &str| path.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    imports.iter().map(|import| format!("{} {}", short(&import.from), short(&import.to))).collect()
}

#[test]
fn tokens_skip_comments_and_keep_literals() {
    for (source, wanted) in [
        ("a /* b /* c */ d */ e // f", vec!["a", "e"]),
        (r##"r#"a " b"# "c\"d" b"e" 'f' '\'' 'g "##, vec!["a \" b", "c\\\"d", "e", "'f'", "'\\''", "'g"]),
        ("a::b => c != d", vec!["a", "::", "b", "=>", "c", "!=", "d"]),
        ("\"häß\" /*/ a */ b", vec!["häß", "b"]),
    ] {
        let got: Vec<String> = tokens(source).into_iter().map(|token| token.text).collect();
        assert_eq!(got, wanted, "{source}");
    }
}

#[test]
fn import_is_followed_to_its_definition() {
    let files = [
        ("src/lib.rs", "pub mod a; pub mod b; pub use a::Thing;"),
        ("src/a/mod.rs", "mod inner; pub use inner::{Thing, Other as Renamed};"),
        ("src/a/inner.rs", "pub struct Thing; pub struct Other;"),
        ("src/b.rs", "use crate::a::Thing; fn f() { super::a::Renamed; }"),
        ("src/main.rs", "use parlor::Thing;"),
    ];
    assert_eq!(imports(&files), ["b a/inner", "main a/inner"].map(str::to_owned).into());
}

#[test]
fn import_in_tests_or_comments_is_none() {
    let files = [
        ("src/a.rs", "// use crate::b;\n#[cfg(test)] mod tests { use crate::b::B; }\nconst A: &str = \"crate::b::B\";"),
        ("src/c.rs", "pub(in crate::a) const C: u8 = 1;"),
        ("src/b.rs", "use crate::a::A; mod inline { pub fn f() { super::g(); } } fn g() {}"),
    ];
    assert_eq!(imports(&files), ["b a".to_owned()].into());
}

#[test]
fn circles_of_any_length_are_found() {
    let files = [
        ("src/a/mod.rs", "pub mod one; pub mod two; pub use one::One; fn f() { One::new(); }"),
        ("src/a/one.rs", "use super::two::Two; pub struct One;"),
        ("src/a/two.rs", "use super::three; pub struct Two;"),
        ("src/a/three.rs", "fn f() { crate::a::one::One::new() }"),
        ("src/b.rs", "use crate::a::One;"),
    ];
    let found = circles(&Modules::of(&sources(&files)).imports());
    assert_eq!(found, [["src/a/one.rs", "src/a/three.rs", "src/a/two.rs"]]);
}

#[test]
fn struct_size_counts_own_fields_and_methods() {
    let source = "
        pub struct State<'a> { #[x(a: b)] a: HashMap<u8, fn(b: u8)>, pub b: (u8, u8), c: &'a [u8; 3], }
        impl<'a> State<'a> { fn new() -> Self { fn inner() {} } fn change(&'a mut self, a: u8) {} const A: u8 = 1; }
        impl Drop for State<'_> { fn drop(&mut self) {} }
        struct Plain { a: u8 } impl Plain { fn get(&self) {} }
        struct Unit; struct Pair(u8, u8); impl Pair { fn set(&mut self) {} }
        fn f() -> impl Iterator<Item = u8> { }";
    let got: Vec<_> =
        structs(&sources(&[("src/a.rs", source)])).into_iter().map(|s| (s.name, s.fields, s.methods)).collect();
    assert_eq!(got, [("State".to_owned(), 3, 2), ("Pair".to_owned(), 2, 1)]);
}

#[test]
fn question_for_wire_differs_from_value() {
    for (source, count) in [
        ("if wire == Wire::Text {}", 1),
        ("if Wire::Json(None) != wire {}", 1),
        ("match wire { Wire::Text => 1, Wire::Relay | Wire::Frame => 2, _ => 3 }", 1),
        ("match (wire, a) { (Wire::Text, true) => 1, _ => 2 }", 1),
        ("if matches!(wire, Wire::Json(_)) || matches!(wire, Wire::Frame) {}", 2),
        ("if let Wire::Json(framing) = wire {}", 1),
        ("f(Wire::Text); let a = Wire::Json(None); [(Wire::Frame, 1)]; Wire::parse(a)", 0),
    ] {
        // Each on a line of its own: a line counts once.
        let source = source.replace("||", "\n||");
        let found = asks_for_the_wire(&Source::new("src/a.rs", &source));
        assert_eq!(found.len(), count, "{source}: {found:?}");
    }
}

#[test]
fn doubles_and_old_comments_are_found() {
    let helper = "fn a(text: &str) -> Vec<u8> { text.as_bytes().iter().map(|byte| byte + 1).collect() }";
    let record = r#"const A: &str = "{\"Act\":\"hello\",\"Data\":\"me\"}";"#;
    let raw = r##"const B: &[u8] = br#"{"Act":"hello","Data":"me"}"#;"##;
    let tests = sources(&[("tests/a.rs", &format!("{helper}{record}")), ("tests/b.rs", &format!("{helper}{raw}"))]);
    assert_eq!(doubled_helpers(&tests).len(), 1);
    assert_eq!(doubled_records(&tests).len(), 1);
    assert_eq!(doubled_helpers(&tests[..1]).len() + doubled_records(&tests[..1]).len(), 0);

    let compared = sources(&[("src/a.rs", r#"fn f() { g("own"); if a == "own" || a == "other" {} }"#)]);
    assert_eq!(own_strings_compared(&compared).len(), 1);

    let old = "/// Who comes.\n//! What is.\n// So long as\n// Whole\n    // Whoever\nlet a = 1; // Who\n";
    assert_eq!(old_manner("a.rs", old).len(), 4);
    assert_eq!(old_manner("a.sh", "#!/bin/sh\n# Who\n#Whatever\n").len(), 1);
}
