#!/usr/bin/env bash
# Draws the picture of the README: the two terminals of scripts/demo.sh, as an SVG.
#
# usage: scripts/picture.sh [FILE]        FILE is src/guide/chat.svg if none is given
#
# The session is real: scripts/demo.sh starts the server on port 8000 and two nc. The variable PARLOR
# names the server's binary; without it, cargo builds one.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
esac
file=${1:-src/guide/chat.svg}

# Pixels. A character of a monospaced font is 0.6 of its size wide; no line has more than 78 characters.
size=13 line=18 width=660 margin=14 title=26

session=$(scripts/demo.sh --port 8000 | sed '/^\$ kill /,$d') # without the stop

escaped() { sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'; }

# rows NAME: the lines of one terminal, `>` before what was typed, `<` before what was shown.
rows() {
  sed -n -e "s/^\(\$ nc [^ ]* [0-9]*\) *($1)\$/>\1/p" -e "s/^$1\([<>]\) /\1/p" <<<"$session"
}

# terminal NAME Y: a window whose upper edge is at Y.
terminal() {
  local name=$1 y=$2 count row class
  count=$(rows "$name" | wc -l)
  echo "<rect class=\"window\" y=\"$y\" width=\"$width\" height=\"$((title + count * line + margin))\" rx=\"8\"/>"
  echo "<text class=\"title\" x=\"$margin\" y=\"$((y + 18))\">${name^}</text>"
  y=$((y + title))
  while IFS= read -r row; do
    y=$((y + line))
    class=shown
    [[ ${row:0:1} == '<' ]] || class=typed
    echo "<text class=\"$class\" x=\"$margin\" y=\"$y\" xml:space=\"preserve\">$(escaped <<<"${row:1}")</text>"
  done < <(rows "$name")
  bottom=$((y + margin))
}

{
  terminal ann 0
  terminal bob $((bottom + 12))
} >"$file.body"
height=$(($(rows ann | wc -l) * line + $(rows bob | wc -l) * line + 2 * (title + margin) + 12))
{
  echo "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $width $height\" width=\"$width\" height=\"$height\" role=\"img\">"
  echo "<title>Ann and Bob chat by nc</title>"
  echo "<style>"
  echo "text { font: ${size}px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }"
  echo ".window { fill: #1b1f24; } .title { fill: #9aa4af; } .shown { fill: #e6e9ec; } .typed { fill: #7ee0a1; }"
  echo "</style>"
  cat "$file.body"
  echo "</svg>"
} >"$file"
rm "$file.body"
echo "$file"
