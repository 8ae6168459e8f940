#!/usr/bin/env bash
# The HTTP door: requests from other origins, and requests that are none. Each gets its status, and two
# people by nc talk on.
#
# usage: tests/sh/requests.sh [CASE...]    PARLOR=BINARY names the server under test
# shellcheck source=lib-http.sh
. "$(dirname "$0")/lib-http.sh"

# open_room [FLAG...]: a server where ann and bob are in.
open_room() {
  open_web "$@"
  come ann
  come bob
}
# nobody_was_hurt: ann and bob talk, and have heard nothing else of each other or of `secret`.
nobody_was_hurt() {
  say ann 'still here'
  hear bob ': still here'
  say bob 'so am I'
  hear ann ': so am I'
  has_not ann.out secret
  ask 200 /healthz
  close_server
  has_not server.log panic
}

# --- origins ---------------------------------------------------------------------------------

# socket STATUS HEADER...: the answer to a WebSocket with these headers. (curl would wait for the end of one.)
socket() {
  local status=$1 bytes='GET /ws HTTP/1.1\r\n' header
  shift
  for header; do bytes+="$header\r\n"; done
  knocks "$status" "${bytes}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

other_origins_are_refused() {
  open_room
  local own="http://127.0.0.1:$HTTP" origin
  # Programs send none; the page sends its own.
  ask 200 /lobby -d ok
  ask 200 /lobby -d ok -H "Origin: $own"
  ask 200 /lobby -d ok -H "Origin: $own" -H 'Sec-Fetch-Site: same-origin'
  socket 101 "Host: 127.0.0.1:$HTTP"
  socket 101 "Host: 127.0.0.1:$HTTP" "Origin: $own" 'Sec-Fetch-Site: same-origin'
  # Its own behind a proxy that speaks TLS.
  ask 200 /lobby -d ok -H "Origin: https://127.0.0.1:$HTTP"
  for origin in http://evil.example null "http://127.0.0.1:$TEXT" "https://127.0.0.1" "$own.evil.example" 'http://' ''; do
    [[ ! $origin ]] || ask 403 /lobby -d secret -H "Origin: $origin"
    socket 403 "Host: 127.0.0.1:$HTTP" "Origin: $origin"
  done
  ask 403 /lobby -d secret -H 'Sec-Fetch-Site: cross-site'
  equal "$(body | wc -l)" 1 'lines of the answer'
  socket 403 "Host: 127.0.0.1:$HTTP" 'Sec-Fetch-Site: cross-site'
  # A link to the page may stand anywhere.
  ask 200 / -H 'Sec-Fetch-Site: cross-site'
  nobody_was_hurt
}
run other_origins_are_refused

# DNS rebinding: a name of the attacker's leads to this machine.
a_loopback_door_has_loopback_names() {
  open_room --public-name chat.example --web-origin https://portal.example
  local host
  for host in localhost "localhost:$HTTP" 127.0.0.1 127.8.8.8:80 '[::1]' "[::1]:$HTTP" LOCALHOST chat.example CHAT.example:443; do
    ask 200 / -H "Host: $host"
    ask 200 /lobby -H "Host: $host" -d ok
  done
  for host in evil.example "evil.example:$HTTP" 127.0.0.1.evil.example localhost.evil.example 192.0.2.1 '[2001:db8::1]' 2130706433; do
    ask 403 / -H "Host: $host"
    ask 403 /lobby -H "Host: $host" -d secret
    ask 403 /lobby/json -H "Host: $host"
    socket 403 "Host: $host"
  done
  ask 200 /lobby -d ok -H 'Origin: https://portal.example'
  ask 403 /lobby -d secret -H 'Origin: http://portal.example'
  nobody_was_hurt
}
run a_loopback_door_has_loopback_names

# --- requests that are none ------------------------------------------------------------------

H='Host: localhost\r\n'
a_broken_head_has_its_status() {
  open_room
  knocks 400 "GET /healthz HTTP/1.1\n${H//\\r/}\n"
  knocks 400 "GET /healthz HTTP/1.1\r\n${H}X-Folded: one\r\n two\r\n\r\n"
  knocks 400 "GET /healthz HTTP/1.1\r\n${H}No colon here\r\n\r\n"
  knocks 400 "GET /healthz HTTP/1.1\r\n${H}Blank : before the colon\r\n\r\n"
  knocks 400 "GET /healthz HTTP/1.1\r\n\r\n"
  knocks 400 "GET /healthz HTTP/1.1\r\n${H}Host: other.example\r\n\r\n"
  knocks 400 "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n"
  knocks 400 'GET /healthz\r\n\r\n'
  knocks 400 'get healthz\r\n\r\n'
  knocks 400 '\r\n\000\001\002\r\n\r\n'
  knocks 505 "GET /healthz HTTP/3.7\r\n${H}\r\n"
  knocks 505 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  knocks 400 '\026\003\001\000\005\001\000\000\001\003'
  # 8 KiB are enough for everybody; a byte more is too much, in one line or in many.
  knocks 431 "GET /healthz HTTP/1.1\r\n${H}X: $(printf '%08192d' 0)\r\n\r\n"
  knocks 431 "GET /healthz HTTP/1.1\r\n${H}$(printf 'X-%d: y\\r\\n' {1..1000})\r\n"
  knocks 431 "GET /$(printf '%09000d' 0) HTTP/1.1\r\n${H}\r\n"
  # An end of input in the middle of a head has no answer, or that.
  knock cut "GET /healthz HTTP/1.1\r\nHost: loc"
  knock nothing ''
  equal "$(cat "$WORK/nothing")" ''
  nobody_was_hurt
}
run a_broken_head_has_its_status

a_path_leads_nowhere_else() {
  open_room
  # The form for a proxy names this server as well (RFC 9112, 3.2.2).
  knocks 200 "GET http://localhost/healthz HTTP/1.1\r\n${H}\r\n"
  knocks 403 "GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"
  local path
  for path in //evil.example/ /lobby/raw/ /lobby/; do knocks 404 "GET $path HTTP/1.1\r\n${H}\r\n"; done
  for path in /../../etc/passwd /lobby/../healthz /%%2e%%2e/%%2e%%2e/etc/passwd /./ /ws/..; do
    knocks 400 "GET $path HTTP/1.1\r\n${H}\r\n"
  done
  for path in /%00 /lobby%00/raw '/lobby?name=a%00b' /%zz /%; do
    knocks 400 "POST ${path//%/%%} HTTP/1.1\r\n${H}Content-Length: 6\r\n\r\nsecret"
  done
  for path in '/a b' "/$(printf '\\377')" '/\001' '*' 'healthz'; do
    knocks 400 "GET $path HTTP/1.1\r\n${H}\r\n"
  done
  nobody_was_hurt
}
run a_path_leads_nowhere_else

other_methods_are_refused() {
  open_room
  local method
  for method in PUT DELETE PATCH OPTIONS TRACE BREW; do knocks 405 "$method /lobby HTTP/1.1\r\n${H}\r\n"; done
  knocks 405 "CONNECT /lobby HTTP/1.1\r\n${H}\r\n"
  nobody_was_hurt
}
run other_methods_are_refused

a_body_has_one_length() {
  open_room
  local post="POST /lobby HTTP/1.1\r\n${H}" length
  knocks 400 "${post}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\nsecret"
  knocks 400 "${post}Content-Length: 6\r\nTransfer-Encoding: identity\r\n\r\nsecret"
  knocks 400 "${post}Content-Length: 6\r\nContent-Length: 7\r\n\r\nsecret"
  for length in -1 +6 0x6 6a 6,7 '' 1e3; do
    knocks 400 "${post}Content-Length: $length\r\n\r\nsecret"
  done
  for length in 65537 9223372036854775808 18446744073709551615 99999999999999999999999; do
    knocks 413 "${post}Content-Length: $length\r\n\r\nsecret"
  done
  # A length that is only known at the end, as curl has it for a pipe.
  knocks 501 "${post}Transfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n"
  knocks 400 "${post}\r\n"
  # A body that is cut off is not said.
  knock cut "${post}Content-Length: 60\r\n\r\nsecret"
  has_not cut 'said'
  # The most that is taken.
  knocks 200 "${post}Content-Length: 65536\r\nExpect: 100-continue\r\n\r\n$(printf '%04094d\\r\\n' {1..16})"
  nobody_was_hurt
}
run a_body_has_one_length

a_broken_handshake_has_its_status() {
  open_room
  local ws="GET /ws HTTP/1.1\r\n${H}" up='Connection: Upgrade\r\nUpgrade: websocket\r\n'
  local version='Sec-WebSocket-Version: 13\r\n' key='Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  knocks 426 "$ws\r\n"
  knocks 426 "$ws${up}Sec-WebSocket-Version: 8\r\n$key\r\n"
  grep -aiq '^Sec-WebSocket-Version: 13' "$WORK/knocked" || fail 'not told which version is spoken'
  knocks 400 "$ws$up$version\r\n"
  knocks 400 "$ws$up${version}Sec-WebSocket-Key: short\r\n\r\n"
  knocks 426 "${ws}Connection: Upgrade\r\nUpgrade: h2c\r\n$version$key\r\n"
  knocks 405 "POST /ws HTTP/1.1\r\n${H}$up$version${key}Content-Length: 0\r\n\r\n"
  nobody_was_hurt
}
run a_broken_handshake_has_its_status

# frames NAME CODE BYTES: a WebSocket that sends them is closed, with that code (four hex digits).
frames() {
  knock "$1" "GET /ws HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n$3"
  has "$1" '101 Switching'
  LC_ALL=C grep -aqP "\\x88[\\x02-\\x7d]\\x${2:0:2}\\x${2:2}" "$WORK/$1" || fail "$1: no close frame with 0x$2: $(tail -c 60 "$WORK/$1" | od -An -tx1)"
}

broken_frames_close_their_socket() {
  open_room
  frames unmasked 03ea '\x81\x06secret'
  frames reserved_bit 03ea '\xc1\x80\0\0\0\0'
  frames reserved_opcode 03ea '\x83\x80\0\0\0\0'
  frames reserved_control 03ea '\x8b\x80\0\0\0\0'
  frames long_ping 03ea '\x89\xfe\x00\x7e\0\0\0\0'
  frames fragmented_ping 03ea '\x09\x80\0\0\0\0'
  frames lone_continuation 03ea '\x80\x80\0\0\0\0'
  frames second_begin 03ea '\x01\x81\0\0\0\0a\x01\x81\0\0\0\0b'
  frames not_utf_8 03ef '\x81\x82\0\0\0\0\xc0\x80'
  frames huge 03f1 '\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0'
  frames negative 03f1 '\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0'
  frames too_large 03f1 '\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\0\0\0\0'
  frames goodbye 03e8 '\x88\x82\0\0\0\0\x03\xe8'
  frames short_close 03ea '\x88\x81\0\0\0\0\x03'
  frames odd_close 03ea '\x88\x82\0\0\0\0\x03\xed'
  nobody_was_hurt
}
run broken_frames_close_their_socket

# A head or a body that is not finished delays nobody else; each has 10 s, which the tests of the library show.
unfinished_requests_hold_up_nobody() {
  open_room
  local number
  for number in {1..20}; do
    keyboard "slow$number"
    start "slow$number" "$NC" 127.0.0.1 "$HTTP"
    type_keys "slow$number" 'POST /lobby HTTP/1.1\r\nContent-Length: 6\r\n'
  done
  ask 200 /lobby -d 'quick'
  hear ann ': quick'
  nobody_was_hurt
}
run unfinished_requests_hold_up_nobody

finish
