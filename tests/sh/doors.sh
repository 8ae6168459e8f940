#!/usr/bin/env bash
# The doors: addresses that can and cannot be had, flags and variables, and callers at the wrong door.
#
# usage: tests/sh/doors.sh [CASE...]       PARLOR=BINARY names the server under test
#
# The default ports may be somebody's on this machine. Where this user may, the tests therefore run
# in a network of their own; elsewhere those that need a taken port are skipped.
if [[ ${OWN_NETWORK:-} ]]; then
  ip link set lo up
elif unshare --net ip link set lo up 2>/dev/null; then
  OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
begin

# refuses CODE [FLAG...]: the server does not start; what it says is in refused.log.
refuses() {
  local code=$1
  shift
  start refused "$PARLOR" "$@"
  ended refused "$code"
  has_not refused.out 'parlor ready'
}

a_taken_port_is_an_error_that_helps() {
  open_server
  refuses 1 --listen "text://127.0.0.1:$TEXT"
  has refused.log "--listen text://IP:PORT"
  has refused.log "text://127.0.0.1:$TEXT"
  has refused.log 'Address already in use'
  # Either all doors that were asked for are bound, or none.
  refuses 1 --listen text://127.0.0.1:0 --listen "relay://127.0.0.1:$RELAY"
  has refused.log "cannot listen on relay://127.0.0.1:$RELAY: Address already in use"
  serves_on 'nobody was hurt'
  close_server
}
run a_taken_port_is_an_error_that_helps

port_is_free() { not "$NC" -z 127.0.0.1 "$1"; }

a_taken_default_relay_is_a_warning() {
  local port
  for port in 8000 8999 9999 8088; do
    port_is_free "$port" || skip "port $port is taken on this machine"
  done
  start squatter "$NC" -l 127.0.0.1 8888
  within "$DEADLINE" grep -q ':22B8 .* 0A ' /proc/net/tcp || fail 'nothing listens on port 8888'
  serve "$PARLOR"
  equal "$(cat "$WORK/server.out")" \
    "parlor ready pid=$SERVER text=127.0.0.1:8000 json=127.0.0.1:8999 frame=127.0.0.1:9999 http=127.0.0.1:8088"
  wait_for "$WORK/server.log" 'the relay door stays closed: cannot listen on relay://127.0.0.1:8888: Address already in use'
  has server.log ' WARN '
  serves_on 'one door is enough'
  # The other default, taken by ourselves, is an error.
  refuses 1
  has refused.log 'cannot listen on text://127.0.0.1:8000: Address already in use'
  close_server
}
run a_taken_default_relay_is_a_warning

the_defaults_are_five_doors() {
  local port
  for port in 8000 8888 8999 9999 8088; do
    port_is_free "$port" || skip "port $port is taken on this machine"
  done
  serve "$PARLOR"
  equal "$(cat "$WORK/server.out")" \
    "parlor ready pid=$SERVER text=127.0.0.1:8000 relay=127.0.0.1:8888 json=127.0.0.1:8999 frame=127.0.0.1:9999 http=127.0.0.1:8088"
  close_server
}
run the_defaults_are_five_doors

wrong_usage_says_how_it_is_right() {
  refuses 2 --frobnicate
  has refused.log "unexpected argument '--frobnicate'"
  refuses 2 --listen 8000
  has refused.log '--listen'
  has refused.log 'text://127.0.0.1:8000'
  refuses 2 --listen text://127.0.0.1:99999
  has refused.log '127.0.0.1:99999'
  has refused.log 'text://127.0.0.1:8000'
  refuses 2 --listen gopher://127.0.0.1:70
  has refused.log 'gopher'
  has refused.log 'json+FRAMING where that is gf1, gf2'
  refuses 2 --log-level loud
  has refused.log 'off, error, warn, info, debug or trace'
  refuses 2 --listen text://127.0.0.1:7001 --listen text://127.0.0.1:7001
  has refused.log '--listen text://127.0.0.1:7001 and --listen text://127.0.0.1:7001 are one address'
  refuses 2 --listen text://127.0.0.1:7001 --listen relay://127.0.0.1:7001
  has refused.log 'are one address'
  refuses 2 --idle soon
  has refused.log '30s, 5m'
  refuses 2 --node 1024
  has refused.log '--node'
  # An address that is well written, and not this machine's (TEST-NET-1, RFC 5737).
  refuses 1 --listen text://192.0.2.1:7001
  has refused.log 'cannot listen on text://192.0.2.1:7001: Cannot assign requested address'
}
run wrong_usage_says_how_it_is_right

help_and_version_are_answers() {
  start asked "$PARLOR" --help
  ended asked
  has asked.out 'Usage: parlor [OPTIONS]'
  has asked.out 'PARLOR_LISTEN'
  has asked.out 'Exit codes:'
  start asked "$PARLOR" --version
  ended asked
  matches "$WORK/asked.out" '^parlor [0-9]+\.[0-9]+\.[0-9]+$' || fail 'no version'
}
run help_and_version_are_answers

port_0_takes_a_free_port_for_each_door() {
  serve "$PARLOR" --listen text://127.0.0.1:0 --listen text://127.0.0.1:0 --listen relay://127.0.0.1:0
  local ports
  ports=$(grep -o '127\.0\.0\.1:[1-9][0-9]*' "$WORK/server.out" | sort -u | wc -l)
  equal "$ports" 3 'different ports in the ready line'
  equal "$(wc -l <"$WORK/server.out")" 1 'lines on standard output'
  close_server
}
run port_0_takes_a_free_port_for_each_door

one_door_serves_both_internets() {
  grep -q '^0*1 ' /proc/net/if_inet6 || skip 'this machine has no IPv6'
  serve "$PARLOR" --listen 'text://[::]:0'
  has server.out 'text=[::]:'
  come four "$TEXT" 127.0.0.1
  come six "$TEXT" ::1
  matches "$WORK/four.out" '^\[127\.0\.0\.1:[0-9]+\]127\.0\.0\.1:[0-9]+: I am here$' || fail 'the IPv4 address looks odd'
  matches "$WORK/six.out" '^\[\[::1\]:[0-9]+\]\[::1\]:[0-9]+: I am here$' || fail 'the IPv6 address looks odd'
  say four 'by four'
  hear six ': by four'
  say six 'by six'
  hear four ': by six'
  say six 'who'
  hear six "$(address_of four):$(address_of four)"
  has_not six.out 'ffff'
  has_not four.out 'ffff'
  close_server
  has_not server.log 'ffff'
}
run one_door_serves_both_internets

# In a network of its own the machine may have any address.
one_network_gets_no_more_than_its_share() {
  [[ ${OWN_NETWORK:-} ]] || skip 'this user may not make a network of its own'
  local address
  ip address add 192.0.2.1/32 dev lo
  for address in 2001:db8::1 2001:db8::ffff:2 2001:db8:0:1::1; do
    ip -6 address add "$address/128" dev lo nodad 2>/dev/null || skip 'this machine has no IPv6'
  done
  refused_from() { timeout "$DEADLINE" "$NC" -N "$1" "$TEXT" </dev/null; }

  serve "$PARLOR" --listen 'text://[::]:0' --max-per-address 1
  come four "$TEXT" 192.0.2.1
  equal "$(refused_from 192.0.2.1)" '!!! Too many connections from 192.0.2.1 (1)'
  come six "$TEXT" 2001:db8::1
  equal "$(refused_from 2001:db8::ffff:2)" '!!! Too many connections from 2001:db8::/64 (1)'
  come neighbour "$TEXT" 2001:db8:0:1::1
  come own "$TEXT" 127.0.0.1
  come own_too "$TEXT" ::1
  come own_again "$TEXT" 127.0.0.1
  close_server
}
run one_network_gets_no_more_than_its_share

variables_do_what_flags_do() {
  PARLOR_LISTEN=text://127.0.0.1:0,relay://127.0.0.1:0 PARLOR_MAX_CLIENTS=2 PARLOR_MAX_LINE=64 PARLOR_IDLE=7m \
    PARLOR_LOG_LEVEL=error serve "$PARLOR"
  has server.out ' relay=127.0.0.1:'
  come ann
  has_line ann.out '*** Quiet for 7 min means disconnected; /stay if you just listen'
  say ann "$(printf '%065d' 0)"
  hear ann '!!! Line too long: 65 bytes, the limit is 64. Nothing was sent.'
  come bob
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is full (2 here), try again later'
  close_server
  equal "$(cat "$WORK/server.log")" '' 'the log at the level error'

  # A flag beats its variable; a variable's fault is told as such.
  PARLOR_MAX_CLIENTS=5 open_server --max-clients 1
  come cid
  equal "$(call "$TEXT" </dev/null)" '!!! Parlor is full (1 here), try again later'
  close_server
  PARLOR_RATE=many refuses 2 --listen text://127.0.0.1:0
  has refused.log '--rate'
  has refused.log 'the value is that of the variable PARLOR_RATE'
  refuses 2 --listen text://127.0.0.1:0 --rate=many
  ! contains "$WORK/refused.log" variable || fail 'a flag taken for a variable'
}
run variables_do_what_flags_do

# An empty variable is none, blanks around a value and a comma behind it do not count; wrong bytes are told by
# the variable's name.
empty_variables_count_as_unset() {
  PARLOR_IDLE='' PARLOR_RATE=' ' PARLOR_MAX_CLIENTS=$'\r' PARLOR_LOG_LEVEL='' PARLOR_ADDRESSES='' PARLOR_NODE=$'\n' \
    PARLOR_LISTEN=$' text://127.0.0.1:0 ,, relay://127.0.0.1:0,\r' PARLOR_MAX_PER_ADDRESS=$'100\r' serve "$PARLOR"
  come ann
  close_server
  has server.log ' INFO '
  PARLOR_LISTEN=' , ' refuses 1 --listen text://198.51.100.1:7001
  has refused.log 'cannot listen on text://198.51.100.1:7001'
  local name
  for name in PARLOR_IDLE PARLOR_LISTEN PARLOR_MAX_CLIENTS PARLOR_ADDRESSES PARLOR_LOG_LEVEL; do
    start refused env "$name"=$'3\xff0' "$PARLOR"
    ended refused 2
    has refused.log "$name"
    has refused.log 'not UTF-8'
  done
  RUST_LOG=$'\xff' serve "$PARLOR"
  close_server
  has server.log 'the bytes of the variable RUST_LOG are not UTF-8'
}
run empty_variables_count_as_unset

# The error names the known cause, and guesses none.
doors_that_overlap_are_told_as_such() {
  local one other
  for one in 0.0.0.0 '[::]' 127.0.0.1; do
    for other in 0.0.0.0 '[::]'; do
      refuses 2 --listen "text://$one:7001" --listen "relay://$other:7001"
      has refused.log "--listen text://$one:7001 and --listen relay://$other:7001"
      has_not refused.log 'Another program'
    done
  done
  refuses 2 --listen text://0.0.0.0:7001 --listen 'text://[::]:7001'
  has refused.log '[::] is every address of this machine, those of IPv4 too'
}
run doors_that_overlap_are_told_as_such

start_errors_name_their_cause() {
  command -v strace >/dev/null || skip 'there is no strace'
  strace -o "$WORK/strace" -e inject=close:error=EIO:when=1 true 2>"$WORK/strace.says" || skip 'strace may not inject here'
  # refused_by CALL ERROR DOOR WORDS
  refused_by() {
    start refused strace -o "$WORK/trace" -e "trace=$1" -e "inject=$1:error=$2:when=1" "$PARLOR" --listen "$3"
    ended refused 1
    has refused.log "$4"
    has_not refused.out 'ready'
  }
  refused_by bind EACCES text://0.0.0.0:7001 'Port 7001 needs no privileges, so a security policy'
  refused_by bind EACCES text://0.0.0.0:1 'or a security policy'
  refused_by bind EADDRNOTAVAIL 'text://[::]:7001' 'IPv6 is switched off on this machine; 0.0.0.0:7001'
  refused_by bind EADDRNOTAVAIL 'text://[2001:db8::1]:7001' 'or IPv6 is switched off'
  refused_by socket EAFNOSUPPORT 'text://[::]:7001' 'This machine has no IPv6; 0.0.0.0:7001'
  refused_by socket EMFILE text://0.0.0.0:7001 'ulimit -n'
  has_not refused.log '--listen'
  refused_by listen ENFILE text://0.0.0.0:7001 'fs.file-max'
  refused_by listen EADDRINUSE text://0.0.0.0:7001 'Another program has that port'
}
run start_errors_name_their_cause

# knocks FILE BYTES: sends bytes as printf spells them and takes the answer; whether it came instead of
# the greeting. The server waits 10 ms for a caller's first bytes, and on a busy machine nc is later.
knocks() {
  # shellcheck disable=SC2059
  printf "$2" | call "$TEXT" >"$WORK/$1"
  ! contains "$WORK/$1" 'I am here'
}

a_browser_is_told_where_to_go() {
  open_server
  if command -v curl >/dev/null; then
    within "$DEADLINE" browse || fail "status ${status:-none}"
    has page 'This is Parlor'
    has page "nc 127.0.0.1 $TEXT"
  fi
  within "$DEADLINE" knocks raw 'GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' || fail 'a browser is greeted'
  equal "$(head -n 1 "$WORK/raw")" $'HTTP/1.1 400 Bad Request\r'
  has raw "nc 127.0.0.1 $TEXT"
  equal "$(sed '1,/^\r$/d' "$WORK/raw" | wc -c)" "$(sed -n 's/^Content-Length: \([0-9]*\)\r$/\1/p' "$WORK/raw")" 'length of the page'

  # Typed after the greeting it is the same, and what follows the request is not said.
  come ann
  keyboard slow
  start slow "$NC" 127.0.0.1 "$TEXT"
  hear slow '*** who lists people'
  type_keys slow 'POST / HTTP/1.0\r\n\r\nsecret\r\n'
  hear slow 'HTTP/1.1 400 Bad Request'
  closed_on slow
  # But a person may well talk about it.
  say ann 'GET out of here'
  hear ann ': GET out of here'
  has_not ann.out 'secret'
  has_not ann.out 'HTTP'
  close_server
}
browse() {
  status=$(curl --noproxy '*' -sS -m "$DEADLINE" -o "$WORK/page" -w '%{http_code}' "http://127.0.0.1:$TEXT/" 2>"$WORK/curl")
  [[ $status == 400 ]]
}
run a_browser_is_told_where_to_go

other_protocols_are_told() {
  open_server
  # A TLS record of type handshake gets one of type alert, fatal, protocol_version.
  within "$DEADLINE" knocks tls '\026\003\001\000\005\001\000\000\001\003' || fail 'a TLS client is greeted'
  equal "$(od -An -tx1 "$WORK/tls")" ' 15 03 01 00 02 02 46'
  if command -v curl >/dev/null; then
    local code=0
    curl --noproxy '*' -sSk -m "$DEADLINE" "https://127.0.0.1:$TEXT/" >"$WORK/curl" 2>&1 || code=$?
    equal "$code" 35 'exit code of curl (35: the TLS handshake failed)'
  fi
  # A NUL among the first bytes is a program that wants another door.
  within "$DEADLINE" knocks binary '\001\000\000\000\000\000\000\000' || fail 'a program is greeted'
  has binary '!!! This is the text door'
  has binary "Relay: 127.0.0.1:$RELAY"
  come ann
  say ann 'nobody was hurt'
  hear ann ': nobody was hurt'
  has_not ann.out 'binary'
  close_server
}
run other_protocols_are_told

the_relay_door_relays() {
  open_server
  come ann
  come one "$RELAY"
  hear ann ': login'
  come two "$RELAY"
  # A session of the relay door is greeted by nothing; ann sees that it is there.
  within "$DEADLINE" logins ann 3 || fail 'ann does not see both come'
  say one 'from one'
  hear two ':from one'
  hear ann ': from one'
  matches "$WORK/two.out" $'^[0-9]+:from one\r$' || fail 'not ID:text, CRLF'
  type_keys two 'from two\r\n\r\n\n'
  hear one ':from two'
  hear ann ': from two'
  say ann 'from ann'
  hear one ':from ann'
  hear two ':from ann'
  say ann '/me waves'
  say ann 'fence'
  hear one ':fence'
  hear two ':fence'
  # Everyone else's lines and nothing besides: not its own, no joins, no empty lines.
  equal "$(cut -d: -f2- "$WORK/two.out" | grep -v waves | tr -d '\r' | paste -sd,)" 'from one,from ann,fence'
  equal "$(cut -d: -f2- "$WORK/one.out" | grep -v waves | tr -d '\r' | paste -sd,)" 'from two,from ann,fence'
  # The sender's id is the same at every door.
  local id
  id=$(sed -n 's/^\([0-9]*\):from one\r$/\1/p' "$WORK/two.out")
  matches "$WORK/ann.out" "^\[127\.0\.0\.1:[0-9]+\]$id: from one$" || fail "ann sees another id than $id"
  printf 'last words' | call "$RELAY" >"$WORK/passing"
  hear one ':last words'
  equal "$(cat "$WORK/passing")" '' 'what a relay caller hears of itself'
  close_server
}
run the_relay_door_relays

finish
