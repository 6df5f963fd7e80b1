#!/usr/bin/env bash
# Pins the newest releases of all clients: run it to follow them, then run the tests.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for suite in sdk frameworks telemetry datadog; do
  python3 -m venv "$work/$suite"
  "$work/$suite/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements/$suite.in"
  {
    echo "# Written by pin.sh from $suite.in."
    "$work/$suite/bin/pip" freeze --disable-pip-version-check | LC_ALL=C sort -f
  } > "$here/requirements/$suite.txt"
done
cd "$here/node"
npm update --save --package-lock-only --no-audit --no-fund --silent
