#!/usr/bin/env bash
# Measures DogStatsD on loopback: datagrams lost at a rate, and what one costs. Arguments: datagrams a second (150000),
# seconds (10). Sender and receiver take a processor each, so nothing else should run.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --release --locked --quiet --package weir-ingest --example dogstatsd_bench -- "${1:-150000}" "${2:-10}"
