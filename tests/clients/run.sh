#!/usr/bin/env bash
# Runs the real clients against the binary $WEIR_BIN. Arguments choose tests, as pytest understands them.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
WEIR_CLIENTS="$("$here/setup.sh")"
export WEIR_CLIENTS
exec python3 "$here/run.py" "$@"
