#!/usr/bin/env python3
"""Writes reference.json: tokens and vectors of all-MiniLM-L6-v2 for some texts, which crates/weir-embed is checked against.

Tokens come from Hugging Face's own `tokenizers`. Vectors are computed here in double precision with the exact error
function, straight from the definition of BERT (Devlin et al. 2019) and of sentence-transformers' mean pooling, so that nothing
but the weights is shared with the code under test.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy tokenizers
    /tmp/venv/bin/python testdata/embeddings/reference.py .cache/embedding-model > testdata/embeddings/reference.json
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
from tokenizers import Tokenizer

TEXTS = [
    "This is an example sentence",
    "Each sentence is converted",
    "How do I reset my password?",
    "",
    "a",
    "Ünïcödé, naïve café — “quotes” and\ttabs\n",
    "水は方円の器に従う。 Привет, мир! 👋🏽",
    "unaffordability antidisestablishmentarianism x" + "y" * 120,
    "SELECT * FROM spans WHERE cost_usd > 0.5 -- $1,000.00; foo::bar() {}",
    "The quick brown fox jumps over the lazy dog. " * 12,
]

erf = np.vectorize(math.erf)


def load(folder):
    data = (folder / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, info in json.loads(data[8 : 8 + length]).items():
        if info.get("dtype") == "F32":
            begin, end = info["data_offsets"]
            numbers = np.frombuffer(data[8 + length + begin : 8 + length + end], dtype="<f4")
            tensors[name] = numbers.reshape(info["shape"]).astype(np.float64)
    return tensors


def norm(x, t, name, eps):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * t[name + ".weight"] + t[name + ".bias"]


def dense(x, t, name):
    return x @ t[name + ".weight"].T + t[name + ".bias"]


def embed(tokens, t, config):
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    x = t["embeddings.word_embeddings.weight"][tokens]
    x = x + t["embeddings.position_embeddings.weight"][: len(tokens)]
    x = x + t["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, t, "embeddings.LayerNorm", eps)
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        split = lambda y: y.reshape(len(tokens), heads, -1).transpose(1, 0, 2)
        q, k, v = (split(dense(x, t, name + "attention.self." + part)) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = (shares @ v).transpose(1, 0, 2).reshape(len(tokens), -1)
        x = norm(x + dense(mixed, t, name + "attention.output.dense"), t, name + "attention.output.LayerNorm", eps)
        wide = dense(x, t, name + "intermediate.dense")
        wide = 0.5 * wide * (1 + erf(wide / math.sqrt(2)))
        x = norm(x + dense(wide, t, name + "output.dense"), t, name + "output.LayerNorm", eps)
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main():
    folder = pathlib.Path(sys.argv[1])
    tensors, config = load(folder), json.loads((folder / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = []
    for text in TEXTS:
        tokens = tokenizer.encode(text).ids
        vector = [round(number, 7) for number in embed(tokens, tensors, config)]
        rows.append({"text": text, "tokens": tokens, "vector": vector})
    print("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")


main()
