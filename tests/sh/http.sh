#!/usr/bin/env bash
# The HTTP door: the page, lines by POST, webhooks, streams, health and metrics, by curl.
#
# usage: tests/sh/http.sh [CASE...]        PARLOR=BINARY names the server under test
# shellcheck source=lib-http.sh
. "$(dirname "$0")/lib-http.sh"

the_page_is_one_request() {
  open_web
  ask 200 /
  equal "$(header content-type)" 'text/html; charset=utf-8'
  equal "$(header x-content-type-options)" nosniff
  equal "$(header referrer-policy)" no-referrer
  header content-security-policy | grep -Eq "default-src 'none';.* script-src 'sha256-[^']*'" || fail 'no policy by hash'
  equal "$(header set-cookie)" ''
  equal "$(header content-length)" "$(body | wc -c)"
  (($(body | wc -c) <= 40 * 1024)) || fail 'the page has more than 40 KiB'
  ! body | grep -Eq '(src|href) *= *["'\'']?(https?:)?//|@import|url\(' || fail 'the page loads something'

  # HEAD has the same head and no body.
  knock head 'HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n'
  has head $'HTTP/1.1 200 OK\r'
  has head "Content-Length: $(body | wc -c)"
  equal "$(sed '1,/^\r$/d' "$WORK/head")" '' 'body of a HEAD'
  # A browser that has this page is not sent it again.
  ask 304 / -H "If-None-Match: $(header etag)"
  close_server
}
run the_page_is_one_request

health_and_metrics_are_served() {
  open_web
  come ann
  ask 200 /healthz
  ask 200 /readyz
  say ann 'one line'
  hear ann ': one line'
  ask 200 /lobby -d 'another line'
  ask 200 /metrics
  header content-type | grep -q '^text/plain; version=0.0.4' || fail "the type is $(header content-type)"
  has answer.body '# TYPE parlor_sessions gauge'
  has_line answer.body 'parlor_sessions{door="text"} 1'
  has_line answer.body 'parlor_lines_total{door="text"} 1'
  has_line answer.body 'parlor_lines_total{door="http"} 1'
  matches "$WORK/answer.body" '^parlor_build_info\{version="[0-9.]+"\} 1$' || fail 'no version'
  # No label has a name, a room or an address.
  ! grep -v '^#' "$WORK/answer.body" | grep -E 'ann|lobby|127\.0\.0\.1' || fail 'a metric tells of somebody'
  close_server
}
run health_and_metrics_are_served

one_connection_serves_many_requests() {
  open_web
  # How many connections each of the requests made.
  equal "$(curl_web '/healthz' -o "$WORK/healthz" -w '%{num_connects} ' "http://127.0.0.1:$HTTP/" -o "$WORK/page" \
    "http://127.0.0.1:$HTTP/nothing/at/all" -o "$WORK/nothing" | xargs)" '1 0 0'
  # Several requests in one write are answered one after another.
  knock many 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhiGET /nothing/at/all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
  equal "$(grep -ao 'HTTP/1.1 [0-9]*' "$WORK/many" | xargs)" 'HTTP/1.1 200 HTTP/1.1 200 HTTP/1.1 404'
  # HTTP/1.0 and `Connection: close` end it. nc without -N does not end it itself.
  keyboard old
  start old "$NC" 127.0.0.1 "$HTTP"
  type_keys old 'GET /healthz HTTP/1.0\r\n\r\n'
  hear old 'HTTP/1.1 200 OK'
  closed_on old
  close_server
}
run one_connection_serves_many_requests

other_requests_are_told_in_a_line() {
  open_web
  local path
  for path in /nothing/at/all /lobby/xml /lobby/raw/; do
    ask 404 "$path"
    equal "$(body | wc -l)" 1 "lines of $(body)"
  done
  ask 405 /healthz -X DELETE
  equal "$(header allow)" 'GET, HEAD'
  equal "$(body | wc -l)" 1
  ask 405 /lobby
  equal "$(header allow)" POST
  ask 405 / -d 'text'
  ask 405 /lobby -X PUT -d 'text'
  close_server
}
run other_requests_are_told_in_a_line

lines_are_said_by_post() {
  open_web
  come ann
  # A line each, with the ends of lines of any system, and without an end.
  ask 200 /lobby --data-binary $'build 57 is up\r\nin 3 minutes\n\n\nLFs: \\n'
  equal "$(body)" 'said 3'
  hear ann ': LFs: \n'
  matches "$WORK/ann.out" '^\[(127\.0\.0\.1:[0-9]+)\]\1: build 57 is up$' || fail 'a nameless caller is not called its address'
  in_order ann.out ': build 57 is up' ': in 3 minutes' ': LFs: \n'
  # With a name, by either way; it is free again at once.
  ask 200 '/lobby?name=deploy' -d 'by name'
  hear ann ']deploy: by name'
  ask 200 /lobby -H 'X-Name: deploy' -d 'by header'
  hear ann ']deploy: by header'
  ask 200 '/LOBBY?name=caf%C3%A9' --data-binary $'\xc3\xbcber\tall'
  hear ann $']caf\xc3\xa9: \xc3\xbcber all'
  # Nothing that a terminal obeys, and no forged line.
  ask 200 '/lobby?name=eve' --data-binary $'\e[2Jhi\u0085there\x07'
  hear ann $']eve: \xe2\x90\x9b[2Jhi'
  has_not ann.out $'\e'
  # A visit is no visitor.
  say ann who
  hear ann 'user list:'
  say ann 'fence'
  hear ann ': fence'
  equal "$(count ann.out ': login')" 1 'logins seen'
  has_not ann.out 'login out'

  # Nothing is said of a post that cannot be said as a whole.
  say ann 'rename|ann'
  hear ann 'rename ok'
  ask 400 '/lobby?name=no%20name' -d 'said by no name'
  ask 400 '/lobby?name=server' -d 'said by the server'
  ask 400 '/lobby?name=ann' -d 'said by another ann'
  ask 404 /cellar -d 'said to nobody'
  ask 400 /lobby --data-binary $'\n\n'
  ask 400 /lobby -H 'Content-Type: application/json' -d '{"text":'
  ask 400 /lobby -H 'Content-Type: application/json' -d '[1]'
  ask 413 /lobby --data-binary "@$PARLOR"
  say ann 'fence of the refused'
  hear ann ': fence of the refused'
  has_not ann.out 'said by'
  close_server
}
run lines_are_said_by_post

a_flood_by_post_is_refused_whole() {
  open_web --rate 1 --burst 4
  come ann
  # More than may ever be said at once:
  ask 400 /lobby --data-binary $'a\nb\nc\nd\ne'
  has answer.body 4
  # Two requests of one connection: the second is over the limit, and none of it is said.
  local url=http://127.0.0.1:$HTTP/lobby
  equal "$(curl_web /lobby --data-binary $'first\nfirst\nfirst' -w '%{http_code} ' -o "$WORK/first" "$url" --next \
    --noproxy '*' -sS -m "$DEADLINE" -D "$WORK/answer.head" -w '%{http_code}' -o "$WORK/second" \
    --data-binary $'second\nsecond\nsecond\nsecond')" '200 429' 'statuses'
  [[ $(header retry-after) =~ ^[1-9][0-9]*$ ]] || fail "Retry-After is $(header retry-after)"
  has second 'nothing was said'
  say ann 'fence'
  hear ann ': fence'
  equal "$(count ann.out ': first') $(count ann.out ': second')" '3 0' 'lines heard'
  close_server
}
run a_flood_by_post_is_refused_whole

# webhook NAME LINE...: posts stdin as Slack would get it; the answer is what the programs of Grafana and
# Prometheus insist on, and ann hears each line from NAME.
webhook() {
  local name=$1 line
  ask 200 /lobby -H 'Content-Type: application/json' --data-binary @-
  equal "$(od -An -c "$WORK/answer.body" | xargs)" 'o k' 'the answer, which must be `ok` without a line feed'
  header content-type | grep -q '^text/plain' || fail "the type is $(header content-type)"
  shift
  for line; do hear ann "]$name: $line"; done
}

alertmanager_posts() {
  open_web
  come ann
  webhook Alertmanager '[FIRING:1] DiskFull (node7 page) | http://am.example/#/alerts?receiver=chat' <<'END'
{"channel":"#ops","username":"Alertmanager","attachments":[{"title":"[FIRING:1] DiskFull (node7 page)",
"title_link":"http://am.example/#/alerts?receiver=chat","text":"","fallback":
"[FIRING:1] DiskFull (node7 page) | http://am.example/#/alerts?receiver=chat","callback_id":"","footer":"",
"color":"danger","mrkdwn_in":["fallback","pretext","text"]}]}
END
  close_server
}
run alertmanager_posts

grafana_posts() {
  open_web
  come ann
  webhook Grafana '[RESOLVED] High latency (Checkout)' <<'END'
{"channel":"ops","username":"Grafana","attachments":[{"title":"[RESOLVED] High latency (Checkout)",
"title_link":"http://grafana.example/alerting/grafana/a1/view?orgId=1","text":"**Resolved**\n\nValue: B=12\nLabels:\n - alertname = High latency\n",
"fallback":"[RESOLVED] High latency (Checkout)","fields":[{"title":"a","value":"b","short":true}],"footer":"Grafana v12.0.1",
"footer_icon":"https://grafana.example/fav32.png","color":"#36a64f","ts":1795190108,"mrkdwn_in":["pretext"],"pretext":"<!here|here>"}]}
END
  close_server
}
run grafana_posts

# Its attachments have an empty fallback, and several lines in their text; where there are none, it says null.
gitea_posts() {
  open_web
  come ann
  webhook 'Gitea' '[ann/parlor (http://git.example/ann/parlor):main (http://git.example/ann/parlor/src/branch/main)] 2 new commits (http://git.example/ann/parlor/compare/a...b) pushed by ann' \
    '0c1fe58 (http://git.example/ann/parlor/commit/0c1fe58): Fix <b> & co - Ann' \
    '77af010 (http://git.example/ann/parlor/commit/77af010): Add a test - Ann' <<'END'
{"channel":"#dev","text":"[<http://git.example/ann/parlor|ann/parlor>:<http://git.example/ann/parlor/src/branch/main|main>] <http://git.example/ann/parlor/compare/a...b|2 new commits> pushed by ann",
"username":"Gitea","icon_url":"http://git.example/assets/img/favicon.png","unfurl_links":0,"link_names":0,"attachments":[{"fallback":"",
"color":"#0000ff","title":"http://git.example/ann/parlor","title_link":"http://git.example/ann/parlor",
"text":"<http://git.example/ann/parlor/commit/0c1fe58|0c1fe58>: Fix &lt;b&gt; &amp; co - Ann\n<http://git.example/ann/parlor/commit/77af010|77af010>: Add a test - Ann"}]}
END
  webhook 'my_forge' '[ann/parlor (http://git.example/ann/parlor)] branch old deleted by ann' <<'END'
{"channel":"#dev","text":"[<http://git.example/ann/parlor|ann/parlor>] branch old deleted by ann","username":"my forge!",
"icon_url":"","unfurl_links":0,"link_names":0,"attachments":null}
END
  close_server
}
run gitea_posts

# posts PATH TEXT: whether it is said.
posts() { [[ $(curl_web "$1" -d "$2" -o "$WORK/posted" -w '%{http_code}') == 200 ]]; }

# stream NAME PATH [OPTION...]: curl that goes on reading: NAME.out.
stream() {
  command -v curl >/dev/null || skip 'there is no curl'
  start "$1" env -u http_proxy -u all_proxy curl -q --noproxy '*' -sSN "${@:3}" "http://127.0.0.1:$HTTP$2"
}

streams_show_the_room() {
  open_web
  stream raw /lobby/raw
  stream json /lobby/json
  stream sse /lobby/sse -D "$WORK/answer.head"
  come ann
  local name
  for name in raw json sse; do within "$DEADLINE" streams "$name" || fail "nothing comes by $name"; done
  say ann 'rename|ann'
  say ann 'hi all'
  for name in raw json sse; do hear "$name" 'hi all'; done
  matches "$WORK/raw.out" '^\[127\.0\.0\.1:[0-9]+\]ann: hi all$' || fail 'the raw stream differs from the text door'
  matches "$WORK/json.out" '^\{"Act":"chat","Data":"hi all","From":"ann",.*\}$' || fail 'no object in a line'
  equal "$(header content-type)" text/event-stream
  equal "$(header cache-control)" no-store
  # A listener is nobody: not in the list, no login.
  say ann who
  say ann '/rooms'
  hear ann ':ann'
  equal "$(count ann.out ': login')" 1 'logins seen'
  # A stop ends them as the end of a file, which curl takes for success.
  close_server
  for name in raw json sse; do ended "$name"; done
}
streams() { [[ -s $WORK/$1.out ]] || { posts /lobby 'is somebody there?' && false; }; }
run streams_show_the_room

streams_resume_after_a_line() {
  open_web
  ask 200 /lobby --data-binary $'one\ntwo\nthree\nfour'
  equal "$(curl_web '/lobby/raw?after=2&poll=1' | sed -n 's/.*: //p' | xargs)" 'three four'
  equal "$(curl_web '/lobby/json?after=3&poll=1' | jq -r 'select(.Act == "chat").Data' | xargs)" four
  curl_web '/lobby/sse?poll=1' -H 'Last-Event-ID: 1' >"$WORK/resumed"
  equal "$(numbered resumed)" '2 two 3 three 4 four'
  # Lines that are said meanwhile come behind it, once.
  stream late '/lobby/sse?after=3'
  hear late '"Data":"four"'
  ask 200 /lobby -d five
  hear late '"Data":"five"'
  equal "$(numbered late.out)" '4 four 5 five'
  # A number that is none:
  ask 400 '/lobby/raw?after=soon'
  close_server
}
# numbered FILE: the lines that events have told, each after the id of its event.
numbered() { sed -n 's/^id: //p; s/^data: //p' "$WORK/$1" | jq -r 'if type == "number" then . elif .Act == "chat" then .Data else "end" end' | xargs | sed 's/ [0-9]* end//g'; }
run streams_resume_after_a_line

a_stream_keeps_its_room() {
  open_web
  ask 404 /cellar -d 'nobody is there'
  stream cellar /cellar/raw
  within "$DEADLINE" posts /cellar 'somebody listens' || fail 'a room with a listener is not found'
  hear cellar ': somebody listens'
  close_server
  ended cellar
}
run a_stream_keeps_its_room

# shook NAME [HEADER...]: a WebSocket by nc, with these headers besides.
SOCKET_HEADERS='Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
shake() {
  keyboard "$1"
  start "$1" "$NC" 127.0.0.1 "$HTTP"
  type_keys "$1" "GET /ws HTTP/1.1\r\nHost: localhost\r\n$SOCKET_HEADERS\r\n"
  hear "$1" 'HTTP/1.1 101 Switching Protocols'
}
# frame TEXT: a text message, whose mask of zeros leaves it readable.
frame() { printf '\\x81\\x%02x\\0\\0\\0\\0%s' $((0x80 + ${#1})) "$1"; }

a_socket_speaks_as_the_json_door() {
  open_web
  shake bob
  # The key and its answer are the example of RFC 6455, 1.3.
  has bob.out 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='
  type_keys bob "$(frame '{"Act":"nick","Data":"bob"}')$(frame '{"Act":"join","Data":"lobby"}')"
  hear bob '"Act":"join"'
  come ann
  hear ann 'with 1 other: bob'
  type_keys bob "$(frame '{"Act":"say","Data":"hi ann"}')"
  hear ann ']bob: hi ann'
  say ann 'hi bob'
  hear bob '{"Act":"chat","Data":"hi bob"'
  # A ping is answered, also between two fragments of a message.
  type_keys bob "$(printf '\\x01\\x8d\\0\\0\\0\\0{"Act":"say",\\x89\\x82\\0\\0\\0\\0hi\\x80\\x8d\\0\\0\\0\\0"Data":"two"}')"
  hear bob $'\x8a\x02hi'
  hear ann ']bob: two'
  # A stop is close code 1001: 03 e9.
  kill -TERM "$SERVER"
  hear bob $'\x88'
  within "$DEADLINE" closing bob || fail 'no close frame with 1001'
  type_keys bob '\x88\x82\0\0\0\0\x03\xe9'
  closed_on bob
  end_input ann
  ended server
  [[ $(grep -ac 'Act' "$WORK/bob.out") != 0 ]]
}
closing() { grep -aqP '\x88[\x02-\x7d]\x03\xe9' "$WORK/$1.out"; }
run a_socket_speaks_as_the_json_door

finish
