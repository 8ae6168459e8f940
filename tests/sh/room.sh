#!/usr/bin/env bash
# People chat with nothing but nc: greeting, talk, names, private lines, time-outs.
#
# usage: tests/sh/room.sh [CASE...]        PARLOR=BINARY names the server under test
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

two_people_chat() {
  open_server
  come ann
  local ann bob
  ann=$(address_of ann)
  # The greeting: the chat room's two lines first, then ours.
  equal "$(sed -n 1p "$WORK/ann.out")" "[$ann]$ann: I am here"
  equal "$(sed -n 2p "$WORK/ann.out")" "[$ann]$ann: login"
  has_line ann.out "*** Others on this machine come in with: nc 127.0.0.1 $TEXT"

  say ann who # a sign of life: from then on she is listed
  hear ann 'user list:'
  come bob
  bob=$(address_of bob)
  has_line bob.out "*** Welcome to Parlor. You are in #lobby with 1 other: $ann"
  hear ann "[$bob]$bob: login"

  say bob 'rename|bob'
  hear bob 'rename ok'
  hear ann "*** $bob is now bob"
  say bob 'hi all'
  hear bob "[$bob]bob: hi all"
  hear ann "[$bob]bob: hi all"
  say ann 'hello bob'
  hear bob "[$ann]$ann: hello bob"
  has_not bob.out 'is now bob' # the one who renames is told `rename ok`

  say ann 'who'
  hear ann 'user list:'
  hear ann "$bob:bob"
  has_line ann.out "$ann:$ann"
  has_not bob.out 'user list'

  go bob
  hear ann "[$bob]bob: login out"
  close_server
}
run two_people_chat

private_lines_and_refusals() {
  open_server
  come ann
  come bob
  come eve
  say ann 'rename|ann'
  hear ann 'rename ok'
  say bob 'rename|bob'
  hear bob 'rename ok'
  say bob '/msg ann psst'
  hear bob '>>> to ann: psst'
  hear ann '>>> bob: psst'
  say ann '/reply yes?'
  hear bob '>>> ann: yes?'
  say bob '/mgs ann thanks'
  hear bob '!!! No command /mgs. Did you mean /msg? Nothing was sent'
  hear bob '!!! To say it as text: //mgs ann thanks'
  say bob 'rename|ann'
  hear bob '!!! ann is taken. Free: '
  say bob 'fence'
  hear ann 'bob: fence'
  hear eve 'bob: fence'
  has_not eve.out 'psst'
  has_not ann.out 'thanks'
  say bob '/quit good night'
  hear ann 'bob: good night'
  hear ann 'bob: login out'
  closed_on bob
  in_order bob.out 'bob: fence' 'bob: good night' '*** Goodbye'
  close_server
}
run private_lines_and_refusals

a_question_by_pipe_is_answered() {
  open_server
  printf 'who\n' | call "$TEXT" >"$WORK/answer"
  local me
  me=$(sed -n 's/^\[\([^]]*\)\].*: I am here.*/\1/p' "$WORK/answer")
  has_line answer 'user list:'
  has_line answer "$me:$me"
  # A last line without an ending counts, and what was said is delivered before the close.
  come ann
  printf 'rename|piper\nsaid in passing' | call "$TEXT" >"$WORK/passing"
  has passing 'piper: said in passing'
  hear ann 'piper: login out'
  in_order ann.out 'is now piper' 'piper: said in passing' 'piper: login out'
  close_server
}
run a_question_by_pipe_is_answered

a_paste_arrives_whole_and_in_order() {
  open_server
  come ann
  local n
  for n in {1..200}; do echo "line $n."; done >"$WORK/pasted"
  call "$TEXT" <"$WORK/pasted" >"$WORK/echoed"
  hear ann 'login out'
  diff <(sed -n 's/^.*: \(line [0-9]*\.\)$/\1/p' "$WORK/ann.out") "$WORK/pasted" >"$WORK/diff" || fail 'ann saw other lines'
  diff <(sed -n 's/^.*: \(line [0-9]*\.\)$/\1/p' "$WORK/echoed") "$WORK/pasted" >"$WORK/diff" || fail 'the sender saw other lines'
  close_server
}
run a_paste_arrives_whole_and_in_order

line_ends_are_answered_in_kind() {
  open_server
  # After the greeting, whose line ends are sent before anything is known.
  come ann
  type_keys ann '/ping\n'
  hear ann '*** pong'
  ! grep -q $'\r' "$WORK/ann.out" || fail 'a CR to somebody who ends lines in LF'
  type_keys ann 'who\r\n'
  hear ann 'user list:'
  grep -q $'^user list:\r$' "$WORK/ann.out" || fail 'no CRLF to somebody who ends lines in CRLF'
  close_server
}
run line_ends_are_answered_in_kind

silence_is_timed_out() {
  open_server --idle 3s
  keyboard ann
  say ann '/stay' # before she comes, so that she cannot be too late with it
  start ann "$NC" 127.0.0.1 "$TEXT"
  hear ann '*** You may stay silent. /quit leaves'
  come bob
  local bob
  bob=$(address_of bob)
  has_line bob.out '*** Quiet for 3 s means disconnected; /stay if you just listen'
  hear bob '*** Disconnected: quiet for 3 s'
  closed_on bob
  hear ann "[$bob]$bob: time out leave out"
  has_not ann.out 'login out'
  say ann 'still here'
  hear ann ': still here'
  close_server
}
run silence_is_timed_out

who_talks_is_not_timed_out() {
  open_server --idle 6s
  come ann
  within "$DEADLINE" warnings 1 || fail 'ann is not warned'
  say ann 'a line' # after which she may be silent as long as at first
  hear ann ': a line'
  within "$DEADLINE" warnings 2 || fail 'ann is not warned again'
  type_keys ann '\n' # an empty line keeps her here as well
  say ann 'still here'
  hear ann ': still here'
  has_not ann.out 'Disconnected'
  close_server
}
warnings() { (($(count ann.out '*** Quiet for 4 s: disconnected in 2 s.') >= $1)); }
run who_talks_is_not_timed_out

a_flood_is_slowed_and_nothing_is_lost() {
  open_server --rate 20 --burst 5
  come ann
  local n
  for n in {1..15}; do echo "line $n."; done >"$WORK/lines"
  call "$TEXT" <"$WORK/lines" >"$WORK/flood"
  has flood '*** Slow down: your lines are now sent at 20 a second'
  equal "$(count flood '*** Slow down')" 1 'how often it was told to slow down'
  equal "$(grep -c ': line [0-9]*\.$' "$WORK/flood")" 15 'lines that came back'
  hear ann ': line 15.'
  equal "$(grep -c ': line [0-9]*\.$' "$WORK/ann.out")" 15 'lines that ann saw'
  close_server
}
run a_flood_is_slowed_and_nothing_is_lost

finish
