#!/usr/bin/env bash
# Measures everything that bench/README.md reports. Needs a release build (`make bench` makes one) and installs nginx and
# wrk from Debian where they are missing. Takes about ten minutes; --quick takes three.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${CARGO_TARGET_DIR:-$PWD/target}"
rounds=5; seconds=6; spans=10000000
if [ "${1:-}" = "--quick" ]; then rounds=3; seconds=4; spans=1000000; fi

if ! command -v nginx >/dev/null || ! command -v wrk >/dev/null; then
  if [ "$(id -u)" -eq 0 ]; then sudo=""; else sudo="sudo"; fi
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends nginx-light wrk >/dev/null
fi

cargo build --release --locked --package weir --package weir-gateway --package weir-store --bins --examples

BIN_DIR="$target/release" bench/gateway.py --rounds "$rounds" --seconds "$seconds"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$target/release/examples/store_bench" append record query --spans "$spans" --dir "$work"
