#!/usr/bin/env bash
# Throws made-up input at every decoder and parser, and counts what it did.
#
# usage: scripts/fuzz.sh [--seconds N] [--sanitizer none|address] [TARGET...]
#
#   --seconds N    how long each target runs (60)
#   --sanitizer    none (the default): built for speed, as a release is; address: slower, with
#                  overflow and debug assertions, and every access to memory is checked
#   TARGET         one or more of tests/fuzz/fuzz_targets, without .rs; all of them if none is named
#
# It needs cargo-fuzz (cargo install cargo-fuzz) and a C++ compiler; a stable toolchain will do.
# What it learns stays under the build's target directory and is where the next run begins; the
# committed tests/fuzz/corpus is only read. An input that breaks something is left in
# tests/fuzz/artifacts, and how to play it again is said.
#
# Exit code: 0 nothing found, 1 something found or missing, 2 wrong usage.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

seconds=60 sanitizer=none targets=()
while (($#)); do
  case $1 in
    --seconds)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "--seconds needs a number" >&2 && exit 2; }
      seconds=$2
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

# libFuzzer's hooks are a compiler flag that a stable compiler has, and hides.
export RUSTC_BOOTSTRAP=1
build=(--fuzz-dir tests/fuzz --sanitizer "$sanitizer")
[[ $sanitizer != none ]] || build+=(--release)

work=$(mktemp -d "${TMPDIR:-/tmp}/parlor-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! cargo fuzz build "${build[@]}" >"$work/build" 2>&1; then
  cat "$work/build" >&2
  echo "the fuzz targets could not be built" >&2
  exit 1
fi
learnt=${CARGO_TARGET_DIR:-tests/fuzz/target}/corpus

# Longest input that is tried: as long as the target's limits make sense of, since short ones are fast.
longest() {
  case $1 in
    names) echo 128 ;;
    flags) echo 48 ;;
    *) echo 1024 ;;
  esac
}

# number PATTERN FILE: the number behind the last match, or 0.
number() { grep -oE "$1 *[0-9]+" "$2" | grep -oE '[0-9]+$' | tail -n 1 || echo 0; }

found=0 total=0
printf '%-10s %12s %10s %13s %9s\n' target inputs 'inputs/s' 'new coverage' findings
for target in "${targets[@]}"; do
  mkdir -p "$learnt/$target"
  log=$work/$target verdict=0
  cargo fuzz run "${build[@]}" "$target" "$learnt/$target" "tests/fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=10 -print_final_stats=1 \
    >"$log" 2>&1 </dev/null || verdict=1
  inputs=$(number 'number_of_executed_units:' "$log")
  before=$(grep -m 1 INITED "$log" | grep -oE 'cov: [0-9]+' | grep -oE '[0-9]+' || echo 0)
  after=$(number 'cov:' "$log")
  printf '%-10s %12d %10d %13d %9d\n' "$target" "$inputs" "$(number 'average_exec_per_sec:' "$log")" \
    $((after > before ? after - before : 0)) "$verdict"
  total=$((total + inputs))
  if ((verdict)); then
    found=$((found + 1))
    grep -A 4 -E 'panicked at|ERROR:|SUMMARY:' "$log" | head -n 20 | sed 's/^/  /'
    artifact=$(grep -oE 'Test unit written to .*' "$log" | sed 's/^Test unit written to //' | tail -n 1)
    [[ -z $artifact ]] || echo "  again: RUSTC_BOOTSTRAP=1 cargo fuzz run ${build[*]} $target $artifact"
  fi
done
printf '%-10s %12d %10s %13s %9d\n' all "$total" '' '' "$found"
((found == 0))
