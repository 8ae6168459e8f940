#!/usr/bin/env bash
# parlor-cli: from scripts, by every wire, with its exit codes; and in a terminal (tmux), as a person
# has it.
#
# usage: tests/sh/cli.sh [CASE...]   PARLOR=BINARY names the server, PARLOR_CLI=BINARY the client under
#                                    test (parlor-cli beside the server)
cli=${PARLOR_CLI:-} # the library clears what the programs under test would read
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
CLI=${cli:-$(dirname "$PARLOR")/parlor-cli}
if [[ ! -x $CLI ]]; then
  echo "no client to test at $CLI: run cargo build first, or set PARLOR_CLI" >&2
  exit 1
fi
CLI=$(realpath "$CLI")
begin

# every_door [FLAG...]: a server with a text, a JSON and a frame door; their ports are $TEXT $JSON $FRAME.
every_door() {
  serve "$PARLOR" --listen "text://127.0.0.1:${TEXT:-0}" --listen "json://127.0.0.1:${JSON:-0}" \
    --listen "frame://127.0.0.1:${FRAME:-0}" "$@"
  JSON=$(port_of json) FRAME=$(port_of frame)
}

# door WIRE: its address; json+gf3 and the like are the JSON door.
door() {
  case ${1%%+*} in
    text) echo "127.0.0.1:$TEXT" ;;
    json) echo "127.0.0.1:$JSON" ;;
    frame) echo "127.0.0.1:$FRAME" ;;
  esac
}

# Every way to speak that the client has.
WIRES=(text json json+gf1 json+gf3 json+gf4 json+gf7 json+lines frame)

# does NAME CODE ARGUMENT...: runs the client, which ends with that code; NAME.out and NAME.log are what it said.
does() {
  local name=$1 code=$2
  shift 2
  start "$name" "$CLI" "$@"
  ended "$name" "$code"
}

# here WIRE NAME...: whether they are in the room, as somebody sees who comes by that door. (Comings
# and goings are no fact to wait for: those of many are told in one line.)
here() {
  local wire=$1 names name
  shift
  names=$("$CLI" "$(door "$wire")" --wire "$wire" who) || return 1
  for name; do grep -Fxq -e "$name" <<<"$names" || return 1; done
}

# --- from scripts ----------------------------------------------------------------------------

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
  stop_house
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
  # What fills its packet comes back cut, and was said.
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
  stop_house
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
  start tail "$CLI" "127.0.0.1:$TEXT" -n ear tail
  start expect "$CLI" "127.0.0.1:$FRAME" --wire frame -n dog expect never --timeout 1m
  within "$DEADLINE" here json ear dog || fail 'ear and dog are not here'
  stop_house
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
    printf '\n/usr/bin/who\nwho\n\xff\x1b[2J\nlast without an end' >>"$WORK/lines"
    "$CLI" "$(door "$wire")" --wire "$wire" -n bob <"$WORK/lines" >"$WORK/pipe.out" 2>"$WORK/pipe.log" || fail "exit code $?"
    hear ann 'bob: last without an end'
    # Each once, and in order.
    equal "$(grep -c "bob: $wire " "$WORK/ann.out")" 30 "lines of bob's by $wire"
    in_order ann.out "bob: $wire 1" "bob: $wire 15" "bob: $wire 30" 'bob: /usr/bin/who' 'bob: who' 'bob: last'
    equal "$(cat "$WORK/pipe.out" "$WORK/pipe.log")" '' 'what the pipe said'
    within "$DEADLINE" not here "$wire" bob || fail 'bob is still there'
  done
  has_not ann.out $'\x1b'

  # A line that comes back cut, or is refused, does not stop those behind it.
  printf '%0150d\nshort\n' 0 | "$CLI" "$(door json)" --wire json+gf1 -n bob || fail "exit code $?"
  in_order ann.out 'bob: 00000' 'bob: short'
  for wire in "${WIRES[@]}"; do
    local code=0
    printf '%065537d\nafter by %s\n' 0 "$wire" | "$CLI" "$(door "$wire")" --wire "$wire" 2>"$WORK/pipe.log" || code=$?
    equal "$code" 1 "exit code by $wire"
    has pipe.log 'lines refused: 1'
    hear ann ": after by $wire"
  done
  { echo one && printf '%05000d\n' 0 && echo two; } >"$WORK/lines"
  code=0
  "$CLI" "127.0.0.1:$TEXT" -n bob <"$WORK/lines" 2>"$WORK/pipe.log" || code=$?
  equal "$code" 1 'exit code'
  has pipe.log 'Line too long: 5000 bytes'
  has pipe.log 'lines refused: 1'
  in_order ann.out 'bob: one' 'bob: two'
  "$CLI" "127.0.0.1:$TEXT" </dev/null || fail 'nothing to say is no error'
  stop_house
}
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
  stop_house
}
# A thread that is still on its way to its stop may read once more.
anything_runs() { grep -h '^State:' "/proc/$SERVER/task/"*/status | grep -v '^State:.T' >/dev/null; }
# something_waits_at ADDRESS: bytes have come there which the server has not read.
something_waits_at() {
  awk -v door="$(printf ':%04X' "${1##*:}")" \
    'substr($2, 9) == door && $4 == "01" && substr($5, 10) != "00000000" { found = 1 } END { exit !found }' /proc/net/tcp
}
run a_pipe_has_one_line_on_its_way

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
  stop_house
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
  stop_house
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
  stop_house
}
run the_server_may_be_named_in_many_ways

# --- in a terminal ---------------------------------------------------------------------------

# terminal NAME COLUMNS ARGUMENT...: a person with parlor-cli in a terminal of that width. An argument
# like NAME=VALUE is a variable of its environment.
terminal() {
  local name=$1 columns=$2 argument
  local -a arguments=() variables=(TERM=screen-256color)
  shift 2
  for argument; do
    if [[ $argument == [A-Z]*=* ]]; then variables+=("$argument"); else arguments+=("$argument"); fi
  done
  command -v tmux >/dev/null || skip 'no tmux here'
  trap 'tmux_do kill-server 2>/dev/null || true; kill_everything' EXIT
  tmux_do -f /dev/null new-session -d -s "$name" -x "$columns" -y 50 "$(printf '%q ' env "${variables[@]}" "$CLI" "${arguments[@]}"); echo \"exit code \$?\"; read -r"
}

tmux_do() { tmux -S "$WORK/tmux" "$@"; }

# type_in NAME TEXT: types it, and press NAME KEY...: presses keys.
type_in() { tmux_do send-keys -t "$1" -l "$2"; }
press() {
  local name=$1
  shift
  tmux_do send-keys -t "$name" "$@"
}

# look NAME: what is on the screen. Also in NAME.screen, for a failure to show.
look() { tmux_do capture-pane -p -t "$1" | sed 's/ *$//; /^$/d' | tee "$WORK/$1.screen"; }
# The same with the lines that the terminal has wrapped made whole. (The line being typed the editor
# wraps itself.)
look_whole() { tmux_do capture-pane -p -J -t "$1" | sed 's/ *$//; /^$/d' | tee "$WORK/$1.screen"; }

shows() { [[ $(look_whole "$1") == *"$2"* ]]; }
# sees NAME TEXT: waits until it is on the screen.
sees() { within "$DEADLINE" shows "$1" "$2" || fail "$1 does not see: $2"; }
# sees_line NAME LINE: until it is on the screen, as a line of its own.
shows_line() { look_whole "$1" | grep -Fxq -e "$2"; }
sees_line() { within "$DEADLINE" shows_line "$1" "$2" || fail "$1 does not see the line: $2"; }
# types_at NAME LINE: until the last line of the screen is this one.
last_line_is() { [[ $(look_whole "$1" | tail -n 1) == "$2" ]]; }
types_at() { within "$DEADLINE" last_line_is "$1" "$2" || fail "the last line of $1 is not: $2"; }

# ends_with NAME LINE...: the last lines of the screen, as they stand there, are these.
ends_with_now() {
  local name=$1
  shift
  [[ $(look "$name" | tail -n $#) == "$(printf '%s\n' "$@")" ]]
}
ends_with() { within "$DEADLINE" ends_with_now "$@" || fail "the screen of $1 does not end with: ${*:2}"; }

what_is_typed_is_not_broken_up() {
  every_door --history-shown 0
  local wire columns number
  local typed='half a line, and so long that it takes two in a narrow terminal'
  come bob
  for wire in text json frame; do
    for columns in 80 40; do
      local who=$wire$columns
      terminal "$who" "$columns" "$(door "$wire")" --wire "$wire" -n "$who"
      types_at "$who" "$who>"
      local -a shown=()
      mapfile -t shown < <(fold -w "$columns" <<<"$who> $typed" | sed 's/ *$//')
      type_in "$who" "$typed"
      ends_with "$who" "${shown[@]}"
      for number in {1..9}; do
        say bob "$number comes while somebody types, and is not short either"
      done
      sees "$who" '9 comes while'
      # Every line is whole, in order, and what is typed stands below them, once.
      ends_with "$who" "${shown[@]}"
      equal "$(look_whole "$who" | sed -n 's/^[^ ]*: \([1-9]\) comes while somebody types, and is not short either$/\1/p' | tr -d '\n')" \
        123456789 'the lines that came'
      equal "$(look "$who" | grep -c 'half a line')" 1 'how often the typed line is there'
      type_in "$who" ' indeed'
      press "$who" Enter
      hear bob "$who: $typed indeed"
      types_at "$who" "$who>"
      # It stands there as it was typed, and not a second time as an echo.
      equal "$(look "$who" | grep -c 'half a line')" 1 'how often the said line is there'
      press "$who" C-d
      sees_line "$who" 'exit code 0'
      within "$DEADLINE" not here "$wire" "$who" || fail "$who has not left"
    done
  done
  stop_house
}
run what_is_typed_is_not_broken_up

tab_completes_commands_and_names() {
  every_door
  come bob
  say bob 'rename|Bartholomew'
  hear bob 'rename ok'
  terminal ann 60 "127.0.0.1:$TEXT" -n ann
  types_at ann 'ann>'
  type_in ann '/upt'
  press ann Tab
  types_at ann 'ann> /uptime'
  press ann Enter
  sees ann '*** Up for'
  # A name from the greeting.
  type_in ann '/ms'
  press ann Tab
  type_in ann 'bar'
  press ann Tab
  type_in ann 'psst'
  types_at ann 'ann> /msg Bartholomew psst'
  press ann Enter
  hear bob '>>> ann: psst'
  sees_line ann '>>> to Bartholomew: psst'
  # One that came afterwards, at the beginning of a line; and not when it has gone.
  does send 0 "127.0.0.1:$JSON" --wire json send -n zacharias 'hi'
  sees_line ann '*** zacharias left'
  come zoe
  say zoe '/nick zoe'
  sees ann 'is now zoe'
  type_in ann 'z'
  press ann Tab
  type_in ann 'hi'
  types_at ann 'ann> zoe: hi'
  press ann Enter
  hear zoe 'ann: zoe: hi'
  # Several: a list of them.
  type_in ann '/'
  press ann Tab Tab
  sees ann '/version'
  types_at ann 'ann> /'
  stop_house
}
run tab_completes_commands_and_names

a_killed_server_comes_back_under_it() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  types_at ann 'ann>'
  terminal bob 40 "127.0.0.1:$FRAME" --wire frame -n bob
  types_at bob 'bob>'
  sees ann '*** bob'
  type_in bob 'what I typed'
  types_at bob 'bob> what I typed'
  # What was told before it is not why the server went.
  type_in ann '/ping'
  press ann Enter
  sees_line ann '*** pong'
  kill -KILL "$SERVER"
  ended server 137
  sees_line ann "*** Connection lost: 127.0.0.1:$TEXT closed the connection"
  sees ann '*** Trying again in 0.5 s'
  sees bob '*** Connection lost'
  type_in ann 'too early'
  press ann Enter
  sees_line ann '!!! Not connected just now; the line is kept (Ctrl-C drops it)'
  types_at ann 'ann> too early'
  sees ann '*** Trying again in 1.0 s'
  types_at bob 'bob> what I typed'

  every_door # at the same ports
  sees_line ann '*** Connected again'
  sees_line bob '*** Connected again'
  # Under the names of before.
  come cid
  within "$DEADLINE" ann_and_bob_are_here || fail "ann and bob are not here: $("$CLI" "127.0.0.1:$TEXT" who)"
  sees_line ann '*** Press Enter to send the line that was kept'
  ! shows bob 'that was kept' || fail 'bob has kept no line'
  press ann Enter
  hear cid 'ann: too early'
  press bob Enter
  hear cid 'bob: what I typed'
  sees_line ann 'bob: what I typed'
  stop_house
  sees_line ann '*** The server is stopping. Goodbye'
  sees_line ann '*** Connection lost'
  sees_line bob '*** The server asks you to leave'
  sees_line bob '*** Connection lost'
  equal "$(look ann | grep -c 'The server is stopping')" 1 'how often ann is told why'
  type_in ann '/quit'
  press ann Enter
  sees_line ann 'exit code 0'
}
ann_and_bob_are_here() { [[ $("$CLI" "127.0.0.1:$TEXT" who | grep -Ex 'ann|bob' | sort | paste -sd,) == ann,bob ]]; }
run a_killed_server_comes_back_under_it

# Without echoes, lines that had arrived were told as lost when the connection broke; and with /echo on
# the house promised what this client does not show.
own_lines_stand_once_whatever_echo_says() {
  every_door
  come bob
  local wire
  for wire in text json frame; do
    terminal "$wire" 80 "$(door "$wire")" --wire "$wire" -n "$wire"
    types_at "$wire" "$wire>"
    local switch
    for switch in on off; do
      type_in "$wire" "/echo $switch"
      press "$wire" Enter
      sees_line "$wire" '!!! Your lines stand here as you typed them; /echo is for nc and telnet'
      type_in "$wire" "by $wire with $switch"
      press "$wire" Enter
      hear bob "$wire: by $wire with $switch"
      types_at "$wire" "$wire>"
      equal "$(look "$wire" | grep -c "by $wire with $switch")" 1 'how often the said line is there'
    done
    ! shows "$wire" 'come back to you' || fail 'it promises an echo'
  done
  kill -KILL "$SERVER"
  ended server 137
  for wire in text json frame; do
    sees "$wire" '*** Trying again in 0.5 s'
    ! shows "$wire" 'Perhaps not sent' || fail 'it takes what has arrived for lost'
  done
}
run own_lines_stand_once_whatever_echo_says

# What is typed stands behind the line that is kept.
who_keeps_a_line_can_drop_it_and_quit() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  terminal bob 80 "127.0.0.1:$TEXT" -n bob
  types_at ann 'ann>'
  types_at bob 'bob>'
  stop_house
  local name
  for name in ann bob; do
    sees "$name" '*** Trying again'
    type_in "$name" '/who'
    press "$name" Enter
    sees_line "$name" '!!! Not connected just now; the line is kept (Ctrl-C drops it)'
    types_at "$name" "$name> /who"
  done
  type_in ann '/quit'
  press ann Enter
  sees_line ann 'exit code 0'
  press bob C-c
  sees_line bob '*** Press Ctrl-C again to leave'
  types_at bob 'bob>'
  every_door # at the same ports
  sees_line bob '*** Connected again'
  within "$DEADLINE" here text bob || fail 'bob is not here'
  ! shows bob 'Press Enter' || fail 'there is nothing to send'
  stop_house
}
run who_keeps_a_line_can_drop_it_and_quit

a_silent_person_stays() {
  every_door --idle 1s
  terminal ann 80 "127.0.0.1:$TEXT"
  types_at ann '>'
  come bob
  hear bob '*** Disconnected: quiet for 1 s'
  come cid
  hear cid '*** Disconnected: quiet for 1 s'
  come dan
  type_in ann 'still here'
  press ann Enter
  hear dan ': still here'
  ! shows ann 'Connection lost' || fail 'it was dropped'
  ! shows ann 'you are disconnected' || fail 'it was warned'
  stop_house
}
run a_silent_person_stays

names_have_colours_if_wanted() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  terminal plain 80 "127.0.0.1:$TEXT" -n plain NO_COLOR=1
  types_at plain 'plain>'
  does send 0 "127.0.0.1:$TEXT" send -n bob 'in colour?'
  sees_line ann 'bob: in colour?'
  sees_line plain 'bob: in colour?'
  # tmux writes a colour where it changes.
  tmux_do capture-pane -p -e -t ann >"$WORK/ann.colours"
  tmux_do capture-pane -p -e -t plain >"$WORK/plain.colours"
  has ann.colours $'bob\x1b[39m: in colour?'
  has_not plain.colours $'\x1b'
  stop_house
}
run names_have_colours_if_wanted

the_first_connection_is_not_waited_for() {
  every_door
  stop_house
  terminal ann 80 "127.0.0.1:$TEXT"
  sees ann "parlor-cli: cannot connect to 127.0.0.1:$TEXT: Connection refused"
  sees_line ann 'exit code 3'
}
run the_first_connection_is_not_waited_for

finish
