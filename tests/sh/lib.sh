# shellcheck shell=bash
# The harness of the shell tests: a real server, real nc and telnet, and waits for facts.
#
# usage, in a test file:
#   . "$(dirname "$0")/lib.sh"
#   some_case() { open_server; come ann; say ann 'hi'; hear ann 'ann: hi'; stop_server; }
#   run some_case          prints `ok some_case`, `skip some_case: WHY` or `FAIL some_case`
#   finish                 prints `N passed, N failed`, and `, N skipped` behind it if there were any;
#                          the exit code is 1 if any failed
#
# A test file runs all its cases, or those named as its arguments. $PARLOR is the binary under test
# (target/debug/parlor). Every case has a shell and a folder ($WORK) of its own; when it ends, all
# that it started is killed, and when it fails, everything that was there is shown: the server's
# log, and what each person saw. Nothing sleeps for time to pass: each wait is for a fact, and has
# a deadline of $DEADLINE seconds after which the case fails.

set -euo pipefail

DEADLINE=${DEADLINE:-60}
PARLOR=${PARLOR:-$(dirname "${BASH_SOURCE[0]}")/../../target/debug/parlor}

# Variables of the caller's shell must not change what the tests see.
unset RUST_LOG "${!PARLOR_@}"
export LC_ALL=C

# --- cases -----------------------------------------------------------------------------------

SKIPPED=77 # the exit code by which a case says so
passed=0 failed=0 skipped=0
only=("$@")
FOLDER=

begin() {
  if ((BASH_VERSINFO[0] < 5)); then
    echo "these tests need bash 5 or later, this is $BASH_VERSION" >&2
    exit 1
  fi
  if [[ ! -x $PARLOR ]]; then
    echo "no server to test at $PARLOR: run cargo build first, or set PARLOR" >&2
    exit 1
  fi
  PARLOR=$(realpath "$PARLOR")
  NC=$(openbsd_nc) || {
    echo "no OpenBSD nc (the one with -N) here: install netcat-openbsd, or let scripts/test.sh do it" >&2
    exit 1
  }
  FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/parlor-sh.XXXXXX")
  chmod 711 "$FOLDER" # the cases under another user pass through it
  trap 'rm -rf "$FOLDER"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# The name of an OpenBSD nc; others neither know -N nor leave when the server closes.
openbsd_nc() {
  local name
  for name in nc nc.openbsd netcat; do
    if command -v "$name" >/dev/null && { "$name" -h 2>&1 || true; } | grep -Eq -- '-N[[:space:]]+Shutdown'; then
      echo "$name"
      return
    fi
  done
  return 1
}

# run CASE: runs the function of that name in a shell of its own.
run() {
  local name=$1 code
  if ((${#only[@]})) && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  WORK=$FOLDER/$name
  mkdir "$WORK"
  # Not in a condition: there, set -e would be off within.
  set +e
  (
    set -e
    trap 'kill_everything' EXIT
    "$name"
  ) >"$WORK/.says" 2>&1
  code=$?
  set -e
  case $code in
    0) passed=$((passed + 1)) && echo "ok $name" ;;
    "$SKIPPED") skipped=$((skipped + 1)) && echo "skip $name: $(tail -n 1 "$WORK/.says")" ;;
    *)
      failed=$((failed + 1))
      echo "FAIL $name (exit code $code)"
      show_everything
      ;;
  esac
  rm -rf "$WORK"
}

finish() {
  local all="$passed passed, $failed failed"
  ((skipped == 0)) || all+=", $skipped skipped"
  echo "$all"
  ((failed == 0))
}

# skip WHY: leaves the case; what it needs is not on this machine.
skip() {
  echo "$*"
  exit "$SKIPPED"
}

# fail WHAT: leaves the case, saying where and what.
fail() {
  local frame=0 where
  while where=$(caller "$frame") && [[ $where == */lib*.sh ]]; do frame=$((frame + 1)); done
  echo "line ${where%% *}: $*" >&2
  exit 1
}

show_everything() {
  local file
  sed 's/^/    /' "$WORK/.says"
  for file in "$WORK"/*; do
    [[ -f $file && -s $file && ! -x $file ]] || continue
    echo "    --- ${file##*/}"
    tail -n 40 "$file" | cut -c -200 | tr -c '[:print:]\t\n' '~' | sed 's/^/    | /'
  done
}

# --- processes -------------------------------------------------------------------------------

declare -A in_fd # of each person: the descriptor that is its keyboard
declare -A pid_of
SERVER='' # its number, which is not that of what started it where strace stands between

# start NAME COMMAND...: runs it in the background; stdin from NAME.in if that is there, else
# nothing; stdout to NAME.out, stderr to NAME.log. Its number is in pid_of[NAME].
start() {
  local name=$1 fd
  shift
  rm -f "$WORK/$name.out" "$WORK/$name.log" # so that nobody takes what an earlier one said for its words
  (
    trap - EXIT
    # A process that holds the writing end of a client's input keeps it from ending.
    for fd in "${in_fd[@]}"; do exec {fd}>&-; done
    local keyboard=/dev/null
    [[ -p $WORK/$name.in ]] && keyboard=$WORK/$name.in
    exec "$@" <"$keyboard" >"$WORK/$name.out" 2>"$WORK/$name.log"
  ) &
  pid_of[$name]=$!
}

alive() { kill -0 "$1" 2>/dev/null; }

# Kills what still runs. The numbers of what has ended may be somebody else's by now.
kill_everything() {
  local child
  if [[ $SERVER && $(readlink "/proc/$SERVER/exe") == "$PARLOR" ]]; then kill -KILL "$SERVER" || true; fi
  for child in $(jobs -pr); do kill -KILL "$child" || true; done
  wait
} 2>/dev/null

# ended NAME [CODE]: waits until what was started as NAME has ended, with that exit code (0).
ended() {
  local name=$1 code=${2:-0} got=0
  within "$DEADLINE" not alive "${pid_of[$name]}" || fail "$name still runs after $DEADLINE s"
  wait "${pid_of[$name]}" || got=$?
  ((got == code)) || fail "$name: exit code $got, expected $code"
}

# --- waiting ---------------------------------------------------------------------------------

not() { ! "$@"; }

now_ms() {
  local now=${EPOCHREALTIME/./}
  echo "${now%???}"
}

# within SECONDS CONDITION...: 0 as soon as the condition holds, 1 when the time is over.
within() {
  local until=$(($(now_ms) + $1 * 1000))
  shift
  while ! "$@"; do
    (($(now_ms) < until)) || return 1
    sleep 0.02 # between two looks
  done
}

contains() { grep -aFq -e "$2" "$1" 2>/dev/null; }
matches() { grep -aEq -e "$2" "$1" 2>/dev/null; }

# wait_for FILE TEXT: until the file contains the text.
wait_for() {
  within "$DEADLINE" contains "$1" "$2" || fail "${1##*/}: nothing like '$2' in $DEADLINE s"
}

# --- the server ------------------------------------------------------------------------------

# open_server [FLAG...]: starts a server with a text and a relay door on free ports; $TEXT and $RELAY are
# the ports. Nobody is slowed down or timed out unless the flags say so.
open_server() {
  serve "$PARLOR" --listen text://127.0.0.1:0 --listen relay://127.0.0.1:0 "$@"
}

# serve COMMAND...: starts a server by a command, and waits until it is ready.
serve() {
  PARLOR_RATE=${PARLOR_RATE:-0} PARLOR_IDLE=${PARLOR_IDLE:-0} start server "$@"
  within "$DEADLINE" ready_or_dead || fail "the server is not ready after $DEADLINE s"
  contains "$WORK/server.out" 'parlor ready' || fail "the server ended instead of getting ready"
  SERVER=$(sed -n 's/^parlor ready pid=\([0-9]*\) .*/\1/p' "$WORK/server.out")
  TEXT=$(port_of text)
  RELAY=$(port_of relay)
}

ready_or_dead() { matches "$WORK/server.out" '^parlor ready .*=' || ! alive "${pid_of[server]}"; }

port_of() { sed -n "s/^parlor ready .* $1=[^ ]*:\([0-9]*\).*/\1/p" "$WORK/server.out"; }

# close_server: everybody goes, then the server is stopped. The end of most cases.
close_server() {
  local name
  for name in "${!in_fd[@]}"; do
    [[ -z ${pid_of[$name]:-} ]] || kill -TERM "${pid_of[$name]}" 2>/dev/null || true
  done
  stop_server
}

# stop_server: asks for the stop and waits until it is over. Where people are still there, that takes
# a second: the server waits so long for each to close as well, and nc does not.
stop_server() {
  kill -TERM "$SERVER"
  ended server
}

# --- people ----------------------------------------------------------------------------------

# come NAME [PORT [HOST]]: a person with nc: `say` types for it, and $WORK/NAME.out has what it sees.
# Waits for the greeting, except on the relay door, which has none, and presses Enter once: a session is
# listed with its first byte.
come() {
  local name=$1 port=${2:-$TEXT} host=${3:-127.0.0.1}
  keyboard "$name"
  start "$name" "$NC" "$host" "$port"
  [[ $port != "$RELAY" ]] || return 0
  hear "$name" '*** who lists people'
  type_keys "$name" '\n'
}

# come_by_telnet NAME: as `come`, by telnet. expect holds the terminal and passes on what is typed.
come_by_telnet() {
  command -v telnet >/dev/null || skip 'there is no telnet'
  command -v expect >/dev/null || skip 'there is no expect'
  keyboard "$1"
  start "$1" expect -c "
    spawn -noecho telnet 127.0.0.1 $TEXT
    interact {
      eof { }
    }
    lassign [wait] pid id failed code
    exit \$code
  "
  hear "$1" "Escape character is '^]'."
  hear "$1" '*** who lists people'
}

# come_at_last NAME [PORT]: as `come`, again and again while the server is full or busy. A slot is
# free some moments after its session was seen to leave.
come_at_last() { within "$DEADLINE" gets_in "$@" || fail "$1 does not get in"; }
gets_in() {
  keyboard "$1"
  start "$1" "$NC" 127.0.0.1 "${2:-$TEXT}"
  within "$DEADLINE" matches "$WORK/$1.out" '^(\*\*\* who lists people|!!! )' || fail "$1 is neither greeted nor refused"
  contains "$WORK/$1.out" '*** who lists people'
}

# keyboard NAME: makes NAME.in, opened in both directions so that nobody waits for the other side.
keyboard() {
  local fd
  rm -f "$WORK/$1.in"
  mkfifo "$WORK/$1.in"
  exec {fd}<>"$WORK/$1.in"
  in_fd[$1]=$fd
}

# say NAME LINE: types a line. `type_keys` types bytes as printf's format spells them.
say() { printf '%s\n' "$2" >&"${in_fd[$1]}"; }
# shellcheck disable=SC2059 # it is a format on purpose: '\003' is a key
type_keys() { printf "$2" >&"${in_fd[$1]}"; }

# hear NAME TEXT: waits until the person has seen it.
hear() { wait_for "$WORK/$1.out" "$2"; }

# serves_on TEXT: somebody comes by the text door, says it, has it back and goes.
serves_on() { "$(dirname "$PARLOR")/parlor-cli" "127.0.0.1:$TEXT" send "$1" || fail "nobody can say: $1"; }

# go NAME: the person's nc is killed, as by Ctrl-C.
go() {
  kill -TERM "${pid_of[$1]}"
  ended "$1" 143
}

# logins NAME N: whether so many logins have been seen, by NAME, its own among them.
logins() { (($(count "$1.out" ': login') >= $2)); }

# end_input NAME: end of file, Ctrl-D on an empty line.
end_input() {
  local fd=${in_fd[$1]}
  exec {fd}>&-
  unset "in_fd[$1]"
}

# closed_on NAME: the server has closed. nc notices only when its own input ends as well.
closed_on() {
  end_input "$1"
  ended "$1"
}

# address_of NAME: what the server shows as its address.
address_of() { sed -n 's/^\[\(.*\)\]\1: I am here.*/\1/p' "$WORK/$1.out"; }

# call PORT: sends stdin by nc, ends its input (-N) and prints the answers until the close.
call() { timeout "$DEADLINE" "$NC" -N 127.0.0.1 "$1" || fail "a caller was not let go (exit code $?)"; }

# --- assertions ------------------------------------------------------------------------------

# Each takes a file of $WORK.
has() { contains "$WORK/$1" "$2" || fail "$1 lacks: $2"; }
has_not() { ! contains "$WORK/$1" "$2" || fail "$1 has: $2"; }
has_line() { grep -aFxq -e "$2" "$WORK/$1" || fail "$1 lacks the line: $2"; }

# count FILE TEXT: how many lines contain it.
count() { grep -aFc -e "$2" "$WORK/$1" || true; }

# equal GOT EXPECTED [WHAT]
equal() {
  [[ $1 == "$2" ]] || fail "${3:-values}"$'\n'"got:      $1"$'\n'"expected: $2"
}

# in_order FILE TEXT...: each text begins in a line after the one where the one before it did.
in_order() {
  local file=$1 text line last=0
  shift
  for text; do
    line=$(tail -n +$((last + 1)) "$WORK/$file" | grep -aFn -m 1 -e "$text" | cut -d: -f1 || true)
    [[ $line ]] || fail "$file lacks, after its line $last: $text"
    last=$((last + line))
  done
}
