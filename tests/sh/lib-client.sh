# shellcheck shell=bash
# Shared by the tests of parlor-cli: the client under test, and a server with every door that it speaks at.
#
# usage, in a test file, instead of lib.sh:
#   . "$(dirname "$0")/lib-client.sh"
cli=${PARLOR_CLI:-} # the library clears what the programs under test would read
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
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

# does NAME CODE ARGUMENT...: runs the client, which ends with that code; NAME.out and NAME.log are what it said.
does() {
  local name=$1 code=$2
  shift 2
  start "$name" "$CLI" "$@"
  ended "$name" "$code"
}

# here WIRE NAME...: whether they are in the room, as a session of that door sees it. (Joins and leaves
# are no fact to wait for: many at once are summed in one line.)
here() {
  local wire=$1 names name
  shift
  names=$("$CLI" "$(door "$wire")" --wire "$wire" who) || return 1
  for name; do grep -Fxq -e "$name" <<<"$names" || return 1; done
}
