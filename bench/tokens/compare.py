"""Holds Weir's token counts against OpenAI's own tiktoken: equality on a mixed corpus, and speed.

    python3 bench/tokens/compare.py COUNT_TOKENS [--megabytes 10]

COUNT_TOKENS is the built example of weir-meter. Needs the package tiktoken. Its vocabularies are taken from the sources
of the crate bpe-openai (the very files that tiktoken would download, which it checks by their SHA-256), so nothing is
fetched. The corpus is made of the repository's own texts and of random text in several scripts, with a fixed seed.
Exits with 1 when a count differs or a limit is missed.
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
ENCODINGS = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}
# A document is checked against about what an agent's budget is.
LIMIT = 2_000
COUNT_RATIO_MIN, CHECK_RATIO_MIN = 1.4, 6.0
ROUNDS = 3


def vocabularies(folder):
    """Puts the vocabularies where tiktoken looks for what it has downloaded."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked"], cwd=ROOT, check=True, capture_output=True
    )
    packages = json.loads(metadata.stdout)["packages"]
    manifest = next(p["manifest_path"] for p in packages if p["name"] == "bpe-openai")
    for name in ENCODINGS:
        data = gzip.decompress((pathlib.Path(manifest).parent / "data" / f"{name}.tiktoken.gz").read_bytes())
        (folder / hashlib.sha1(URL.format(name).encode()).hexdigest()).write_bytes(data)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)


def corpus(megabytes):
    """Documents of 100 bytes to 60 kB: prose, code, data, and text in scripts that the repository has none of."""
    rng = random.Random(1)
    suffixes = {".md", ".rs", ".ts", ".svelte", ".json", ".toml", ".csv", ".py", ".sh", ".yaml"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    texts = [(ROOT / n).read_text(errors="ignore") for n in sorted(listed) if pathlib.Path(n).suffix in suffixes]
    scripts = [(0x61, 0x7A), (0xE0, 0xFF), (0x391, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x64A),
               (0x905, 0x939), (0xE01, 0xE2E), (0x3042, 0x3093), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x1F300, 0x1F64F)]
    signs = [" ", " ", " ", "  ", "\n", "\n\n", ", ", ". ", "'s ", "\t", " \n ", "…", "—", "1", "2026", "!?", "/", "<|endoftext|>"]

    def foreign(size):
        parts, first, last = [], *rng.choice(scripts)
        while size > 0:
            word = "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 9)))
            parts += [word, rng.choice(signs)]
            size -= len(word.encode()) + 1
        return "".join(parts)

    left = megabytes * 1_000_000
    while left > 0:
        size = int(10 ** rng.uniform(2, 4.8))
        if rng.random() < 0.7:
            text = rng.choice(texts)
            start = rng.randint(0, max(0, len(text) - size))
            document = text[start : start + size]
        else:
            document = foreign(size)
        if document:
            yield document
            left -= len(document.encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("count_tokens")
    parser.add_argument("--megabytes", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        vocabularies(folder)
        import tiktoken

        documents = list(corpus(arguments.megabytes))
        size = sum(len(document.encode()) for document in documents)
        file = folder / "corpus.jsonl"
        file.write_text("".join(json.dumps(document) + "\n" for document in documents))
        print(f"{len(documents)} documents, {size / 1e6:.1f} MB; tiktoken {tiktoken.__version__}")
        failed = False
        for name, model in ENCODINGS.items():
            encoding = tiktoken.get_encoding(name)
            best = float("inf")
            for _ in range(ROUNDS):
                started = time.perf_counter()
                expected = [len(encoding.encode_ordinary(document)) for document in documents]
                best = min(best, time.perf_counter() - started)
            run = subprocess.run(
                [arguments.count_tokens, model, str(file), str(LIMIT)], check=True, capture_output=True, text=True
            )
            counted = [int(line) for line in run.stdout.split()]
            differ = sum(1 for pair in zip(expected, counted, strict=True) if pair[0] != pair[1])
            speed = dict(line.split() for line in run.stderr.strip().split("\n"))
            theirs = size / best
            count, check = float(speed["count"]) / theirs, float(speed["check"]) / theirs
            print(
                f"{name}: {sum(expected)} tokens, {differ} documents differ; tiktoken {theirs / 1e6:.1f} MB/s, "
                f"count {float(speed['count']) / 1e6:.1f} MB/s ({count:.1f}x), "
                f"check against {LIMIT} tokens {float(speed['check']) / 1e6:.1f} MB/s ({check:.1f}x)"
            )
            failed |= differ > 0 or count < COUNT_RATIO_MIN or check < CHECK_RATIO_MIN
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
