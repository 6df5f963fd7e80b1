#!/usr/bin/env python3
"""Makes the golden token counts in this folder with OpenAI's own tokenizer, `tiktoken`.

    python3 -m venv venv && venv/bin/pip install tiktoken==0.14.0
    python3 -m pip download --no-deps --dest wheels litellm==1.109.1
    venv/bin/python testdata/tokens/generate.py wheels/litellm-1.109.1-*.whl

tiktoken would fetch its vocabularies from the network; the litellm wheel carries the same files under the names that
tiktoken's cache uses (the SHA-1 of their addresses), and tiktoken checks their SHA-256. Everything is generated from
a fixed seed, so running this again gives the same bytes.

texts.json holds plain texts and their token counts in two encodings. chats.json holds requests and the counts that
the "OpenAI cookbook" formula (How_to_count_tokens_with_tiktoken) gives for them. With `--large FILE` another corpus of
the same kinds, and of all files under `--also`, is written as JSON lines for a one-off comparison.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import unicodedata
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent
TOKENIZERS = "litellm/litellm_core_utils/tokenizers/"
VOCABULARIES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}

ENGLISH = """the of and to in is that it was for on are with as his they be at one have this from or had by not word but
what some we can out other were all there when up use your how said an each she which do their time if will way about
many then them write would like so these her long make thing see him two has look more day could go come did number
sound no most people my over know water than call first who may down side been now find any new work part take get
place made live where after back little only round man year came show every good me give our under name very through
just form sentence great think say help low line differ turn cause much mean before move right boy old too same
tokenization internationalization counterintuitive antidisestablishmentarianism kilowatt-hours state-of-the-art""".split()

SENTENCES = [
    "Hello, world!",
    "I'll say it's 'fine', isn't it? They'D agree, WE'RE sure; you've SHE'LL.",
    "The weir holds the river back; what passes over it is measured to the litre.",
    "Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Größenwahn, Fußgängerübergänge und Donaudampfschifffahrtsgesellschaft.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "我们在河上修建了一座堰来测量水流，然后控制它。人工智能模型按令牌计费。",
    "吾輩は猫である。名前はまだ無い。カタカナとひらがなが混ざっています。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. ١٢٣٤٥٦٧٨٩٠",
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪🇯🇵 🎉🎉🎉 ¯\\_(ツ)_/¯ (╯°□°)╯︵ ┻━┻",
    "e\u0301 a\u0308\u0323 Z\u0351\u036b\u0343\u0324\u0357a\u0310l\u0311g\u0322o\u0332",
    "<|endoftext|> <|im_start|>user<|im_sep|>hi<|im_end|> <|endofprompt|><|fim_prefix|>",
    "x = 0x7fffffff; y = 1_000_000.5e-10; π≈3.14159265358979323846264338327950288",
    "https://example.com/path?query=string&other=%20space#fragment",
    "\t\tif (a[i] != b[j]) {\n\t\t\treturn -1;\n\t\t}\r\n",
    "SELECT count(*) FROM spans WHERE model LIKE 'gpt-%' AND cost > 0.10;",
    '{"role": "user", "content": [{"type": "text", "text": "hi"}], "n": null}',
]

CODE = [
    "def f(x):\n    return [y ** 2 for y in range(x) if y % 2]\n\n\nclass A(B):\n    pass\n",
    "fn main() {\n    let v: Vec<_> = (0..10).map(|x| x * x).collect();\n    println!(\"{v:?}\");\n}\n",
    "for (let i = 0; i < n; i++) { console.log(`${i}: ${xs[i] ?? 'none'}`); } // ok\n",
    "#include <stdio.h>\nint main(void) { printf(\"%d\\n\", 42); return 0; }\n",
    "<div class=\"row\"><a href='#'>x &amp; y</a></div>\n",
    "SGVsbG8gd29ybGQhIFRoaXMgaXMgYmFzZTY0IHRleHQ=\n",
    "550e8400-e29b-41d4-a716-446655440000 3f2504e04f8911d39a0c0305e82c3301\n",
]

RANGES = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0x97F),
    (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x214F),
    (0x2190, 0x22FF), (0x2460, 0x24FF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF),
    (0xFB00, 0xFDFF), (0xFE00, 0xFEFF), (0xFF00, 0xFFEF), (0x10300, 0x1034F), (0x1D400, 0x1D7FF),
    (0x1F300, 0x1F6FF), (0x20000, 0x2A6DF), (0xE0020, 0xE007F),
]
SPACES = " \t\n\r\x0b\x0c\x85\u00a0\u1680\u2003\u2028\u2029\u202f\u3000"


def english(rng, words):
    out = []
    for _ in range(words):
        word = rng.choice(ENGLISH)
        word = rng.choice([word, word, word, word.capitalize(), word.upper(), word + rng.choice("sS") , "'" + word])
        out.append(word + rng.choice(["", "", "", "", ",", ".", "?", "!", ";", "'s", "'RE", ":"]))
    return rng.choice(["", " "]) + " ".join(out)


def random_unicode(rng, count):
    low, high = rng.choice(RANGES)
    mixed = rng.random() < 0.4
    out = []
    for _ in range(count):
        if mixed:
            low, high = rng.choice(RANGES)
        out.append(chr(rng.randint(low, high)))
    return "".join(out)


def whitespace(rng, count):
    pieces = []
    for _ in range(count):
        run = rng.choice(SPACES) * rng.choice([1, 1, 2, 3, 5, 17, 80, 200])
        pieces.append(rng.choice([run, run + rng.choice(SPACES), rng.choice(["a", "1", "!", "é", "字", ""]) + run]))
    return "".join(pieces)


def digits(rng, count):
    alphabet = rng.choice(["0123456789", "0123456789", "٠١٢٣٤٥٦٧٨٩", "０１２３４５", "01", "²³½Ⅷ৪"])
    return "".join(rng.choice(alphabet) for _ in range(count))


def repeated(rng, count):
    return rng.choice(["a", "ab", "=", "-", "ha", "的", "🎉", "\n", " \n", "AAAa", "//", "0", ".", "é"]) * count


def mixed(rng, count):
    makers = [lambda: english(rng, 4), lambda: random_unicode(rng, 6), lambda: whitespace(rng, 1),
              lambda: digits(rng, rng.randint(1, 9)), lambda: rng.choice(SENTENCES), lambda: rng.choice(CODE),
              lambda: repeated(rng, rng.randint(1, 9)), lambda: rng.choice(["'s", "'S", "'ll", "'\u017f", "\u212a"])]
    return "".join(rng.choice(makers)() for _ in range(count))


def any_unicode(rng, count):
    out = []
    while len(out) < count:
        point = rng.randrange(0x110000)
        if not 0xD800 <= point < 0xE000 and unicodedata.category(chr(point)) != "Cn":
            out.append(chr(point))
    return "".join(out)


def texts(rng, count, size):
    yield from ["", " ", "\n", "\r\n", " \n ", "a\n ", "a \n\n  b", "  a", "\u3000", "\x00", "\x00\x01\x7f", "\ufeffbom"]
    yield from SENTENCES
    yield from CODE
    makers = [english, random_unicode, whitespace, digits, repeated, mixed, any_unicode]
    for index in range(count):
        yield makers[index % len(makers)](rng, rng.randint(1, size))


def chats(rng, count):
    models = ["gpt-3.5-turbo-0125", "gpt-4-0613", "gpt-4", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4o"]
    for index in range(count):
        messages = []
        for _ in range(rng.randint(1, 6)):
            message = {"role": rng.choice(["system", "user", "assistant"]), "content": mixed(rng, rng.randint(0, 4))}
            if rng.random() < 0.2:
                message["name"] = rng.choice(["alice", "example_user", "Bob-2"])
            messages.append(message)
        yield models[index % len(models)], messages


def cookbook_count(encoding, messages):
    tokens = 3
    for message in messages:
        tokens += 3
        for key, value in message.items():
            tokens += len(encoding.encode_ordinary(value)) + (1 if key == "name" else 0)
    return tokens


def load(wheel):
    cache = tempfile.mkdtemp()
    with zipfile.ZipFile(wheel) as archive:
        for name in VOCABULARIES.values():
            Path(cache, name).write_bytes(archive.read(TOKENIZERS + name))
    os.environ["TIKTOKEN_CACHE_DIR"] = cache
    import tiktoken

    return tiktoken, {name: tiktoken.get_encoding(name) for name in VOCABULARIES}


def counted(text, encodings):
    return {"text": text, **{name: len(enc.encode_ordinary(text)) for name, enc in encodings.items()}}


def write(name, tiktoken, key, entries):
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True, separators=(",", ":")) for entry in entries)
    head = json.dumps({"tiktoken": tiktoken.__version__, "made_by": "testdata/tokens/generate.py"})[:-1]
    (FOLDER / name).write_text(f'{head}, "{key}": [\n{lines}\n]}}\n', encoding="ascii")


def write_large(path, also, encodings):
    rng = random.Random(20_261_123)
    total = 0
    with open(path, "w", encoding="ascii") as out:
        def put(text):
            out.write(json.dumps(counted(text, encodings)) + "\n")
            return len(text.encode())

        for text in texts(rng, 30_000, 120):
            total += put(text)
        for root in also:
            for file in sorted(Path(root).rglob("*")):
                if file.is_file() and file.stat().st_size < 400_000:
                    total += put(file.read_bytes().decode("utf-8", errors="replace"))
                if total > 60_000_000:
                    break
    print(f"{total} bytes of text", file=sys.stderr)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("wheel", type=Path)
    arguments.add_argument("--large", type=Path)
    arguments.add_argument("--also", nargs="*", default=[])
    chosen = arguments.parse_args()
    tiktoken, encodings = load(chosen.wheel)
    if chosen.large:
        write_large(chosen.large, chosen.also, encodings)
        return
    rng = random.Random(4_711)
    write("texts.json", tiktoken, "texts", [counted(text, encodings) for text in texts(rng, 420, 24)])
    entries = []
    for model, messages in chats(rng, 60):
        encoding = tiktoken.encoding_for_model(model)
        entries.append({"model": model, "messages": messages, "tokens": cookbook_count(encoding, messages)})
    write("chats.json", tiktoken, "chats", entries)


if __name__ == "__main__":
    main()
