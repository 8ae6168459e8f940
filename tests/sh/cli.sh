#!/usr/bin/env bash
# parlor-cli from scripts, by every wire, with its exit codes.
#
# usage: tests/sh/cli.sh [CASE...]   PARLOR=BINARY names the server, PARLOR_CLI=BINARY the client under
#                                    test (parlor-cli beside the server)
# shellcheck source=lib-client.sh
. "$(dirname "$0")/lib-client.sh"

# Every way to speak that the client has.
WIRES=(text json json+gf1 json+gf3 json+gf4 json+gf7 json+lines frame)

scripts_talk_at_every_door() {
  every_door
  come ann
  say ann 'rename|ann'
  hear ann 'rename ok'
  local wire
  for wire in text json frame; do
    start listener "$CLI" "$(door "$wire")" --wire "$wire" -n "ear_$wire" tail
    start waiter "$CLI" "$(door "$wire")" --wire "$wire" -n "dog_$wire" expect '^bob: (yes|no)$' --timeout 1m
    within "$DEADLINE" here "$wire" "ear_$wire" "dog_$wire" || fail "who does not list ear_$wire and dog_$wire"
    does who 0 "$(door "$wire")" --wire "$wire" who
    has_line who.out ann

    does send 0 "$(door "$wire")" --wire "$wire" send -n bob "hello by" "$wire"
    hear ann "bob: hello by $wire"
    does send 0 "$(door "$wire")" --wire "$wire" send -n bob /who
    hear ann 'bob: /who'
    does send 0 "$(door "$wire")" --wire "$wire" send -n bob yes
    ended waiter
    equal "$(cat "$WORK/waiter.out")" 'bob: yes' 'what expect printed'
    say ann '/me nods'
    wait_for "$WORK/listener.out" '* ann nods'
    equal "$(cat "$WORK/listener.out")" "bob: hello by $wire"$'\nbob: /who\nbob: yes\n* ann nods' 'what tail printed'
    kill -TERM "${pid_of[listener]}"
    ended listener 143
    # Gone, and with it the name.
    within "$DEADLINE" nobody_else_is_here || fail 'somebody has stayed'
  done
  stop_server
}

nobody_else_is_here() { [[ $("$CLI" "127.0.0.1:$TEXT" who) == ann ]]; }
run scripts_talk_at_every_door

exit_codes_tell_what_happened() {
  every_door
  come ann
  say ann 'rename|ann'
  hear ann 'rename ok'
  local wire
  for wire in text json frame; do
    local at=("$(door "$wire")" --wire "$wire")
    does taken 1 "${at[@]}" send -n ann 'not me'
    has taken.log 'parlor-cli: ann is taken. Free: ann2, ann_, ann7'
    does in_vain 1 "${at[@]}" expect 'nobody says this' --timeout 1s
    has in_vain.log 'nothing matched'
    does blank 1 "${at[@]}" send ' '
    does wrong 2 "${at[@]}" send -n 'a b' hi
    has wrong.log 'try a_b'
    does wrong 2 "${at[@]}" expect '('
    does wrong 2 "${at[@]}" send
  done
  does long 1 "127.0.0.1:$TEXT" send "$(printf '%05000d' 0)"
  has long.log 'Line too long: 5000 bytes'
  for wire in "${WIRES[@]}"; do
    does long 1 "$(door "$wire")" --wire "$wire" send "$(printf '%065537d' 0)"
    has long.log 'Line too long: '
    has long.log 'Nothing was sent'
  done
  # A line that fills its packet comes back cut, and was said.
  for wire in json json+gf3 json+gf7; do
    does filled 0 "$(door "$wire")" --wire "$wire" send "$(printf '%065420d' 0)"
  done
  does filled 0 "$(door json)" --wire json+gf1 send "$(printf '%0200d' 0)"
  does wrong 2 'a b' who
  has wrong.log 'write HOST, HOST:PORT or [::1]:PORT'
  # The wrong door, and none.
  does wrong_door 3 "127.0.0.1:$JSON" who --timeout 200ms
  has wrong_door.log 'is a text door there?'
  does wrong_door 3 "127.0.0.1:$TEXT" --wire json who
  has wrong_door.log 'is a json door there?'
  has_not ann.out 'not me'
  stop_server
  for wire in text json frame; do
    does nobody 3 "$(door "$wire")" --wire "$wire" send hi
    has nobody.log "parlor-cli: cannot connect to $(door "$wire"): Connection refused"
    does nobody 3 "$(door "$wire")" --wire "$wire" expect . --timeout 1m
    does nobody 3 "$(door "$wire")" --wire "$wire" tail
    does nobody 3 "$(door "$wire")" --wire "$wire"
  done
}
run exit_codes_tell_what_happened

a_server_that_goes_is_told() {
  every_door
  come ann
  start tail "$CLI" "127.0.0.1:$TEXT" -n ear tail --no-reconnect
  start expect "$CLI" "127.0.0.1:$FRAME" --wire frame --no-reconnect -n dog expect never --timeout 1m
  within "$DEADLINE" here json ear dog || fail 'ear and dog are not here'
  stop_server
  ended tail 3
  has tail.log 'closed the connection: The server is stopping. Goodbye'
  ended expect 3
  has expect.log 'closed the connection'
}
run a_server_that_goes_is_told

standard_input_is_said_line_by_line() {
  # Flood control holds most of them back, so that the answers come late.
  PARLOR_RATE=100 PARLOR_BURST=3 every_door
  come ann
  local wire number
  for wire in text json frame; do
    for number in {1..30}; do echo "$wire $number"; done >"$WORK/lines"
    printf '\n/usr/bin/who\nwho\n\xff\x1b[2J\nlast by %s without an end' "$wire" >>"$WORK/lines"
    "$CLI" "$(door "$wire")" --wire "$wire" -n bob <"$WORK/lines" >"$WORK/pipe.out" 2>"$WORK/pipe.log" || fail "exit code $?"
    hear ann "bob: last by $wire without an end"
    # Each once, and in order.
    equal "$(grep -c "bob: $wire " "$WORK/ann.out")" 30 "lines of bob's by $wire"
    in_order ann.out "bob: $wire 1" "bob: $wire 15" "bob: $wire 30" 'bob: /usr/bin/who' 'bob: who' "bob: last by $wire"
    equal "$(cat "$WORK/pipe.out" "$WORK/pipe.log")" '' 'what the pipe said'
    within "$DEADLINE" not here "$wire" bob || fail 'bob is still there'
  done
  has_not ann.out $'\x1b'

  # A line that is longer than a packet or the server's limit is said in parts, which lose nothing.
  for wire in "${WIRES[@]}"; do
    { printf '%065537d\n' 0 && echo "after by $wire"; } | "$CLI" "$(door "$wire")" --wire "$wire" -n "$(name_of "$wire")" ||
      fail "exit code $? by $wire"
    hear ann ": after by $wire"
    equal "$(said_by "$(name_of "$wire")" | head -n -1 | tr -d '\n' | wc -c)" 65537 "digits by $wire"
  done
  { echo one && seq -s ' ' 2000 && echo two; } | "$CLI" "127.0.0.1:$TEXT" -n cid || fail "exit code $?"
  equal "$(said_by cid | sed '1d; $d' | paste -sd ' ')" "$(seq -s ' ' 2000)" 'numbers, split at blanks'
  # Escape sequences are left out; of text that overwrites itself the last counts.
  printf '1%%\r50%%\r100%%\n\e[1;31merror\e[0m: \e]0;title\ax\n/msg ann psst\n\xe2\x80\x8b/msg ann psst\n \xef\xbb\xbfquit\n' |
    "$CLI" "127.0.0.1:$TEXT" -n dan || fail "exit code $?"
  equal "$(said_by dan)" $'100%\nerror: x\n/msg ann psst\n\xe2\x80\x8b/msg ann psst\n \xef\xbb\xbfquit' 'lines of a program'
  has_not ann.out '>>> dan'
  "$CLI" "127.0.0.1:$TEXT" </dev/null || fail 'nothing to say is no error'
  stop_server
}
# The name of somebody who speaks by a wire, and what ann has heard from one of that name.
name_of() { echo "by-${1//+/-}"; }
said_by() { hear ann "]$1: " && sed -n "s/^\[[^ ]*\]$1: //p" "$WORK/ann.out" | grep -v '^login'; }
run standard_input_is_said_line_by_line

# Each line of a pipe is said when the one before it has come back: of ten to a server that is stopped,
# one is on its way. The client is killed then, so that the server hears what was, and no more.
a_pipe_has_one_line_on_its_way() {
  every_door
  come ann
  local wire number on_its_way
  for wire in text json frame; do
    keyboard pipe
    start pipe "$CLI" "$(door "$wire")" --wire "$wire" -n "bob_$wire"
    say pipe zero
    hear ann "bob_$wire: zero"
    # Before this is answered, the line has been given to everybody, and so to the pipe.
    say ann "/msg $wire still there?"
    hear ann "!!! Nobody here is called $wire"
    kill -STOP "$SERVER"
    within "$DEADLINE" not anything_runs || fail 'the server has not stopped'
    for number in {1..10}; do say pipe "line $number."; done
    on_its_way=yes
    within "$DEADLINE" something_waits_at "$(door "$wire")" || on_its_way=no
    kill -KILL "${pid_of[pipe]}"
    kill -CONT "$SERVER"
    equal "$on_its_way" yes "a line by $wire"
    ended pipe 137
    within "$DEADLINE" not here "$wire" "bob_$wire" || fail "bob_$wire is still there"
    say ann "so much by $wire"
    hear ann ": so much by $wire"
    has ann.out "bob_$wire: line 1."
    has_not ann.out "bob_$wire: line 2."
  done
  stop_server
}
# A thread that is still on its way to its stop may read once more.
anything_runs() { grep -h '^State:' "/proc/$SERVER/task/"*/status | grep -v '^State:.T' >/dev/null; }
# something_waits_at ADDRESS: bytes have come there which the server has not read.
something_waits_at() {
  awk -v door="$(printf ':%04X' "${1##*:}")" \
    'substr($2, 9) == door && $4 == "01" && substr($5, 10) != "00000000" { found = 1 } END { exit !found }' /proc/net/tcp
}
run a_pipe_has_one_line_on_its_way

# They were said aloud: `send --to eve secret`.
what_is_no_option_is_not_said() {
  every_door
  come ann
  say ann 'rename|ann'
  hear ann 'rename ok'
  local wire
  for wire in text json frame; do
    local at=("$(door "$wire")" --wire "$wire")
    does wrong 2 "${at[@]}" send --too ann secret
    does wrong 2 "${at[@]}" send secret --too ann
    does wrong 2 "${at[@]}" send -x secret
    does wrong 2 "${at[@]}" send secret -5
    has wrong.log "to pass '-5' as a value, use '-- -5'"
    does wrong 2 "${at[@]}" send --to ann --room dev secret
    does wrong 2 "${at[@]}" expect -x
    does wrong 2 "${at[@]}" who -x
    does wrong 2 "${at[@]}" tail secret
    does good 0 "${at[@]}" send "by $wire" -n deploy
    hear ann "deploy: by $wire"
    does good 0 "${at[@]}" send -- --to ann -x "by $wire"
    hear ann ": --to ann -x by $wire"
    does good 0 "${at[@]}" send psst --to ann "by $wire" -n eve
    hear ann ">>> eve: psst by $wire"
    does nobody 1 "${at[@]}" send --to nobody-here psst
    has nobody.log 'Nobody here is called nobody-here'
  done
  has_not ann.out secret
  stop_server
}
run what_is_no_option_is_not_said

one_speaks_in_a_room() {
  every_door
  come ann
  say ann '/join dev'
  hear ann '*** You are in #dev alone'
  local wire
  for wire in text json frame; do
    start ear "$CLI" "$(door "$wire")" --wire "$wire" -n "ear-$wire" --room dev tail
    within "$DEADLINE" is_in_dev "$wire" "ear-$wire" || fail "ear-$wire is not in #dev"
    does good 0 "$(door "$wire")" --wire "$wire" send -n "deploy-$wire" --room '#dev' "build by $wire is up"
    hear ann "deploy-$wire: build by $wire is up"
    if [[ $wire != text ]]; then has_not ann.out "deploy-$wire: login"; fi # a visit costs the room one line
    wait_for "$WORK/ear.out" "deploy-$wire: build by $wire is up"
    printf 'piped by %s\n' "$wire" | "$CLI" "$(door "$wire")" --wire "$wire" -n pipe --room dev || fail "exit code $?"
    hear ann "pipe: piped by $wire"
    kill -TERM "${pid_of[ear]}"
    ended ear 143
  done
  stop_server
}
is_in_dev() { "$CLI" "$(door "$1")" --wire "$1" who --room dev | grep -Fxq -e "$2"; }
run one_speaks_in_a_room

# Without a port, send goes by the JSON door, where the room sees nothing but the line; else by text.
send_visits_where_it_can() {
  local answers
  for answers in yes no; do
    if something_listens_at 8000 || something_listens_at 8999; then skip 'another server is here'; fi
    if [[ $answers == yes ]]; then
      serve "$PARLOR" --listen text://127.0.0.1:8000 --listen json://127.0.0.1:8999
    else
      serve "$PARLOR" --listen text://127.0.0.1:8000
    fi
    come ann
    say ann 'rename|ann'
    hear ann 'rename ok'
    does sent 0 send -n deploy 'build 57 is up'
    hear ann 'deploy: build 57 is up'
    does told 0 send -n deploy --to ann 'psst'
    hear ann '>>> deploy: psst'
    if [[ $answers == yes ]]; then has_not ann.out deploy:\ log; else hear ann 'deploy: login out'; fi
    stop_server
  done
}
something_listens_at() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
run send_visits_where_it_can

# Typed words are no announcement of the server, by any door.
nobody_forges_an_announcement() {
  every_door
  start ear "$CLI" "127.0.0.1:$TEXT" -n ear tail
  start dog "$CLI" "127.0.0.1:$TEXT" -n dog expect '^\*\*\* ann (came|left)' --timeout 5m
  within "$DEADLINE" here text ear dog || fail 'they are not here'
  local wire words
  for wire in text json frame; do
    for words in login 'login out' 'time out leave out' 'LOGIN OUT'; do
      does said 0 "$(door "$wire")" --wire "$wire" send -n "ann-$wire" "$words"
      wait_for "$WORK/ear.out" "ann-$wire: \"$words\""
    done
    does said 0 "$(door "$wire")" --wire "$wire" send -n "ann-$wire" '"login out" indeed'
    wait_for "$WORK/ear.out" "ann-$wire: \"login out\" indeed"
    printf 'login out\nlogin\n' | "$CLI" "$(door "$wire")" --wire "$wire" -n "pipe-$wire" || fail "exit code $?"
    wait_for "$WORK/ear.out" "pipe-$wire: \"login\""
  done
  equal "$(cat "$WORK/dog.out")" '' 'what expect took for an announcement'
  kill -TERM "${pid_of[dog]}"
  ended dog 143
  stop_server
}
run nobody_forges_an_announcement

# Killed and started again, at the same ports.
scripts_survive_a_restart() {
  local wire
  for wire in text json frame; do
    every_door
    start tail "$CLI" "$(door "$wire")" --wire "$wire" -n ear tail
    start dog "$CLI" "$(door "$wire")" --wire "$wire" -n dog expect "^bob: found by $wire\$" --timeout 5m
    keyboard pipe
    start pipe "$CLI" "$(door "$wire")" --wire "$wire" -n pipe
    within "$DEADLINE" here "$wire" ear dog || fail "who does not list ear and dog"
    say pipe 'one'
    wait_for "$WORK/tail.out" 'pipe: one'
    kill -KILL "$SERVER"
    ended server 137
    wait_for "$WORK/tail.log" 'connecting again in 0.5 s'
    say pipe 'two'
    say pipe 'three'
    every_door
    within "$DEADLINE" here "$wire" ear dog pipe || fail "who does not list them again"
    say pipe 'four'
    wait_for "$WORK/tail.out" 'pipe: four'
    has tail.log 'connected again'
    # The pipe may have said them before tail was back; none is said under another name.
    does found 0 "$(door "$wire")" --wire "$wire" send -n bob "found by $wire"
    ended dog
    equal "$(cat "$WORK/dog.out")" "bob: found by $wire" 'what expect printed'
    end_input pipe
    ended pipe
    come late
    hear late 'pipe: two'
    hear late 'pipe: three'
    kill -TERM "${pid_of[tail]}"
    ended tail 143
    stop_server
  done
}
run scripts_survive_a_restart

a_slow_pipe_is_not_dropped_for_silence() {
  every_door --idle 1s
  keyboard pipe
  start pipe "$CLI" "127.0.0.1:$TEXT" -n pipe
  say pipe 'first'
  # Two people, one after the other, are dropped for their silence; the pipe is silent all the while.
  come ann
  hear ann '*** Disconnected: quiet for 1 s'
  come bob
  hear bob '*** Disconnected: quiet for 1 s'
  come cid
  say pipe 'second'
  hear cid 'pipe: second'
  end_input pipe
  ended pipe
  stop_server
}
run a_slow_pipe_is_not_dropped_for_silence

programs_get_json() {
  every_door
  come ann
  start text "$CLI" "127.0.0.1:$TEXT" -n tea tail --json
  start frame "$CLI" "127.0.0.1:$FRAME" --wire frame -n fox tail --json
  within "$DEADLINE" here text tea fox || fail 'tea and fox are not here'
  does send 0 "127.0.0.1:$JSON" --wire json send -n bob 'say "hi"\ there'
  wait_for "$WORK/text.out" '"Data":"say \"hi\"\\ there"'
  wait_for "$WORK/frame.out" '"Data":"say \"hi\"\\ there"'
  has text.out '"Address":"127.0.0.1:'
  has frame.out '"Seq":1'
  equal "$(cat "$WORK/text.out" "$WORK/frame.out" | wc -l)" 2 'lines in all'
  if command -v jq >/dev/null; then
    equal "$(jq -r '[.Act, .From, .Data, .Room] | join("/")' "$WORK/text.out")" 'chat/bob/say "hi"\ there/lobby'
    equal "$(jq -r '.Id | type' "$WORK/frame.out")" string
    # As the help has it.
    equal "$(jq -r 'keys | join(" ")' "$WORK/text.out")" 'Act Address Data From Room' 'keys by text'
    equal "$(jq -r 'keys | join(" ")' "$WORK/frame.out")" 'Act Data From Id Room Seq Ts' 'keys by frame'
  fi
  does help 0 tail --help
  equal "$(tr -s ' \n' ' ' <"$WORK/help.out" | grep -o 'by text Room and Address; by --wire json or frame Room, Id, Ts and Seq')" \
    'by text Room and Address; by --wire json or frame Room, Id, Ts and Seq' 'which keys there are'
  stop_server
}
run programs_get_json

the_server_may_be_named_in_many_ways() {
  if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
    serve "$PARLOR" --listen 'text://[::]:0'
    does six 0 "[::1]:$TEXT" send six
  else
    serve "$PARLOR" --listen text://127.0.0.1:0
  fi
  does four 0 "127.0.0.1:$TEXT" send four
  does name 0 "localhost:$TEXT" send name
  PARLOR_HOST=127.0.0.1:$TEXT does variable 0 send variable
  does help 0 --help
  has help.out 'parlor-cli send -n deploy'
  has help.out 'Exit codes:'
  stop_server
}
run the_server_may_be_named_in_many_ways

finish
