//! A parser of Prometheus' text format, which takes nothing but what `promtool check metrics` takes.
//!
//! It checks the syntax, that each family stands in one place with HELP and TYPE before its samples, that no sample
//! comes twice, that histograms are cumulative, and the conventions for names.

use std::collections::BTreeMap;

/// The names and values of a sample's labels, in the order of the text.
type Labels = Vec<(String, String)>;

/// A family by its name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    /// Values by the sample's name and labels: `parlor_sessions{door="text"}`.
    pub(crate) samples: BTreeMap<String, f64>,
    /// The same in the order of the text: name, labels, value.
    in_order: Vec<(String, Labels, f64)>,
}

/// The families of a text, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let mut families = BTreeMap::<String, Family>::new();
    let (mut current, mut help) = (String::new(), None);
    let lines = text.strip_suffix('\n').ok_or("the last line has no end")?;
    for line in lines.split('\n') {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, words)) = rest.split_once(' ') else { return wrong("no help") };
            if help.replace(name.to_owned()).is_some() || words.trim().is_empty() {
                return wrong("HELP without its TYPE, or without words");
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { return wrong("no type") };
            if help.take().as_deref() != Some(name) {
                return wrong("TYPE without HELP before it");
            }
            if !is_name(name, true) || !["counter", "gauge", "histogram"].contains(&kind) {
                return wrong("name or type");
            }
            if name.ends_with("_total") != (kind == "counter") {
                return wrong("counters end in _total, and nothing else");
            }
            if families.insert(name.into(), Family { kind: kind.into(), ..Family::default() }).is_some() {
                return wrong("a family in two places");
            }
            current = name.into();
        } else {
            let Some((name, labels, value)) = sample(line) else { return wrong("no sample") };
            let Some(family) = families.get_mut(&current) else { return wrong("no TYPE before") };
            let suffix = name.strip_prefix(current.as_str());
            let fits = match family.kind.as_str() {
                "histogram" => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
                _ => suffix == Some(""),
            };
            if !fits {
                return wrong("a sample of another family");
            }
            if family.kind != "gauge" && value < 0.0 {
                return wrong("a negative count");
            }
            let key = line.rsplit_once(' ').map_or(line, |(key, _)| key);
            if family.samples.insert(key.into(), value).is_some() {
                return wrong("a sample twice");
            }
            family.in_order.push((name.into(), labels, value));
        }
    }
    for (name, family) in &families {
        if family.samples.is_empty() {
            return Err(format!("{name} has no sample"));
        }
        if family.kind == "histogram" {
            check_histogram(name, family)?;
        }
    }
    Ok(families)
}

fn is_name(name: &str, with_colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (with_colons && c == ':');
    name.chars().all(fits) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The name, the labels and the value of a sample.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inner.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !is_name(label, false) || label.starts_with("__") || labels.iter().any(|(known, _)| known == label) {
                return None;
            }
            labels.push((label.to_owned(), value));
            if let Some(end) = after.strip_prefix('}') {
                rest = end;
                break;
            }
            inner = after.strip_prefix(',')?;
        }
    }
    let value = rest.strip_prefix(' ')?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        // Rust takes more: `inf`, `infinity`.
        _ if value.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) => value.parse().ok()?,
        _ => return None,
    };
    is_name(name, true).then_some((name, labels, value))
}

/// A label value up to its quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let (mut bound, mut count) = (f64::NEG_INFINITY, 0.0);
    for (of, labels, value) in family.in_order.iter().filter(|(of, ..)| of.ends_with("_bucket")) {
        let le = match labels.as_slice() {
            [(label, le)] if label == "le" && le == "+Inf" => f64::INFINITY,
            [(label, le)] if label == "le" => le.parse().map_err(|_| format!("{of}: le={le}"))?,
            _ => return Err(format!("{of}: not one label le")),
        };
        if le <= bound || *value < count {
            return Err(format!("{name}: le={le} is not above {bound}, or {value} is below {count}"));
        }
        (bound, count) = (le, *value);
    }
    let all = family.samples.get(&format!("{name}_count"));
    if bound != f64::INFINITY || all != Some(&count) || !family.samples.contains_key(&format!("{name}_sum")) {
        return Err(format!("{name}: +Inf has {count}, the count is {all:?}, or the sum is missing"));
    }
    Ok(())
}

#[test]
fn parser_refuses_what_prometheus_refuses() {
    let head = "# HELP a_total Words.\n# TYPE a_total counter\n";
    let good = format!("{head}a_total{{of=\"x \\\"y\\\"\",to=\"z\"}} 1\na_total 2.5\n");
    assert_eq!(parse(&good).unwrap()["a_total"].samples["a_total"], 2.5);
    let histogram = |samples: &str| format!("# HELP h Words.\n# TYPE h histogram\n{samples}");
    parse(&histogram("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n")).unwrap();
    for wrong in [
        format!("{head}a_total 1"),
        "a_total 1\n".into(),
        "# TYPE a_total counter\na_total 1\n".into(),
        "# HELP a_total \n# TYPE a_total counter\na_total 1\n".into(),
        head.into(),
        format!("{head}b_total 1\n"),
        format!("{head}a_total 1\na_total 1\n"),
        format!("{head}a_total 1\n{head}a_total{{b=\"c\"}} 1\n"),
        format!("{head}a_total -1\n"),
        format!("{head}a_total one\n"),
        format!("{head}a_total inf\n"),
        format!("{head}a_total  1\n"),
        format!("{head}a_total{{b=\"c}} 1\n"),
        format!("{head}a_total{{b=\"\\c\"}} 1\n"),
        format!("{head}a_total{{1b=\"c\"}} 1\n"),
        format!("{head}a_total{{b=\"c\",b=\"d\"}} 1\n"),
        format!("{head}a_total{{b=\"c\";d=\"d\"}} 1\n"),
        "# HELP a Words.\n# TYPE a counter\na 1\n".into(),
        "# HELP a_total Words.\n# TYPE a_total gauge\na_total 1\n".into(),
        "# HELP a Words.\n# TYPE a sum\na 1\n".into(),
        "# HELP 1a Words.\n# TYPE 1a gauge\n1a 1\n".into(),
        histogram("h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"),
        histogram("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 3\n"),
        histogram("h_bucket{le=\"1\"} 1\nh_sum 3\nh_count 1\n"),
        histogram("h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"),
        histogram("h_bucket{le=\"+Inf\"} 2\nh_count 2\n"),
        histogram("h 2\n"),
    ] {
        assert!(parse(&wrong).is_err(), "{wrong}");
    }
}
