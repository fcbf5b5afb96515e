#!/usr/bin/env python3
"""Writes what Hugging Face `tokenizers` makes of hard texts with the tokenizer of all-MiniLM-L6-v2.

    pip install tokenizers==0.23.3
    python3 generate.py PATH/all-MiniLM-L6-v2/tokenizer.json

texts.jsonl   one object a line. {"tokenizer": NAME, "normalizer": {...}, "added_tokens": [...]} says how the tokenizer of
              the lines below differs from the file; {"t": TEXT, "i": IDS} is a text and its ids, cut to 512.
words.json    for each normalizer the digests of the words of "a" + c + "b" for all characters c, 4096 to a digest:
              FNV-1a (64 bits) over the words' UTF-8, a 0x20 after each word and a 0x0a after each character.
"""
import json
import os
import random
import sys

from tokenizers import Tokenizer, normalizers, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20260101

HARD = [
    "", " ", "\t\n\r", "\u00a0", "\u2003\u2028\u2029", "\u0085", "a\u0085b", "a\u2028b\u2029c", "a\u00a0b", "\x00", "a\x00b",
    "a\x0bb\x0cc", "\x01\x02\x7f\x80\x9f", "a\ufffdb", "\ufffd", "\ufeffbyte order mark", "zero\u200bwidth\u200djoin\u200cer",
    "soft\u00adhyphen", "right-to-left \u202eoverride\u202c", "\u2066isolate\u2069", "private \ue000\uf8ff\U000f0000\U0010fffd use",
    "\ufdd0\uffff\U0001ffff noncharacters", "caf\u00e9 cafe\u0301 CAF\u00c9", "\u1e9b\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "\u01c4\u01c5\u01c6 digraphs", "\u0130stanbul I\u0307stanbul \u0131\u015f\u0131k ISPARTA", "Stra\u00dfe STRASSE stra\u1e9ee",
    "\u039f\u0394\u039f\u03a3 \u03bf\u03b4\u03cc\u03c2 \u03a3", "\ufb01ne \ufb02ow o\ufb00ice", "\u212bngstr\u00f6m \u2126 \u212a", "\u2460 \u00bd \u00b2 \u2163 \uff21\uff42\uff13",
    "\u4f60\u597d\u4e16\u754c", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8", "\u304b\u3099 \u304c \u30cf\u309a \u30d1", "\u4e2d\u6587mixed\u6587\u5b57with\u8a9elatin",
    "\uf900\ufa0e\ufa2d \U0002f800\U0002fa1d", "\U00020000\U0002a6d6\U0002b740\U0002ceb0", "\u3400\u4dbf\u9fff\u3007\u3005",
    "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8", "\u1112\u1161\u11ab \u1100\u1161", "\ua960\ud7b0 \u3131\u314f", "\u302e\u302f\u1100\u302e",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f", "\u05e2\u05d1\u05e8\u05d9\u05ea \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e17\u0e35\u0e48\u0e19\u0e35\u0e48", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bca \u0bc6\u0bbe", "\u1019\u103c\u1014\u103a\u1019\u102c", "\u0f56\u0f7c\u0f51\u0f0b \u0f73\u0f75\u0f81", "\u1b06\u1b3b \u1112e",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family", "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd", "\u263a\ufe0e \u263a\ufe0f 1\ufe0f\u20e3",
    "\U0001d54c\U0001d55f\U0001d55a \U0001d15e\U0001d165\U0001d16e", "\u0300leading mark", "a" + "\u0300" * 40, "a\u0315\u0300\u05ae\u0062", "\u1dfb\u1dce\u1dfb x",
    "e\u0301\u0327 e\u0327\u0301 \u0229\u0301", "\u0344 \u0343 \u0340\u0341", "\u2000\u2001 \u037e \u0387 \u1fef`", "...!!!???---___", "`~@#$%^&*()_+-={}[]|\\:;\"'<>,./?",
    "\u00a1\u00bf\u00ab\u00bb\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u3001\u3002\uff01", "\u20ac\u00a3\u00a5\u20bf\u00a9\u00ae\u2122\u00b0\u00b1", "\u166d \u1805\u1885\u1886 \ua9bd \u1734 \U000111c9 \U0001171e",
    "word" * 25, "word" * 25 + "s", "a" * 99, "a" * 100, "a" * 101, "a" * 5000, "\u00e9" * 100, "\u00e9" * 101, "e\u0301" * 100, "e\u0301" * 101,
    "\U0001d4d0" * 100 + " x", "\U0001d4d0" * 101 + " x", "\u0430" * 100, "\u0430" * 101, "1234567890" * 10, "supercalifragilisticexpialidocious",
    "word " * 509, "word " * 510, "word " * 511, "word " * 2000, "unbelievability " * 300, "\u4e2d" * 510, "\u4e2d" * 511, "!" * 511,
    "[CLS] [SEP] [PAD] [UNK] [MASK]", "[MASK]word[MASK]", "[mask] [Mask] [ MASK ]", "[MASK", "MASK]", "[[MASK]]", "[CLS][SEP][CLS]",
    "a [SEP]\u00a0b", "\u00e9[SEP]\u00e9", "[SEP]" * 600, "x[unused1]y [UNUSED1]", "##ing ##s #hash", "a##b", "\U000e0041\U000e007f tags",
    "https://example.com/a?b=c&d=%20#e", "user.name+tag@example.co.uk", "C:\\Users\\x", "2026-11-21T09:36:06.123Z", "3.14159e-10", "$1,234.56",
    "don't can't I'm you're", "na\u00efve r\u00e9sum\u00e9 co\u00f6perate", "Tr\u01b0\u1eddng \u0111\u1ea1i h\u1ecdc Vi\u1ec7t Nam", "\u0141\u00f3d\u017a Krak\u00f3w \u017b\u00f3\u0142\u0107", "\u0391\u03b8\u03ae\u03bd\u03b1 \u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u0439 \u0451 \u0419 \u0401", "\u10a0\u10d0\u1c90 \u13a0\uab70\u13f8", "\U00010400\U00010428 \U0001e900\U0001e922", "\U0001e944\U0001e94a\U0001e946", "\u00c5\u0041\u030a\u212b",
]

# Pools that random texts draw from: each stresses another step.
POOLS = {
    "latin": list(range(0x41, 0x5b)) + list(range(0x61, 0x7b)) + [0x20] * 12 + list(range(0xc0, 0x250)),
    "marks": list(range(0x300, 0x370)) + list(range(0x61, 0x67)) + [0x20, 0x1ab0, 0x1dc4, 0x1dfb, 0x20d0, 0x20dd, 0xfe20],
    "kept marks": [0x302e, 0x302f, 0x1d165, 0x1d166, 0x1d16d, 0x1d16e, 0x8d4, 0x8d5, 0x8e0, 0x1dfb, 0x1e944, 0x1e94a, 0x300, 0x93e,
                   0xe31, 0x61, 0x62, 0x20],
    "cjk": list(range(0x4e00, 0x4e80)) + list(range(0x3040, 0x3100)) + list(range(0xf900, 0xf940)) + [0x3000, 0x3001, 0x61],
    "hangul": list(range(0x1100, 0x1113)) + list(range(0x1161, 0x1176)) + list(range(0x11a8, 0x11c3)) + list(range(0xac00, 0xac80)) + [0x20],
    "right to left": list(range(0x5d0, 0x5eb)) + list(range(0x621, 0x660)) + [0x5b0, 0x5b8, 0x64b, 0x651, 0x20, 0x200f, 0x202b, 0x30],
    "indic": list(range(0x900, 0x980)) + list(range(0xb80, 0xc00)) + list(range(0xd00, 0xd80)) + [0x20] * 6,
    "emoji": list(range(0x1f300, 0x1f380)) + list(range(0x1f1e6, 0x1f200)) + list(range(0x1f3fb, 0x1f400)) + [0x200d, 0xfe0f, 0x20e3, 0x20, 0x2640],
    "controls": list(range(0, 0x21)) + list(range(0x7f, 0xa1)) + list(range(0x2000, 0x2070)) + [0xfeff, 0xfffd, 0xe000, 0x61, 0x62, 0x63],
    "punctuation": list(range(0x20, 0x41)) + list(range(0x5b, 0x61)) + list(range(0x7b, 0x7f)) + list(range(0x2010, 0x2060)) + list(range(0x3000, 0x3020)) + [0x61, 0x62],
    "special casing": [0x130, 0x131, 0x49, 0x69, 0xdf, 0x1e9e, 0x3a3, 0x3c3, 0x3c2, 0x1c5, 0x1f88, 0x149, 0x345, 0x2126, 0x212a, 0x212b, 0x307, 0x20],
}

VARIANTS = [
    ("as shipped", {}, []),
    ("cased, nothing stripped", {"lowercase": False, "strip_accents": False}, []),
    ("lower case, accents kept", {"lowercase": True, "strip_accents": False}, []),
    ("cased, accents stripped", {"lowercase": False, "strip_accents": True}, []),
    ("not cleaned", {"clean_text": False}, []),
    ("Chinese characters left alone", {"handle_chinese_chars": False}, []),
    ("added tokens of all kinds", {}, [
        {"id": 30522, "content": "[LEFT]", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True},
        {"id": 30523, "content": "[RIGHT]", "single_word": False, "lstrip": False, "rstrip": True, "normalized": False, "special": True},
        {"id": 2878, "content": "whole", "single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": True},
        {"id": 30524, "content": "whole thing", "single_word": True, "lstrip": True, "rstrip": True, "normalized": False, "special": True},
        {"id": 30525, "content": "\u00c9t\u00e9", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False},
        {"id": 30526, "content": "NORM", "single_word": True, "lstrip": False, "rstrip": False, "normalized": True, "special": False},
    ]),
]
TOKEN_TEXTS = [
    "a  [LEFT]  b", "a\u2003\u00a0[LEFT]\u3000b", "a  [RIGHT] \u2028\t b", "[LEFT][RIGHT] [LEFT] [RIGHT]", "whole", "a whole b", "awhole wholeb",
    "whole, whole! (whole)", "\u00e9whole whole\u00e9", "whole_ whole9 whole\u0301", "\u4e2dwhole\u4e2d", "whole thing", "a whole thing  b", "whole things",
    "the whole thingwhole", "\u00c9T\u00c9 ete E\u0301te\u0301 \u00e9t\u00e9", "secrete completely", "norm NORM Norm n\u00f6rm", "normal enorm \u4e2dnorm\u4e2d", "norm-norm", "norm\u200dx",
    "\u200bnorm\u200b", "whole\u200bx", "[LEFT", "[left]", " [LEFT]", "[RIGHT] ", "   ",
]


def random_texts(draw):
    for name, pool in POOLS.items():
        for _ in range(90):
            yield "".join(chr(draw.choice(pool)) for _ in range(draw.randint(1, 14)))
    for _ in range(500):
        yield "".join(chr(character(draw)) for _ in range(draw.randint(1, 8)))
    pools = list(POOLS.values())
    for _ in range(350):
        yield "".join(chr(draw.choice(draw.choice(pools))) for _ in range(draw.randint(2, 12)))


def character(draw):
    while True:
        value = draw.randrange(0x250) if draw.random() < 0.2 else draw.randrange(0x3100) if draw.random() < 0.5 else draw.randrange(0x20000)
        if not 0xd800 <= value < 0xe000:
            return value


def texts(path):
    with open(path, encoding="utf-8") as file:
        original = json.load(file)
    with open(os.path.join(HERE, "texts.jsonl"), "w", encoding="utf-8") as out:
        def line(value):
            out.write(json.dumps(value, separators=(",", ":")) + "\n")
        for number, (name, normalizer, added) in enumerate(VARIANTS):
            definition = dict(original, padding=None, truncation=None)
            definition["normalizer"] = dict(original["normalizer"], **normalizer)
            definition["added_tokens"] = sorted(
                [token for token in original["added_tokens"] if token["id"] not in {new["id"] for new in added}] + added,
                key=lambda token: token["id"])
            tokenizer = Tokenizer.from_str(json.dumps(definition))
            tokenizer.enable_truncation(512)
            line({"tokenizer": name, "normalizer": definition["normalizer"], "added_tokens": definition["added_tokens"]})
            draw = random.Random(SEED + number)
            all_texts = HARD + list(random_texts(draw)) if number == 0 else (
                [text for text in HARD if len(text) < 60] + draw.sample(list(random_texts(draw)), 100))
            if added:
                pieces = [token["content"] for token in added] + [" ", "\u00a0", "a", "\u00e9", "-", "\u4e2d", "\u0301", "_", "norm", "\u200b"]
                all_texts = TOKEN_TEXTS + ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 8))) for _ in range(300)]
            for text in all_texts:
                line({"t": text, "i": tokenizer.encode(text).ids})


def digests(normalizer):
    split = pre_tokenizers.BertPreTokenizer()
    found = []
    for start in range(0, 0x110000, 4096):
        digest = 0xcbf29ce484222325
        for value in range(start, start + 4096):
            if 0xd800 <= value < 0xe000:
                continue
            words = split.pre_tokenize_str(normalizer.normalize_str(f"a{chr(value)}b"))
            for byte in "".join(word + " " for word, _ in words).encode() + b"\n":
                digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
        found.append(f"{digest:016x}")
    return found


def words():
    with open(os.path.join(HERE, "words.json"), "w") as out:
        rows = []
        for clean, chinese, strip, lower in [
                (True, True, True, True), (False, True, True, True), (True, False, True, True), (True, True, False, True),
                (True, True, True, False), (False, False, False, False)]:
            normalizer = normalizers.BertNormalizer(
                clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)
            rows.append({"clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": strip, "lowercase": lower,
                         "digests": digests(normalizer)})
        json.dump(rows, out, indent=0)
        out.write("\n")


if __name__ == "__main__":
    texts(sys.argv[1])
    words()
