#!/usr/bin/env bash
# Programs at the JSON and the frame door, with nothing but nc and printf, on the default times.
#
# usage: tests/sh/programs.sh [CASE...]   PARLOR=BINARY names the server under test
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

# programs [FLAG...]: a server with a text, a JSON and a frame door; their ports are $TEXT $JSON $FRAME.
programs() {
  serve "$PARLOR" --listen text://127.0.0.1:0 --listen json://127.0.0.1:0 --listen frame://127.0.0.1:0 "$@"
  JSON=$(port_of json) FRAME=$(port_of frame)
}

# plug_in NAME PORT: a program with nc, which is greeted by nothing.
plug_in() {
  keyboard "$1"
  start "$1" "$NC" 127.0.0.1 "$2"
}

bytes_of() { od -An -v -tx1 "$WORK/$1" | tr -d ' \n'; }

# of_bytes NAME HEX...: what NAME has received is these bytes exactly, or so far.
of_bytes() {
  local name=$1 wanted
  shift
  wanted=$(printf '%s' "$@")
  within "$DEADLINE" has_bytes "$name" "$wanted" || fail "$name has $(bytes_of "$name.out"), not $wanted"
}
has_bytes() { [[ $(bytes_of "$1.out") == "$2" ]]; }

json_lines_by_nc() {
  programs --rate 0
  printf '%s\n' '{"Act":"hello","Data":"My name'\''s John!"}' '{"act":"say","data":"built","Ref":7}' \
    '{"Act":"nonsense"}' 'no json' '{"Act":"heartbeat"}' '{"Act":"ping","Ref":"p"}' | call "$JSON" >"$WORK/answers"
  equal "$(wc -l <"$WORK/answers")" 5 'answers'
  has_line answers '{"Act":"hello","Data":"Nice to meet you!"}'
  has_line answers '{"Act":"ping","Data":"pong","Ref":"p"}'
  if command -v jq >/dev/null; then
    equal "$(jq -r '[.Act, .Code // "-", .Ref // "-" | tostring] | join("/")' "$WORK/answers" | paste -sd' ')" \
      'hello/-/- chat/-/7 error/unknown/- error/usage/- ping/-/p'
  fi
  close_server
}
run json_lines_by_nc

# Recorded from gtcp's own clients: hello in every framing, and what each must be answered.
hello_in_every_framing() {
  programs --rate 0
  local hello='{"Act":"hello","Data":"My name'\''s John!"}' answer='{"Act":"hello","Data":"Nice to meet you!"}'
  local framing head wanted
  while read -r framing head wanted; do
    { printf '%b' "$head" && printf '%s' "$hello"; } | call "$JSON" >"$WORK/$framing"
    equal "$(bytes_of "$framing")" "$wanted$(printf '%s' "$answer" | od -An -v -tx1 | tr -d ' \n')" "$framing"
  done <<'TABLE'
gf1 \0050 2a
gf2 \0000\0050 002a
gf3 \0000\0000\0050 00002a
gf4 \0000\0000\0000\0050 0000002a
gf7 \0000\0000\0057\0000\0000\0014\0077 00003100000d39
TABLE
  close_server
}
run hello_in_every_framing

frames_by_printf() {
  programs --rate 0 --heartbeat 0
  # A client that takes any frame for its answer: ten times `test`, two empty ones, in order.
  for _ in {1..10}; do printf '\1\0\0\0\4\0\0\0test'; done >"$WORK/asked"
  printf '\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0' >>"$WORK/asked"
  call "$FRAME" <"$WORK/asked" >"$WORK/answered"
  cmp "$WORK/asked" "$WORK/answered" || fail 'the echo is another'
  printf '\11\0\0\0\0\0\0\0\0\0\0\0\377\377\377\377' | call "$FRAME" >"$WORK/errors"
  has errors 'router id: 9 error'
  has errors 'frame too large: 4294967295 bytes (max 65536)'
  close_server
}
run frames_by_printf

three_doors_one_room() {
  programs --rate 0 --heartbeat 0
  come_by_telnet ann
  plug_in gtcp "$JSON"
  plug_in tnet "$FRAME"
  say gtcp '{"Act":"join","Data":"lobby"}'
  hear gtcp '"Act":"join"'
  type_keys tnet '\144\0\0\0\12\0\0\0from tnet\n'
  hear ann ': from tnet'
  hear gtcp '"Data":"from tnet'
  type_keys ann 'from ann\r'
  hear gtcp '"Data":"from ann"'
  hear tnet '"Data":"from ann"'
  # A newline within a packet makes a line that shows who said it.
  say gtcp '{"Act":"say","Data":"one\n[1.2.3.4:5]eve: two"}'
  hear ann ': one'
  hear ann ': [1.2.3.4:5]eve: two'
  hear tnet '"Act":"chat"'
  close_server
}
run three_doors_one_room

# The times are the defaults: heartbeats at 5 s and 10 s, `doexit` at 10 s.
silent_programs_are_timed() {
  programs
  local from
  from=$(now_ms)
  plug_in device "$FRAME"
  plug_in stranger "$JSON"
  plug_in member "$JSON"
  say stranger '{"Act":"hello"}'
  say member '{"Act":"join","Data":"lobby"}'
  hear stranger 'Nice to meet you!'
  hear member '"Act":"join"'
  of_bytes device 0000000000000000
  (($(now_ms) - from >= 4900)) || fail "the first heartbeat came after $(($(now_ms) - from)) ms"
  of_bytes device 0000000000000000 0000000000000000
  (($(now_ms) - from >= 9900)) || fail "the second heartbeat came after $(($(now_ms) - from)) ms"
  hear stranger '{"Act":"doexit","Data":""}'
  # After it the connection is still served; and who has joined is not asked to leave.
  say stranger '{"Act":"ping"}'
  hear stranger '"Data":"pong"'
  say member '{"Act":"ping"}'
  hear member '"Data":"pong"'
  has_not member.out doexit
  close_server
}
run silent_programs_are_timed

# Programs of the older kind, on the default times. gtcp's, in each framing, says hello and is asked to
# leave after 10 s. tnet's asks twelve times in 12 s, and takes whatever frame comes next for the answer:
# two of them are the heartbeats of 5 s and 10 s, without data.
the_older_clients_run_for_twelve_seconds() {
  programs
  local hello='{"Act":"hello","Data":"My name'\''s John!"}' nice='{"Act":"hello","Data":"Nice to meet you!"}'
  local doexit='{"Act":"doexit","Data":""}' framing said answered asked wire count came from
  local -a framings=() answers=()
  local -A wanted=()
  came=$(now_ms)
  while read -r framing said answered asked; do
    framings+=("$framing")
    plug_in "$framing" "$JSON"
    type_keys "$framing" "$said"
    type_keys "$framing" "${hello//%/%%}"
    wanted[$framing]=$answered$(hex_of "$nice")
    of_bytes "$framing" "${wanted[$framing]}"
    wanted[$framing]+=$asked$(hex_of "$doexit")
  done <<'TABLE'
gf1 \050 2a 1a
gf2 \000\050 002a 001a
gf3 \000\000\050 00002a 00001a
gf4 \000\000\000\050 0000002a 0000001a
gf7 \000\000\057\000\000\014\077 00003100000d39 000021000007c7
TABLE
  from=$(now_ms)
  exec {wire}<>"/dev/tcp/127.0.0.1/$FRAME"
  for count in {0..11}; do
    within "$DEADLINE" it_is "$((from + count * 1090))" || fail 'the clock stands still'
    printf '\1\0\0\0\4\0\0\0test' >&"$wire"
    answers+=("$(next_frame "$wire")")
    for framing in "${framings[@]}"; do
      ! contains "$WORK/$framing.out" doexit || (($(now_ms) - came >= 9900)) || fail "$framing was asked to leave early"
    done
  done
  exec {wire}>&-
  equal "$(printf '%s\n' "${answers[@]}" | sort | uniq -c | tr -s ' ' | paste -sd,)" ' 2 0, 10 1 test' 'how often which frame came'
  for framing in "${framings[@]}"; do
    of_bytes "$framing" "${wanted[$framing]}"
    go "$framing" # as gtcp's client does, once it is asked to
  done
  close_server
  equal "$(count server.log ') closed: peer closed')" 5 'clients that left when they were asked to'
}
it_is() { (($(now_ms) >= $1)); }
hex_of() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
# next_frame DESCRIPTOR: takes one frame off a connection; prints its route, and its data.
next_frame() {
  local -a head
  read -ra head < <(timeout "$DEADLINE" dd bs=1 count=8 <&"$1" 2>/dev/null | od -An -v -tu1)
  ((${#head[@]} == 8)) || fail 'no frame came'
  local route=$((head[0] | head[1] << 8)) length=$((head[4] | head[5] << 8))
  echo "$route$( ((length == 0)) || timeout "$DEADLINE" dd bs=1 count="$length" <&"$1" 2>/dev/null | sed 's/^/ /')"
}
run the_older_clients_run_for_twelve_seconds

finish
