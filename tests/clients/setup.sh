#!/usr/bin/env bash
# Installs the pinned clients outside of the checkout, once for each set of pins. Idempotent; prints the folder.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
pins="$(cat "$here"/requirements/*.txt "$here/node/package-lock.json" | sha256sum | cut -c1-16)"
cache="${WEIR_CACHE:-$HOME/.cache/weir}/clients-$pins"

if [ ! -e "$cache/.complete" ]; then
  echo "installing clients into $cache" >&2
  mkdir -p "$cache/node"
  for suite in sdk frameworks telemetry datadog; do
    python3 -m venv --clear "$cache/$suite"
    "$cache/$suite/bin/pip" install --quiet --disable-pip-version-check --no-deps \
      -r "$here/requirements/$suite.txt" >&2
  done
  cp "$here/node/package.json" "$here/node/package-lock.json" "$cache/node/"
  (cd "$cache/node" && npm ci --no-audit --no-fund --silent >&2)
  # Last, so that an interrupted installation is not taken for a whole one.
  touch "$cache/.complete"
fi
# Node looks for packages beside the tests.
ln -sfn "$cache/node/node_modules" "$here/node/node_modules"
echo "$cache"
