#!/usr/bin/env bash
# Measures the source (lengths, import circles, sizes of structs), and prints each figure with its goal.
#
# usage: scripts/shape.sh [--list] [--check]
#
#   --list    prints the places behind each figure too
#   --check   ends with 1 where a goal is missed
#
# Lengths are lines of whole files. Files that are one table are left out (tests/it/shape/mod.rs says
# which, and why). An import circle is a group of files that import each other, directly or by others; a
# name is followed to the file that defines it, so a re-export is no import. A struct counts when a method
# of it takes &mut self; its methods are those of its own impl blocks. A question for the wire format is a
# comparison with a Wire, or a pattern of one. Helpers are doubled when parameters and body are the same,
# recorded bytes when one literal stands in two files of tests.
#
# Not measured here, since it takes minutes or a reader: scripts/bench.sh --instructions (320 at most),
# throughput against an older binary (0.95 at least), what a new command touches (4 places).
#
# Exit code: 0 printed, 1 a goal is missed (--check) or nothing could be measured, 2 wrong usage.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

check=0 list=''
while (($#)); do
  case $1 in
    --list) list=--list ;;
    --check) check=1 ;;
    -h | --help) usage && exit 0 ;;
    *) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
  esac
  shift
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/parlor-shape.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# The part in Rust uses nothing but std, so it needs no build of the library, which may be broken.
rustc --edition 2024 --crate-name shape -o "$scratch/shape" tests/it/shape/mod.rs
missed=0
"$scratch/shape" $list >"$scratch/rows" || missed=1

crates=$(cargo tree --offline --locked --edges normal,build --no-default-features --prefix none --no-dedupe |
  awk '$1 != "parlor" { print $1, $2 }' | sort -u)
count=$(grep -c . <<<"$crates")
verdict=ok
((count <= 30)) || { verdict=no && missed=1; }
{
  printf 'crates compiled for the library alone\t30\t%s\t%s\n' "$count" "$verdict"
  [[ -z $list ]] || awk '{ print "    " $0 }' <<<"$crates"
} >>"$scratch/rows"

awk -F '\t' '
  BEGIN { printf "%-62s %-8s %s\n", "", "goal", "now" }
  NF == 4 { printf "%-62s %-8s %-22s %s\n", $1, $2, $3, $4; next }
  { print }
' "$scratch/rows"
((!check || !missed))
