//! The lines that a POST says: text, and what programs send to Slack.

use parlor::wire::web::{MAX_BODY, Post, PostAnswer, Route, route};

use super::super::limits;
use super::asked;

/// The longest line, in bytes.
const LIMIT: usize = 200;
const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn post(line: &str, headers: &[&str], body: &str) -> Result<Post, (u16, String)> {
    match route(&asked(line, headers, body), limits(LIMIT)) {
        Ok(Route::Say(post)) => Ok(post),
        Ok(other) => panic!("{line}: {other:?}"),
        Err(response) => Err((response.status().code(), String::from_utf8_lossy(response.body()).into_owned())),
    }
}

/// The name and the lines of a post that is said.
#[track_caller]
fn said(line: &str, headers: &[&str], body: &str) -> (Option<String>, Vec<String>) {
    let post = post(line, headers, body).unwrap_or_else(|refused| panic!("{body}: {refused:?}"));
    let lines = post.lines.iter().map(|line| line.as_str().to_owned()).collect();
    (post.name.map(|name| name.as_str().to_owned()), lines)
}

#[test]
fn text_is_said_line_by_line() {
    for (body, wanted) in [
        ("hi", &["hi"][..]),
        ("hi\n", &["hi"]),
        ("one\r\ntwo\n\n \n\u{200b}\nthree\n", &["one", "two", "three"]),
        ("  indented\ttext ", &["  indented text "]),
        ("/quit\nwho\nrename|x", &["/quit", "who", "rename|x"]),
        ("\u{1b}[2J\u{202e}x\u{0}", &["\u{241b}[2Jx"]),
        ("{\"text\":\"a\"}", &["{\"text\":\"a\"}"]),
    ] {
        let types = ["X: y", "Content-Type: text/plain", "Content-Type: TEXT/markdown; charset=x", FORM];
        for content_type in types.into_iter().chain(["Content-Type: application/octet-stream"]) {
            assert_eq!(
                said("POST /lobby", &[content_type], body),
                (None, wanted.iter().map(ToString::to_string).collect())
            );
        }
    }
    let mut request = asked("POST /lobby", &[], "");
    request.body = b"caf\xe9\n\xff".to_vec();
    let Ok(Route::Say(post)) = route(&request, limits(LIMIT)) else { panic!("not said") };
    assert_eq!(post.lines.iter().map(|line| line.as_str()).collect::<Vec<_>>(), ["caf\u{fffd}", "\u{fffd}"]);
    assert_eq!(post.answer, PostAnswer::Count);
}

#[test]
fn name_is_of_the_url_or_header() {
    let name = |line: &str, headers: &[&str]| said(line, headers, "hi").0;
    assert_eq!(name("POST /lobby?name=ann", &[]).as_deref(), Some("ann"));
    assert_eq!(name("POST /lobby", &["X-Name: J\u{f6}rg"]).as_deref(), Some("J\u{f6}rg"));
    assert_eq!(name("POST /lobby?name=ann", &["X-Name: bob"]).as_deref(), Some("ann"));
    let named = said("POST /lobby?name=ann", &[JSON], r#"{"text":"hi","username":"bob"}"#);
    assert_eq!(named.0.as_deref(), Some("ann"));
}

#[test]
fn post_wrong_is_refused_with_reason() {
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    let deep = format!("{{\"text\":\"hi\",\"blocks\":{deep}}}");
    for (line, header, body, status, words) in [
        ("POST /lobby", "X: y", "", 400, "nothing to say; send the lines"),
        ("POST /lobby", "X: y", "\n \r\n\u{200b}\n", 400, "nothing to say; send the lines"),
        ("POST /lobby?name=a%20b", "X: y", "hi", 400, "try a_b"),
        ("POST /lobby?name=", "X: y", "hi", 400, "Names have 1 to 24"),
        ("POST /lobby?name=server", "X: y", "hi", 400, "server is reserved"),
        ("POST /lobby", "X-Name: 127.0.0.1", "hi", 400, "looks like an address"),
        ("POST /lobby?name=a%20b", JSON, "{\"text\":\"hi\"}", 400, "try a_b"),
        ("POST /lobby", "Content-Type: image/png", "hi", 415, "image/png"),
        ("POST /lobby", "Content-Type: multipart/form-data; boundary=x", "hi", 415, "text/plain"),
        ("POST /lobby", "Content-Type: text", "hi", 415, "type text is"),
        ("POST /lobby", "Content-Encoding: gzip", "hi", 415, "encoding gzip is not said"),
        ("POST /lobby", JSON, "", 400, "as Slack takes it: EOF"),
        ("POST /lobby", JSON, "hi", 400, "as Slack takes it: expected"),
        ("POST /lobby", JSON, "[]", 400, "expected an object with text"),
        ("POST /lobby", JSON, "{\"text\":7}", 400, "text must be a string, not 7"),
        ("POST /lobby", JSON, "{\"text\":\"a\"", 400, "EOF"),
        ("POST /lobby", JSON, "{\"text\":\"a\"} x", 400, "trailing"),
        ("POST /lobby", JSON, "{\"text\":\"a\",\"attachments\":{}}", 400, "expected attachments as a list"),
        ("POST /lobby", JSON, "{\"attachments\":[{},7]}", 400, "expected an object as an attachment"),
        ("POST /lobby", JSON, "{\"attachments\":[{\"title\":[]},{}]}", 400, "title must be a string, not []"),
        ("POST /lobby", JSON, "{}", 400, "{\"text\":\"…\"}"),
        ("POST /lobby", JSON, "{\"text\":null,\"attachments\":null}", 400, "nothing to say"),
        ("POST /lobby", FORM, "payload={x", 400, "as Slack takes it"),
        ("POST /lobby", FORM, "payload=%7B%22text%22%3A%22%22%7D", 400, "nothing to say"),
    ] {
        let (got, text) = post(line, &[header], body).expect_err(body);
        assert!(
            got == status && text.contains(words) && text.lines().count() == 1,
            "{line} {header} {body}: {got} {text}"
        );
    }
    assert_eq!(said("POST /lobby", &[FORM], "payload=5 kg").1, ["payload=5 kg"]);
    assert_eq!(said("POST /lobby", &["Content-Encoding: identity"], "hi").1, ["hi"]);
    // Keys that are not read may hold values of any depth.
    assert_eq!(said("POST /lobby", &[JSON], &deep).1, ["hi"]);
}

/// The sender of text reads the refusal. A program does not, so its lines are cut.
#[test]
fn line_too_long_is_refused_or_cut() {
    let line = |length: usize| "x".repeat(length);
    assert_eq!(said("POST /lobby", &[], &line(LIMIT)).1, [line(LIMIT)]);
    let (status, text) = post("POST /lobby", &[], &format!("a\n{}\nb", line(LIMIT + 1))).unwrap_err();
    assert!(status == 400 && text.contains("201 bytes, the limit is 200. Nothing was sent"), "{text}");
    let of = |text: &str| said("POST /lobby", &[JSON], &format!("{{\"text\":\"a\\n{text}\\nb\"}}")).1;
    assert_eq!(of(&line(LIMIT)), ["a".to_owned(), line(LIMIT), "b".to_owned()]);
    assert_eq!(of(&line(LIMIT + 1)), ["a".to_owned(), line(LIMIT - 3) + "…", "b".to_owned()]);
    assert_eq!(of(&"\u{20ac}".repeat(70)), ["a".to_owned(), "\u{20ac}".repeat(65) + "…", "b".to_owned()]);
}

#[test]
fn body_of_most_lines_is_said() {
    let lines = said("POST /lobby", &[], &"a\n".repeat(MAX_BODY / 2)).1;
    assert_eq!(lines.len(), MAX_BODY / 2);
    let attachments = format!("{{\"attachments\":[{}{{}}]}}", "{\"text\":\"a\"},".repeat(4000));
    assert_eq!(said("POST /lobby", &[JSON], &attachments).1.len(), 4000);
}

#[test]
fn username_that_is_no_name_is_mended() {
    for (username, name) in [
        ("Grafana", Some("Grafana")),
        ("CI bot", Some("CI_bot")),
        (":robot_face: Deploy!", Some("robot_face_Deploy")),
        ("Prometheus Alertmanager (production)", Some("Prometheus_Alertmanager_")),
        ("", None),
        ("???", None),
        ("system", None),
        ("10.0.0.1", None),
        ("m\u{456}ke", None),
    ] {
        let body = format!("{{\"username\":{username:?},\"text\":\"hi\"}}").replace("\\u{456}", "\u{456}");
        assert_eq!(said("POST /lobby", &[JSON], &body).0.as_deref(), name, "{username}");
    }
    assert_eq!(said("POST /lobby", &[JSON], r#"{"username":null,"text":"hi"}"#).0, None);
}

/// Each row: an object as Slack takes it, and the lines that it says.
#[test]
fn slack_object_is_said_as_text() {
    for (object, wanted) in [
        (
            r#"{"text":"Hello, <https://example.org|world> &amp; all"}"#,
            &["Hello, world (https://example.org) & all"][..],
        ),
        (r#"{"text":"one\ntwo\r\n\nthree"}"#, &["one", "two", "three"]),
        (r##" {"channel":"#x","icon_emoji":":ghost:","blocks":[{"type":"divider"}],"text":"a"} "##, &["a"]),
        (
            r#"{"attachments":[{"fallback":"one"},{"fallback":"two","text":"no","title":"no"}],"text":"zero"}"#,
            &["zero", "one", "two"],
        ),
        (r#"{"attachments":[{"title":"t","title_link":"https://a/","text":"b\nc"}]}"#, &["t (https://a/)", "b", "c"]),
        (r#"{"attachments":[{"fallback":" ","title":"t","text":null}]}"#, &["t"]),
        (r#"{"attachments":[{"title_link":"https://a/","text":"<!here> b"}]}"#, &["https://a/", "@here b"]),
        (r#"{"attachments":[{"title":"https://a/","title_link":"https://a/"}]}"#, &["https://a/"]),
        ("\u{feff}{\"text\":\"\\ud83d\\ude00 \\ud83d\"}", &["\u{1f600} \u{fffd}"]),
        (r#"{"text":"\u001b[2J\u202ex"}"#, &["\u{241b}[2Jx"]),
        (r#"{"text":"a","text":"b"}"#, &["b"]),
    ] {
        let (_, lines) = said("POST /lobby", &[JSON], object);
        assert_eq!(lines, wanted, "{object}");
        let typed = said("POST /lobby", &["Content-Type: application/json; charset=utf-8"], object);
        assert_eq!(typed.1, wanted);
    }
    assert_eq!(post("POST /lobby", &[JSON], r#"{"text":"a"}"#).unwrap().answer, PostAnswer::Ok);
}

/// Slack's old form: the object as the parameter `payload`, percent-coded or not.
#[test]
fn form_with_payload_is_an_object() {
    for (body, wanted) in [
        ("payload=%7B%22text%22%3A+%22hi+there+50%25%22%7D", "hi there 50%"),
        ("payload=%7B%22text%22%3A%22hi%20there%2050%25%22%7D&token=x", "hi there 50%"),
        ("payload={\"text\":\"hi+there\"}", "hi there"),
        ("payload={\"text\":\"1+1, 50%\"}", "1+1, 50%"), // not percent-coded at all
    ] {
        assert_eq!(said("POST /lobby", &[FORM], body).1, [wanted]);
        assert_eq!(post("POST /lobby", &[FORM], body).unwrap().answer, PostAnswer::Ok);
    }
    assert_eq!(said("POST /lobby", &[FORM], "a=b&payload={}").1, ["a=b&payload={}"], "curl -d of a text");
}

/// As Alertmanager's `slack_configs` sends it with the default templates. It takes any answer but `ok` for an error.
#[test]
fn alertmanager_body_is_said() {
    let body = r##"{"channel":"#alerts","username":"Alertmanager","attachments":[{
        "title":"[FIRING:1] InstanceDown (node-1:9100 node critical)",
        "title_link":"http://alertmanager:9093/#/alerts?receiver=team-X",
        "pretext":"","text":"",
        "fallback":"[FIRING:1] InstanceDown (node-1:9100 node critical) | http://alertmanager:9093/#/alerts?receiver=team-X",
        "callback_id":"","footer":"","color":"danger","mrkdwn_in":["fallback","pretext","text"]}]}
"##;
    let wanted =
        "[FIRING:1] InstanceDown (node-1:9100 node critical) | http://alertmanager:9093/#/alerts?receiver=team-X";
    let (name, lines) = said("POST /alerts", &[JSON], body);
    assert_eq!((name.as_deref(), lines.as_slice()), (Some("Alertmanager"), &[wanted.to_owned()][..]));
    let answer = post("POST /alerts", &[JSON], body).unwrap().answer.response(1);
    assert_eq!((answer.status().code(), answer.body()), (200, &b"ok"[..]));
}

/// As a Slack contact point of Grafana sends it.
#[test]
fn grafana_body_is_said() {
    let body = r#"{"channel":"","username":"Grafana","attachments":[{
        "title":"[FIRING:1] High load &amp; heat (host-1)","title_link":"http://grafana:3000/alerting/grafana/abc/view",
        "text":"**Firing**\n\nValue: A=97\nLabels:\n - alertname = High load\n","fallback":"[FIRING:1] High load (host-1)",
        "footer":"Grafana v11.2.0","footer_icon":"https://grafana.com/static/assets/img/fav32.png","color":"D63232",
        "ts":1764500000,"mrkdwn_in":["pretext"],"pretext":"<!here|here> <@U1>"}]}"#;
    let (name, lines) = said("POST /alerts", &["Content-Type: application/json; charset=utf-8"], body);
    assert_eq!((name.as_deref(), lines), (Some("Grafana"), vec!["[FIRING:1] High load (host-1)".to_owned()]));
}

/// As a Slack webhook of Gitea sends a push and a comment.
#[test]
fn gitea_body_is_said() {
    let push = r#"{"channel":"dev","text":"[<http://git/u/repo|u/repo>:<http://git/u/repo/src/branch/main|main>] <http://git/c|2 new commits> pushed by ann",
        "username":"Gitea","icon_url":"","unfurl_links":0,"link_names":0,"attachments":[{"fallback":"","color":"","title":"http://git/u/repo",
        "title_link":"http://git/u/repo","text":"<http://git/u/repo/commit/2020558|2020558>: fix a &lt; b - ann\n<http://git/u/repo/commit/1b33dd0|1b33dd0>: commit - bob"}]}"#;
    assert_eq!(
        said("POST /dev", &[JSON], &push.replace("http://git/u/repo/src/branch/main", "http://git/b")).1,
        [
            "[u/repo (http://git/u/repo):main (http://git/b)] 2 new commits (http://git/c) pushed by ann",
            "http://git/u/repo",
            "2020558 (http://git/u/repo/commit/2020558): fix a < b - ann",
            "1b33dd0 (http://git/u/repo/commit/1b33dd0): commit - bob",
        ]
    );
    let comment = r##"{"channel":"dev","text":"[<http://git/r|r>] New comment on issue <http://git/r/2|#2 crash> by <http://git/ann|ann>",
        "username":"Gitea","icon_url":"","unfurl_links":0,"link_names":0,"attachments":[{"fallback":"","color":"ffd600",
        "title":"#2 crash","title_link":"http://git/r/2#c","text":"more info\n\nneeded"}]}"##;
    assert_eq!(
        said("POST /dev", &[JSON], comment).1,
        [
            "[r (http://git/r)] New comment on issue #2 crash (http://git/r/2) by ann (http://git/ann)",
            "#2 crash (http://git/r/2#c)",
            "more info",
            "needed",
        ]
    );
}
