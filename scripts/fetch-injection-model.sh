#!/usr/bin/env bash
# Makes a model for `guard.classifier`: the sentence model that `make model` fetches, and the head that the crate jailguard
# (MIT or Apache-2.0) has over it. Into $WEIR_CACHE/minilm-jailguard-<version>, whose path is printed. Idempotent.
#
# docs/reference/injection-guard.md says how well it does.
set -euo pipefail

version="0.1.2"
sha256="de9c688c110c09ec69c465661d85251d66433849b57871ebf9a56cfbcffbc517"

root="$(cd "$(dirname "$0")/.." && pwd)"
cache="${WEIR_CACHE:-$HOME/.cache/weir}/minilm-jailguard-$version"

if [ ! -s "$cache/head.safetensors" ]; then
  "$root/scripts/fetch-embedding-model.sh" >&2
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
  echo "fetching the head of jailguard $version" >&2
  # Asking about a crate fetches it, and not what it depends on; into a folder of its own, so that it is found again.
  (cd "$work" && CARGO_HOME="$work/cargo" cargo info --quiet "jailguard@$version" > /dev/null)
  json="$(find "$work/cargo/registry/src" -path "*/jailguard-$version/models/neural_binary_200k.json")"
  echo "$sha256  $json" | sha256sum --check --quiet
  rm -rf "$cache.part"
  cp -rL "$root/.cache/embedding-model" "$cache.part"
  python3 "$root/scripts/head-of-jailguard.py" "$json" "$cache.part/head.safetensors"
  # Moved into place last, so that an interrupted run leaves nothing that looks finished.
  rm -rf "$cache"
  mv "$cache.part" "$cache"
fi
echo "$cache"
