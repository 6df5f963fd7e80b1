#!/usr/bin/env bash
# Fetches the official prebuilt DuckDB library (npm's @duckdb/node-bindings carries it) and links it
# into .cache/duckdb, where .cargo/config.toml tells the build to look. Idempotent.
set -euo pipefail

version="1.5.6"
package="@duckdb/node-bindings-linux-x64@1.5.6-r.1"
sha512_base64="IXcrZJE6kEqM0Z4wwdVnGBHX/frOS33VPNAwDXQ/Q+Fs84b058Qe94chrCCIcNJlG8Y3UHIUU4eBeCQxW5mN1Q=="

root="$(cd "$(dirname "$0")/.." && pwd)"
cache="${WEIR_CACHE:-$HOME/.cache/weir}/duckdb-$version"

if [ ! -s "$cache/libduckdb.so" ]; then
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  echo "fetching DuckDB $version"
  (cd "$work" && npm pack --silent "$package" >/dev/null)
  tarball="$(echo "$work"/*.tgz)"
  actual="$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)"
  if [ "$actual" != "$sha512_base64" ]; then
    echo "error: checksum of $package is $actual, expected $sha512_base64" >&2
    exit 1
  fi
  tar -xzf "$tarball" -C "$work"
  mkdir -p "$cache"
  # Moved into place last, so that an interrupted fetch leaves nothing that looks finished.
  cp "$work/package/libduckdb.so" "$cache/libduckdb.so.part"
  mv "$cache/libduckdb.so.part" "$cache/libduckdb.so"
fi

mkdir -p "$root/.cache"
ln -sfn "$cache" "$root/.cache/duckdb"
