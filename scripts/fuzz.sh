#!/usr/bin/env bash
# Runs every fuzz target for SECONDS_EACH seconds (default 20), starting from the fixtures in testdata.
#
#   scripts/fuzz.sh              every target
#   scripts/fuzz.sh sse request  these
#
# Runs on the project's own stable toolchain: the code under test is safe Rust, so coverage and assertions are what
# find faults. With FUZZ_SANITIZER=address (nightly is then needed) the unsafe code of dependencies is watched too.
# FUZZ_SEED=N begins each target's random numbers at N; without it each run draws others. `make test` sets it, so that a
# change is judged by nearly the same inputs as the one before; who looks for faults runs this script for longer.
# Without network cargo-fuzz cannot be installed; the script then says so and skips.
set -euo pipefail

SECONDS_EACH=${SECONDS_EACH:-20}
FUZZ_SEED=${FUZZ_SEED:-0}
FUZZ_SANITIZER=${FUZZ_SANITIZER:-none}
CARGO_FUZZ_VERSION=0.13.2
root=$(cd "$(dirname "$0")/.." && pwd)
tools=${WEIR_CACHE:-$HOME/.cache/weir}/cargo-fuzz-$CARGO_FUZZ_VERSION
target_dir=${CARGO_TARGET_DIR:-$root/target}/fuzz
toolchain=
corpus_root=$root/fuzz/corpus

if [ "$FUZZ_SANITIZER" != none ]; then
  toolchain=+nightly
  if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: SKIPPED: FUZZ_SANITIZER=$FUZZ_SANITIZER needs the nightly toolchain (rustup toolchain install nightly)"
    exit 0
  fi
fi
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
  echo "fuzz: installing cargo-fuzz $CARGO_FUZZ_VERSION into $tools"
  if ! CARGO_TARGET_DIR=$target_dir-tools cargo install cargo-fuzz --quiet --locked \
    --version "$CARGO_FUZZ_VERSION" --root "$tools"; then
    echo "fuzz: SKIPPED: cargo-fuzz could not be installed (is the crate registry reachable?)"
    exit 0
  fi
fi
export PATH=$tools/bin:$PATH
# The store links DuckDB's shared library, which the fuzz build finds by this path alone.
export LD_LIBRARY_PATH=$root/.cache/duckdb${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# Copies a fixture into a target's corpus, followed by the bytes that choose (see the targets).
seed() { # target, file, choosing bytes
  mkdir -p "$corpus_root/$1"
  local name
  name=$(printf '%s' "$2$3" | cksum | cut -d' ' -f1)
  { cat "$2"; printf '%b' "$3"; } >"$corpus_root/$1/seed-$name"
}

seed_all() {
  local dialect=0 folder file
  # In the order of Dialect::ALL.
  for folder in openai_chat openai_completions openai_responses openai_embeddings anthropic_messages anthropic_count_tokens; do
    local number
    number=$(printf '\\x%02x' "$dialect")
    for file in "$root"/testdata/dialect/$folder/*/stream.sse; do
      [ -e "$file" ] || continue
      seed sse "$file" "$number\\x00\\x00\\x06"
      seed sse "$file" "$number\\x01\\xa0\\x12"
    done
    for file in "$root"/testdata/dialect/$folder/*/request.json; do
      seed request "$file" "$number"
      seed trim "$file" "$number\\x04"
    done
    for file in "$root"/testdata/dialect/$folder/*/response.json; do
      [ -e "$file" ] && seed response "$file" "$number\\xad\\x01"
    done
    dialect=$((dialect + 1))
  done
  # The last byte chooses the kind of payload: traces, traces with a table, events, evaluations.
  for file in "$root"/testdata/datadog/*.msgpack; do seed datadog "$file" '\x00'; done
  seed datadog "$root/testdata/datadog/events.json" '\x02'
  seed datadog "$root/testdata/datadog/evaluations.json" '\x03'
  # The last byte chooses the system.
  seed exchange "$root/testdata/monitors/exchange/datadog.json" '\x00'
  seed exchange "$root/testdata/monitors/exchange/terraform.json" '\x01'
  seed exchange "$root/testdata/monitors/exchange/rules.yaml" '\x02'
  mkdir -p "$corpus_root/expression" "$corpus_root/journal_replay"
  local index=0 line
  # Every code block of the language's reference is a seed.
  sed -n '/^```/,/^```/{/^```/d;p}' "$root/docs/reference/query-language.md" 2>/dev/null | while IFS= read -r line; do
    printf '%s' "$line" >"$corpus_root/expression/seed-$index"
    index=$((index + 1))
  done
  # And every line of the conditions that the tests hold.
  mkdir -p "$corpus_root/condition"
  index=0
  cat "$root"/testdata/monitors/{datadog,weir,malformed}.txt | while IFS= read -r line; do
    printf '%s' "$line" >"$corpus_root/condition/seed-$index"
    index=$((index + 1))
  done
  # And every disguise that the guard sees through.
  mkdir -p "$corpus_root/inspect"
  index=0
  cut -f2- "$root/testdata/guard/evasions.tsv" | while IFS= read -r line; do
    printf '%b\x00' "$line" >"$corpus_root/inspect/seed-$index"
    index=$((index + 1))
  done
}

seed_all
cd "$root/fuzz"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
  echo "fuzz: $target for $SECONDS_EACH s"
  dictionary=()
  [ -e "dictionaries/$target.dict" ] && dictionary=("-dict=dictionaries/$target.dict")
  features=()
  [ "$target" = journal_replay ] && features=(--features store)
  cargo $toolchain fuzz run "${features[@]}" --sanitizer "$FUZZ_SANITIZER" --target-dir "$target_dir" "$target" -- \
    -seed="$FUZZ_SEED" -max_total_time="$SECONDS_EACH" -max_len=16384 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -verbosity=0 "${dictionary[@]}"
done
