#!/usr/bin/env bash
# A real telnet on a real terminal (expect gives it one): talk, Ctrl-C, and leaving by ^].
#
# usage: tests/sh/telnet.sh [CASE...]      PARLOR=BINARY names the server under test
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

telnet_and_nc_talk() {
  open_server
  come ann
  say ann who # a sign of life: from then on she is listed
  hear ann 'user list:'
  come_by_telnet tel
  local tel
  tel=$(address_of tel | tail -n 1)
  in_order tel.out "[$tel]$tel: I am here" "[$tel]$tel: login" "*** Welcome to Parlor. You are in #lobby with 1 other"
  type_keys tel 'rename|tel\r'
  hear tel 'rename ok'
  type_keys tel 'hi from telnet\r'
  hear ann "[$tel]tel: hi from telnet"
  hear tel "[$tel]tel: hi from telnet"
  ! grep -aq 'hi from telnet.*[[:cntrl:]]' "$WORK/ann.out" || fail 'a line end of telnet came through'
  say ann 'hello telnet'
  hear tel ': hello telnet'
  stop_server
  hear tel '*** The server is stopping. Goodbye'
  hear tel 'Connection closed by foreign host.'
}
run telnet_and_nc_talk

# telnet sends IAC IP, IAC DO TIMING-MARK at Ctrl-C and throws away everything that comes until the
# mark is answered. A server that does not know this is silent from there on.
after_ctrl_c_lines_still_show() {
  open_server
  come ann
  come_by_telnet tel
  type_keys tel 'before\r'
  hear ann ': before'
  hear tel ': before'
  local round
  for round in 1 2 3; do
    type_keys tel '\003'
    # telnet's next line follows its interrupt, so the server has had both when ann sees it.
    type_keys tel "after $round\\r"
    hear ann ": after $round"
    say ann "do you see me, $round?"
    hear tel ": do you see me, $round?"
  done
  ! grep -aq $'[^[:print:]\r]' "$WORK/ann.out" || fail 'a byte of a telnet command came through'
  close_server
}
run after_ctrl_c_lines_still_show

are_you_there_is_answered() {
  open_server
  come_by_telnet tel
  type_keys tel '\035' # ^]
  hear tel 'telnet> '
  type_keys tel 'send ayt\r'
  hear tel '*** Yes, still here.'
  close_server
}
run are_you_there_is_answered

leaving_by_the_escape_character() {
  open_server
  come ann
  come_by_telnet tel
  local tel
  tel=$(address_of tel | tail -n 1)
  hear ann "[$tel]$tel: login"
  type_keys tel '\035'
  hear tel 'telnet> '
  type_keys tel 'quit\r'
  hear tel 'Connection closed.'
  ended tel
  hear ann "[$tel]$tel: login out"
  close_server
}
run leaving_by_the_escape_character

quit_by_telnet() {
  open_server
  come ann
  come_by_telnet tel
  type_keys tel '/quit see you\r'
  hear tel '*** Goodbye'
  hear tel 'Connection closed by foreign host.'
  hear ann ': see you'
  hear ann ': login out'
  close_server
}
run quit_by_telnet

finish
