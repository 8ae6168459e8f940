#!/usr/bin/env bash
# Shows two people chatting: a server, two nc, and what each types and sees.
#
# usage: scripts/demo.sh [--port N]
#
#   --port N   the port of the text door (any free port)
#
# It takes some seconds. The variable PARLOR names the server's binary; without it, cargo builds one.
#
# `ann> ` is a line that ann types, `ann< ` a line that her nc shows.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

port=0
while (($#)); do
  case $1 in
    --port)
      [[ ${2:-} =~ ^[0-9]{1,5}$ ]] || { echo "--port needs a number" >&2 && exit 2; }
      port=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done
set -- # tests/sh/lib.sh takes arguments for names of cases

if [[ -z ${PARLOR:-} ]]; then
  cargo build --locked --release --quiet --bin parlor
  target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  export PARLOR=$target/release/parlor
fi

# shellcheck source-path=SCRIPTDIR source=../tests/sh/lib.sh
. tests/sh/lib.sh
begin

# shown NAME: prints what NAME has seen since the last time.
declare -A seen
shown() {
  local total
  total=$(wc -l <"$WORK/$1.out")
  tail -n +$((${seen[$1]:-0} + 1)) "$WORK/$1.out" | head -n $((total - ${seen[$1]:-0})) | sed "s/^/$1< /"
  seen[$1]=$total
}

# types NAME LINE ANSWER [OTHER'S LINE]: NAME types; both wait until they have seen their line.
types() {
  echo "$1> $2"
  say "$1" "$2"
  hear "$1" "$3"
  [[ -z ${4:-} ]] || hear "$other" "$4"
  shown "$1"
  shown "$other"
}

conversation() {
  # The limits of a server without flags, not those of the shell tests.
  serve env -u PARLOR_RATE -u PARLOR_IDLE "$PARLOR" --listen "text://127.0.0.1:$port"
  echo "\$ parlor &"
  cat "$WORK/server.out"
  echo "\$ nc 127.0.0.1 $TEXT            (ann)"
  come ann
  shown ann
  other=bob
  echo "\$ nc 127.0.0.1 $TEXT            (bob)"
  come bob
  hear ann "$(address_of bob): login"
  shown bob
  shown ann
  types ann 'rename|ann' 'rename ok' 'is now ann'
  other=ann
  types bob 'rename|bob' 'rename ok' 'is now bob'
  types bob 'hi ann, anybody else here?' 'bob: hi ann' 'bob: hi ann'
  types bob 'who' ':bob'
  other=bob
  types ann 'just you and me' 'ann: just you' 'ann: just you'
  types ann '/msg bob lunch at noon?' '>>> to bob' '>>> ann'
  types ann '/quit good night' '*** Goodbye' 'login out'
  echo "\$ kill $SERVER"
  stop_server
  shown bob
  closed_on ann
  closed_on bob
  sed 's/^/parlor: /' "$WORK/server.log"
}

WORK=$FOLDER
trap 'kill_everything; rm -rf "$FOLDER"' EXIT
conversation
