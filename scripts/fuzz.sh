#!/usr/bin/env bash
# Feeds random input to every decoder and parser, and reports what breaks.
#
# usage: scripts/fuzz.sh [--seconds N] [--at-once N] [--sanitizer none|address] [TARGET...]
#
#   --seconds N    duration for each target (60)
#   --at-once N    number of targets that run at the same time (1)
#   --sanitizer    none (the default): optimised, as a release is; address: slower, with overflow and debug
#                  assertions, and with a check of every memory access
#   TARGET         one or more of tests/fuzz/fuzz_targets, without .rs; all of them if none is named
#
# It needs cargo-fuzz (cargo install cargo-fuzz) and a C++ compiler. A stable toolchain is enough.
# Found inputs are kept under the build's target directory; the next run starts with them. The committed
# tests/fuzz/corpus is only read. An input that breaks something is stored in tests/fuzz/artifacts, and the
# command that repeats it is printed.
#
# Exit code: 0 nothing found, 1 something found or missing, 2 wrong usage.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

seconds=60 sanitizer=none at_once=1 targets=()
while (($#)); do
  case $1 in
    --seconds)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "--seconds needs a number" >&2 && exit 2; }
      seconds=$2
      shift
      ;;
    --at-once)
      [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || { echo "--at-once needs a number up to 99" >&2 && exit 2; }
      at_once=$2
      shift
      ;;
    --sanitizer)
      [[ ${2:-} =~ ^(none|address)$ ]] || { echo "--sanitizer is none or address" >&2 && exit 2; }
      sanitizer=$2
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    -*) { echo "unknown argument: $1" && usage; } >&2 && exit 2 ;;
    *)
      [[ -f tests/fuzz/fuzz_targets/$1.rs ]] || { echo "no such target: $1" >&2 && exit 2; }
      targets+=("$1")
      ;;
  esac
  shift
done
if ((${#targets[@]} == 0)); then
  for file in tests/fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

missing=()
command -v cargo >/dev/null || missing+=("cargo (a Rust toolchain: https://rustup.rs)")
cargo fuzz --version >/dev/null 2>&1 || missing+=("cargo-fuzz (cargo install cargo-fuzz)")
command -v c++ >/dev/null || missing+=("c++ (a C++ compiler, for libFuzzer itself)")
if ((${#missing[@]})); then
  printf 'missing: %s\n' "${missing[@]}" >&2
  exit 1
fi

# libFuzzer needs a compiler flag that a stable compiler accepts only with RUSTC_BOOTSTRAP.
export RUSTC_BOOTSTRAP=1
build=(--fuzz-dir tests/fuzz --sanitizer "$sanitizer")
[[ $sanitizer != none ]] || build+=(--release)

work=$(mktemp -d "${TMPDIR:-/tmp}/parlor-fuzz.XXXXXX")
running=() # the process group of each target that runs
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
  local group
  for group in "${running[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! cargo fuzz build "${build[@]}" >"$work/build" 2>&1; then
  cat "$work/build" >&2
  echo "the fuzz targets could not be built" >&2
  exit 1
fi
learnt=${CARGO_TARGET_DIR:-tests/fuzz/target}/corpus

# The longest input of a target: long enough to reach its limits. Short inputs are faster.
longest() {
  case $1 in
    names) echo 128 ;;
    flags) echo 48 ;;
    *) echo 1024 ;;
  esac
}

# number PATTERN FILE: the number behind the last match, or 0.
number() { grep -oE "$1 *[0-9]+" "$2" | grep -oE '[0-9]+$' | tail -n 1 || echo 0; }

# throw_at TARGET: runs the target; writes its log, and beside it whether something was found.
throw_at() {
  local target=$1 verdict=0
  mkdir -p "$learnt/$target"
  cargo fuzz run "${build[@]}" "$target" "$learnt/$target" "tests/fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=10 -print_final_stats=1 \
    >"$work/$target" 2>&1 </dev/null || verdict=1
  echo "$verdict" >"$work/$target.verdict"
}

found=0 total=0
# tell TARGET: prints a row of the table, and what was found.
tell() {
  local target=$1 log=$work/$1 verdict inputs before after artifact
  verdict=$(cat "$work/$target.verdict")
  inputs=$(number 'number_of_executed_units:' "$log")
  before=$(grep -m 1 INITED "$log" | grep -oE 'cov: [0-9]+' | grep -oE '[0-9]+' || echo 0)
  after=$(number 'cov:' "$log")
  printf '%-10s %12d %10d %13d %9d\n' "$target" "$inputs" "$(number 'average_exec_per_sec:' "$log")" \
    $((after > before ? after - before : 0)) "$verdict"
  total=$((total + inputs))
  ((verdict)) || return 0
  found=$((found + 1))
  grep -A 4 -E 'panicked at|ERROR:|SUMMARY:' "$log" | head -n 20 | sed 's/^/  /' || true
  artifact=$(grep -oE 'Test unit written to .*' "$log" | sed 's/^Test unit written to //' | tail -n 1 || true)
  [[ -z $artifact ]] || echo "  again: RUSTC_BOOTSTRAP=1 cargo fuzz run ${build[*]} $target $artifact"
}

printf '%-10s %12s %10s %13s %9s\n' target inputs 'inputs/s' 'new coverage' findings
for ((at = 0; at < ${#targets[@]}; at += at_once)); do
  some=("${targets[@]:at:at_once}")
  set -m # a process group for each target, so that it can be ended as a whole
  for target in "${some[@]}"; do
    throw_at "$target" &
    running+=($!)
  done
  set +m
  wait
  running=()
  for target in "${some[@]}"; do tell "$target"; done
done
printf '%-10s %12d %10s %13s %9d\n' all "$total" '' '' "$found"
((found == 0))
