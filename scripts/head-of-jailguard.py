#!/usr/bin/env python3
"""Writes the layers of jailguard's classifier as a head of `guard.classifier`.

    scripts/head-of-jailguard.py neural_binary_200k.json head.safetensors

The crate has three layers over vectors of all-MiniLM-L6-v2 as JSON: 384 to 256 to 128 to 1, with rectifiers between. A head has the same
as `layer.<number>.weight` and `layer.<number>.bias` in 32-bit floats: crates/weir-embed/src/head.rs reads it. Needs nothing
beyond Python.
"""

import json
import struct
import sys
from pathlib import Path

LAYERS = [("w_h1", "b_h1"), ("w_h2", "b_h2"), ("w_out", "b_out")]


def main():
    source, target = map(Path, sys.argv[1:3])
    network = json.loads(source.read_text())
    header, data = {}, bytearray()

    def add(name: str, shape: list[int], numbers: list[float]):
        start = len(data)
        data.extend(struct.pack(f"<{len(numbers)}f", *numbers))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}

    for number, (weight, bias) in enumerate(LAYERS):
        rows = network[weight]
        add(f"layer.{number}.weight", [len(rows), len(rows[0])], [value for row in rows for value in row])
        add(f"layer.{number}.bias", [len(rows)], network[bias])
    written = json.dumps(header).encode()
    # Numbers begin at a multiple of eight bytes.
    written += b" " * (-len(written) % 8)
    target.write_bytes(struct.pack("<Q", len(written)) + written + data)


if __name__ == "__main__":
    main()
