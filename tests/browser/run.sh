#!/usr/bin/env bash
# Real Chromium against a running demo: its provider is simulated, everything else is what users run.
#
# WEIR_BIN names the binary, CHROMIUM_PATH the browser; arguments are passed on to Playwright. Data lives in a temporary
# folder, the port is one that was free, and the process is ended by its id, however the tests ended. With WEIR_URL set, that
# Weir is driven instead and none is started.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

# The simulated past of a day is written before the page is ready; an unoptimised build on a busy machine takes a while.
READY_WITHIN_S=180
# A port can be taken between asking for it and using it: then another one is asked for.
STARTS_MAX=3

fail() {
  echo "tests/browser: $*" >&2
  exit 1
}

weir_pid=
folder=$(mktemp -d "${TMPDIR:-/tmp}/weir-browser.XXXXXX")
# Ends what was started, whichever way the script ends.
finish() {
  local status=$?
  trap - EXIT INT TERM
  if [[ -n $weir_pid ]]; then
    kill "$weir_pid" 2>/dev/null || true
    wait "$weir_pid" 2>/dev/null || true
  fi
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Packages are installed when the lock file is another than the one they were installed from.
install() {
  local stamp=node_modules/.installed-from
  if ! cmp --silent package-lock.json "$stamp"; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json "$stamp"
  fi
}

free_port() {
  node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# Waits until Weir answers that it is ready. 1: it ended before.
await_ready() {
  local deadline=$((SECONDS + READY_WITHIN_S))
  until curl --silent --fail --max-time 5 --output /dev/null "$1/healthz"; do
    kill -0 "$weir_pid" 2>/dev/null || return 1
    ((SECONDS < deadline)) || fail "the demo was not ready within ${READY_WITHIN_S} s: $(tail -n 20 "$folder/log")"
    sleep 0.2
  done
}

start() {
  local start port
  [[ -x ${WEIR_BIN:-} ]] || fail "set WEIR_BIN to a built weir; it is '${WEIR_BIN:-}'"
  for ((start = 1; start <= STARTS_MAX; start++)); do
    port=$(free_port)
    : >"$folder/weir.toml"
    "$WEIR_BIN" demo --config "$folder/weir.toml" --data-dir "$folder/data" --listen "127.0.0.1:$port" >"$folder/log" 2>&1 &
    weir_pid=$!
    if await_ready "http://127.0.0.1:$port"; then
      export WEIR_URL="http://127.0.0.1:$port"
      return
    fi
    wait "$weir_pid" || true
    weir_pid=
    echo "tests/browser: the demo ended before it was ready: $(tail -n 5 "$folder/log")" >&2
  done
  fail "the demo did not start"
}

export CHROMIUM_PATH=${CHROMIUM_PATH:-/usr/bin/chromium}
[[ -x $CHROMIUM_PATH ]] || fail "there is no browser at $CHROMIUM_PATH; set CHROMIUM_PATH"
[[ -z ${WEIR_BIN:-} ]] || WEIR_BIN=$(cd "$OLDPWD" && realpath "$WEIR_BIN")
install
[[ -n ${WEIR_URL:-} ]] || start
npx --no-install tsc --noEmit
npx --no-install playwright test "$@"
