#!/usr/bin/env bash
# parlor-cli in a terminal (tmux), as a person has it.
#
# usage: tests/sh/terminal.sh [CASE...]   PARLOR=BINARY names the server, PARLOR_CLI=BINARY the client under
#                                    test (parlor-cli beside the server)
# shellcheck source=lib-client.sh
. "$(dirname "$0")/lib-client.sh"

# terminal NAME COLUMNS ARGUMENT...: a person with parlor-cli in a terminal of that width. An argument
# like NAME=VALUE is a variable of its environment.
terminal() {
  local name=$1 columns=$2 argument
  # The name remembered by one test must not be the next one's.
  local -a arguments=() variables=(TERM=screen-256color "XDG_CONFIG_HOME=$WORK/config-$name")
  shift 2
  for argument; do
    if [[ $argument == [A-Z]*=* ]]; then variables+=("$argument"); else arguments+=("$argument"); fi
  done
  command_line "$name" "$columns" "${variables[@]}" "$(printf '%q ' "$CLI" "${arguments[@]}")"
}

# command_line NAME COLUMNS VARIABLE... COMMAND: a terminal of that width in which that runs.
command_line() {
  local name=$1 columns=$2
  shift 2
  command -v tmux >/dev/null || skip 'no tmux here'
  trap 'tmux_do kill-server 2>/dev/null || true; kill_everything' EXIT
  tmux_do -f /dev/null new-session -d -s "$name" -x "$columns" -y 50 \
    "$(printf '%q ' env "${@:1:$#-1}" "XDG_CONFIG_HOME=$WORK/config-$name") bash -c $(printf %q "${*: -1}"); echo \"exit code \$?\"; read -r"
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
# The same with the lines that are wrapped made whole: their rows after the first are indented. (The line
# being typed the editor wraps itself.)
look_whole() { tmux_do capture-pane -p -J -t "$1" | sed 's/ *$//; /^$/d' | sed -z 's/\n    / /g' | tee "$WORK/$1.screen"; }

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
      types_at "$who" "#lobby $who>"
      local -a shown=()
      mapfile -t shown < <(fold -w "$columns" <<<"#lobby $who> $typed" | sed 's/ *$//')
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
      types_at "$who" "#lobby $who>"
      # It stands there as it was typed, and not a second time as an echo.
      equal "$(look "$who" | grep -c 'half a line')" 1 'how often the said line is there'
      press "$who" C-d
      sees_line "$who" 'exit code 0'
      within "$DEADLINE" not here "$wire" "$who" || fail "$who has not left"
    done
  done
  stop_server
}
run what_is_typed_is_not_broken_up

tab_completes_commands_and_names() {
  every_door
  come bob
  say bob 'rename|Bartholomew'
  hear bob 'rename ok'
  terminal ann 60 "127.0.0.1:$TEXT" -n ann
  types_at ann '#lobby ann>'
  type_in ann '/upt'
  press ann Tab
  types_at ann '#lobby ann> /uptime'
  press ann Enter
  sees ann '*** Up for'
  # A name from the greeting.
  type_in ann '/ms'
  press ann Tab
  type_in ann 'bar'
  press ann Tab
  type_in ann 'psst'
  types_at ann '#lobby ann> /msg Bartholomew psst'
  press ann Enter
  hear bob '>>> ann: psst'
  sees_line ann '>>> to Bartholomew: psst'
  # One that came afterwards, at the beginning of a line; and not when it has gone.
  does send 0 "127.0.0.1:$TEXT" send -n zacharias 'hi'
  sees_line ann '*** zacharias left'
  come zoe
  say zoe '/nick zoe'
  sees ann 'is now zoe'
  type_in ann 'z'
  press ann Tab
  type_in ann 'hi'
  types_at ann '#lobby ann> zoe: hi'
  press ann Enter
  hear zoe 'ann: zoe: hi'
  # Several: a list of them.
  type_in ann '/'
  press ann Tab Tab
  sees ann '/version'
  types_at ann '#lobby ann> /'
  stop_server
}
run tab_completes_commands_and_names

a_killed_server_comes_back_under_it() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  types_at ann '#lobby ann>'
  terminal bob 40 "127.0.0.1:$FRAME" --wire frame -n bob
  types_at bob '#lobby bob>'
  sees ann '*** bob'
  type_in bob 'what I typed'
  types_at bob '#lobby bob> what I typed'
  # An earlier message is not why the server went.
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
  types_at ann '#lobby ann> too early'
  sees ann '*** Trying again in 1.0 s'
  types_at bob '#lobby bob> what I typed'

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
  stop_server
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
# the server announced echoes that this client does not show.
own_lines_stand_once_whatever_echo_says() {
  every_door
  come bob
  local wire
  for wire in text json frame; do
    terminal "$wire" 80 "$(door "$wire")" --wire "$wire" -n "$wire"
    types_at "$wire" "#lobby $wire>"
    local switch
    for switch in on off; do
      type_in "$wire" "/echo $switch"
      press "$wire" Enter
      sees_line "$wire" '!!! Your lines stand here as you typed them; /echo is for nc and telnet'
      type_in "$wire" "by $wire with $switch"
      press "$wire" Enter
      hear bob "$wire: by $wire with $switch"
      types_at "$wire" "#lobby $wire>"
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

# Typed text stands behind the line that is kept.
who_keeps_a_line_can_drop_it_and_quit() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  terminal bob 80 "127.0.0.1:$TEXT" -n bob
  types_at ann '#lobby ann>'
  types_at bob '#lobby bob>'
  stop_server
  local name
  for name in ann bob; do
    sees "$name" '*** Trying again'
    type_in "$name" '/who'
    press "$name" Enter
    sees_line "$name" '!!! Not connected just now; the line is kept (Ctrl-C drops it)'
    types_at "$name" "#lobby $name> /who"
  done
  type_in ann '/quit'
  press ann Enter
  sees_line ann 'exit code 0'
  press bob C-c
  sees_line bob '*** Press Ctrl-C again to leave'
  types_at bob '#lobby bob>'
  every_door # at the same ports
  sees_line bob '*** Connected again'
  within "$DEADLINE" here text bob || fail 'bob is not here'
  ! shows bob 'Press Enter' || fail 'there is nothing to send'
  stop_server
}
run who_keeps_a_line_can_drop_it_and_quit

a_silent_person_stays() {
  every_door --idle 1s
  terminal ann 80 "127.0.0.1:$TEXT"
  types_at ann '#lobby>'
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
  stop_server
}
run a_silent_person_stays

names_have_colours_if_wanted() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  terminal plain 80 "127.0.0.1:$TEXT" -n plain NO_COLOR=1
  types_at plain '#lobby plain>'
  does send 0 "127.0.0.1:$TEXT" send -n bob 'in colour?'
  sees_line ann 'bob: in colour?'
  sees_line plain 'bob: in colour?'
  # tmux writes a colour where it changes.
  tmux_do capture-pane -p -e -t ann >"$WORK/ann.colours"
  tmux_do capture-pane -p -e -t plain >"$WORK/plain.colours"
  has ann.colours $'bob\x1b[39m: in colour?'
  has_not plain.colours $'\x1b'
  stop_server
}
run names_have_colours_if_wanted

# A terminal was told by its input only.
what_is_no_terminal_gets_plain_lines() {
  every_door
  come bob
  say bob 'rename|bob'
  command_line ann 80 TERM=screen-256color "$(printf '%q ' "$CLI" "127.0.0.1:$TEXT" -n ann) | tee $WORK/log"
  command_line dumb 80 TERM=dumb "$(printf '%q ' "$CLI" "127.0.0.1:$TEXT" -n dumb)"
  command_line none 80 -u TERM "$(printf '%q ' "$CLI" "127.0.0.1:$TEXT" -n none)"
  command_line empty 80 TERM= "$(printf '%q ' "$CLI" "127.0.0.1:$TEXT" -n empty)"
  local name
  for name in ann dumb none empty; do
    sees "$name" "You are now $name"
    say bob "hello $name"
    sees_line "$name" "bob: hello $name"
    type_in "$name" "I am $name"
    press "$name" Enter
    hear bob "$name: I am $name"
    tmux_do capture-pane -p -e -t "$name" >"$WORK/$name.colours"
    has_not "$name.colours" $'\e'
    ! shows "$name" "$name>" || fail 'there is a prompt'
  done
  # The log has the whole conversation, one's own lines too.
  wait_for "$WORK/log" 'ann: I am ann'
  has_line log 'bob: hello ann'
  equal "$(tr -d '\n' <"$WORK/log" | tr -d '[:print:]' | wc -c)" 0 'control characters in the log'
  type_in dumb /quit
  press dumb Enter
  sees_line dumb 'exit code 0'
  press ann C-d
  sees_line ann 'exit code 0'
  stop_server
}
run what_is_no_terminal_gets_plain_lines

# Text typed for one room does not come into another.
a_person_comes_back_to_the_room() {
  every_door
  local wire
  for wire in text json frame; do
    terminal "$wire" 80 "$(door "$wire")" --wire "$wire" -n "$wire"
    types_at "$wire" "#lobby $wire>"
    type_in "$wire" '/join dev'
    press "$wire" Enter
    types_at "$wire" "#dev $wire>"
    type_in "$wire" 'half a line'
    types_at "$wire" "#dev $wire> half a line"
  done
  kill -KILL "$SERVER"
  ended server 137
  for wire in text json frame; do sees "$wire" '*** Trying again in 0.5 s'; done
  every_door # at the same ports
  come bob
  come dan
  say dan '/join dev'
  hear dan '*** You are in #dev'
  for wire in text json frame; do
    sees_line "$wire" '*** Connected again'
    sees_line "$wire" '*** You are in #dev'
    press "$wire" Enter
    hear dan "$wire: half a line"
    types_at "$wire" "#dev $wire>"
  done
  has_not bob.out 'half a line'
  stop_server
}
run a_person_comes_back_to_the_room

# Somebody has the name meanwhile, and the room cannot be come back to: it is told, and nothing typed for it is said elsewhere.
what_was_typed_for_a_room_stays_there() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann
  types_at ann '#lobby ann>'
  type_in ann '/join dev'
  press ann Enter
  types_at ann '#dev ann>'
  type_in ann 'for dev alone'
  kill -KILL "$SERVER"
  ended server 137
  sees ann '*** Trying again in 4.0 s'
  every_door --max-rooms 1
  come bob
  say bob 'rename|ann'
  hear bob 'rename ok'
  sees_line ann '*** You are in #lobby, not in #dev'
  sees_line ann '*** You have no name now. Asking for ann again for a minute'
  press ann Enter
  sees_line ann '!!! Not sent: it was typed for #dev, and you are in #lobby now'
  types_at ann '#lobby> for dev alone'
  press ann Enter
  within "$DEADLINE" shows_times ann 'Not sent: it was typed for #dev' 2 || fail 'it was sent at the second Enter'
  press ann C-c
  types_at ann '#lobby>'
  type_in ann 'for all'
  press ann Enter
  hear bob ': for all'
  has_not bob.out 'for dev alone'
  stop_server
}
shows_times() { (($(look_whole "$1" | grep -Fc -e "$2") >= $3)); }
run what_was_typed_for_a_room_stays_there

# Padded, a part of it stood alone from column 1.
nothing_said_stands_in_column_one() {
  every_door
  come bob
  say bob 'rename|bob'
  local columns pad
  for columns in 60 80 137; do
    terminal "c$columns" "$columns" "127.0.0.1:$TEXT" -n "c$columns"
    command_line "t$columns" "$columns" TERM=screen "$(printf '%q ' "$CLI" "127.0.0.1:$TEXT" -n "t$columns" tail)"
  done
  within "$DEADLINE" here text c60 c80 c137 t60 t80 t137 || fail 'they are not here'
  for pad in {20..140}; do
    say bob "I resign$(printf "%${pad}s" '')*** The server is stopping. Goodbye"
  done
  say bob "I resign$(printf '%060d' 0 | tr 0 '\t')*** The server is stopping. Goodbye"
  say bob 'that was all'
  for columns in 60 80 137; do
    sees_line "c$columns" 'bob: that was all'
    sees_line "t$columns" 'bob: that was all'
    ! tmux_do capture-pane -p -S -500 -t "c$columns" | grep -q '^\*\*\* The server' || fail "it stands alone at $columns"
    ! tmux_do capture-pane -p -S -500 -t "t$columns" | grep -q '^\*\*\* The server' || fail "tail: it stands alone at $columns"
  done
  stop_server
}
run nothing_said_stands_in_column_one

# Local times, lines for oneself, and what is left for the next conversation.
the_next_conversation_goes_on_where_this_one_was() {
  every_door
  come bob
  say bob 'rename|bob'
  local file=$WORK/config-ann/parlor/cli.toml
  terminal ann 80 "127.0.0.1:$JSON" --wire json -n ann --bell TZ=Asia/Kolkata
  types_at ann '#lobby ann>'
  type_in ann '/time on'
  press ann Enter
  sees_line ann '*** The local time stands before what is said'
  say bob 'hello Ann, you there?'
  sees ann ' bob: hello Ann, you there?'
  [[ $(look ann | grep -Eo '^[0-9]{2}:[0-9]{2} bob') == "$(TZ=Asia/Kolkata date +%H:%M) bob" ||
    $(look ann | grep -Eo '^[0-9]{2}:[0-9]{2} bob') == "$(TZ=Asia/Kolkata date -d '-1 min' +%H:%M) bob" ]] || fail 'that is not the local time'
  tmux_do capture-pane -p -e -t ann | grep -q $'\e\\[1mAnn' || fail 'the name is not marked'
  type_in ann 'an old line'
  press ann Enter
  type_in ann '/msg bob a secret'
  press ann Enter
  hear bob '>>> ann: a secret'
  type_in ann '/nick anna'
  press ann Enter
  types_at ann '#lobby anna>'
  press ann C-d
  sees_line ann 'exit code 0'
  has_line "config-ann/parlor/cli.toml" 'name = "anna"'
  has_line "config-ann/parlor/cli.toml" "server = \"127.0.0.1:$JSON\""
  ! grep -rq secret "$WORK/config-ann" || fail 'a private line is kept'
  equal "$(stat -c %a "$file" "${file%/*}/cli-history" | paste -sd,)" 600,600 'modes'
  tmux_do kill-session -t ann
  terminal ann 80 TZ=Asia/Kolkata
  types_at ann '#lobby anna>'
  press ann Up Up
  types_at ann '#lobby anna> an old line'
  press ann C-u C-d
  sees_line ann 'exit code 0'
  tmux_do kill-session -t ann
  stop_server
  terminal ann 80
  sees ann 'that is the server of the last conversation; parlor-cli HOST talks elsewhere'
  sees_line ann 'exit code 3'
  tmux_do kill-session -t ann
  every_door
  # A wrong file is a warning, and stays.
  echo 'name = 5' >"$file"
  terminal ann 80 "127.0.0.1:$TEXT"
  sees ann "cli.toml is not used and not changed: name is no text"
  types_at ann '#lobby>'
  press ann C-d
  sees_line ann 'exit code 0'
  equal "$(cat "$file")" 'name = 5' 'the wrong file'
  stop_server
}
run the_next_conversation_goes_on_where_this_one_was

# Whatever stands before a slash, a private line stays private: it is not said.
what_hides_before_a_command_makes_nothing_public() {
  every_door
  come bob
  say bob 'rename|bob'
  hear bob 'rename ok'
  local wire line
  for wire in text json frame; do
    terminal "$wire" 80 "$(door "$wire")" --wire "$wire" -n "$wire"
    types_at "$wire" "#lobby $wire>"
    for line in $'\xe2\x80\x8b/msg bob secret' $'\xef\xbb\xbf/msg bob secret' ' /msg bob secret' $'\xc2\xa0/w bob secret' \
      $'\xef\xbc\x8fmsg bob secret' $'\xe3\x80\x81msg bob secret' $'\xe2\x81\x84msg bob secret' '/mgs bob secret'; do
      type_in "$wire" "$line"
      press "$wire" Enter
    done
    type_in "$wire" "    // a comment by $wire"
    press "$wire" Enter
    hear bob "// a comment by $wire"
    press "$wire" C-d
    sees_line "$wire" 'exit code 0'
  done
  ! grep -q '\][a-z]*: .*secret' "$WORK/bob.out" || fail 'it was said'
  stop_server
}
run what_hides_before_a_command_makes_nothing_public

without_reconnecting_a_conversation_ends() {
  every_door
  terminal ann 80 "127.0.0.1:$TEXT" -n ann --no-reconnect
  types_at ann '#lobby ann>'
  kill -KILL "$SERVER"
  ended server 137
  sees_line ann '*** Press Enter to end'
  press ann Enter
  sees ann "parlor-cli: 127.0.0.1:$TEXT closed the connection"
  sees_line ann 'exit code 3'
}
run without_reconnecting_a_conversation_ends

the_first_connection_is_not_waited_for() {
  every_door
  stop_server
  terminal ann 80 "127.0.0.1:$TEXT"
  sees ann "parlor-cli: cannot connect to 127.0.0.1:$TEXT: Connection refused"
  sees_line ann 'exit code 3'
}
run the_first_connection_is_not_waited_for

# zsh takes brackets for a pattern: without the quotes it ran nothing.
the_hint_to_let_others_in_can_be_pasted() {
  command_line server 80 TERM=screen "$(printf '%q ' "$PARLOR" --listen text://127.0.0.1:0)"
  sees server "Let others in:  parlor --listen 'text://[::]:"
  press server C-c
  sees_line server 'exit code 0'
}
run the_hint_to_let_others_in_can_be_pasted

finish
