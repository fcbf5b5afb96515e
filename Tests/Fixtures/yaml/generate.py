#!/usr/bin/env python3
"""Writes pyyaml.jsonl: what PyYAML's safe_load says to each text, one JSON object a line.

Run it with any Python 3 that has PyYAML 6:  python3 generate.py > pyyaml.jsonl
A value is [type, content]; numbers are text, so that no JSON reader rounds them.
"""
import datetime
import itertools
import json
import sys

import yaml


def encode(value):
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", value.hex() if value == value and abs(value) != float("inf") else str(value)]
    if isinstance(value, str):
        return ["str", value]
    if isinstance(value, bytes):
        return ["binary", value.hex()]
    if isinstance(value, datetime.date):
        return ["timestamp", value.isoformat()]
    if isinstance(value, tuple):
        return ["map", [[encode(value[0]), encode(value[1])]]]
    if isinstance(value, list):
        return ["seq", [encode(item) for item in value]]
    if isinstance(value, set):
        return ["map", [[encode(item), ["null"]] for item in value]]
    return ["map", [[encode(key), encode(item)] for key, item in value.items()]]


SCALARS = """
yes Yes YES yES no No NO on On ON oN off Off OFF true True TRUE tRUE false False FALSE y Y n N
~ null Null NULL nULL nil none
0 -0 +0 00 1 -1 +1 12 007 010 017 08 09 0o17 0_7 0_ 1_000 1__0 _1 1_ -1_0 12_ +0x1F 0x1F 0X1F 0xdead_beef -0x10 0x 0x_1
0b11 0b1_0 -0b101 0b2 0B1 9223372036854775807 9223372036854775808 -9223372036854775808 18446744073709551615
123456789012345678901234567890 12:30 12:30:45 1:2:3:4 12:60 12:5 0:30 -1:30 190:20:30 12:30.5 12:30:45.25 -12:30.5 1:2_0
1. 1.0 -1.0 +1.0 .5 -.5 +.5 1.5 1e3 1E3 1.0e3 1.0e+3 1.0E+3 1.0e-7 1e+3 1.e+3 .5e3 .5e+3 .5_0 1_0.5 1.5_ 1_.5 ._5 . .. ... -.
.inf .Inf .INF -.inf +.inf -.Inf .iNF .nan .NaN .NAN -.nan +.nan inf nan 1.0e+400 1.0e-400 0.1 8192.0 1.0e+16 1.0e16 6.02e23
2.5e-6 4.9e-324 1.7976931348623157e+308 0.30000000000000004 100000000000000000000.0 0.0 -0.0
2024-01-02 2024-1-2 2024-13-01 2024-02-30 2024-02-29 2023-02-29 0001-01-01 0000-01-01 24-01-02 2024-01-02x
2024-01-02T03:04:05Z 2024-01-02t3:04:05Z 2024-01-02T03:04:05 2024-01-02T03:04:05.6Z 2024-01-02T03:04:05.123456789Z
2024-01-02T03:04:05.Z 2024-01-02T03:04:05+01:00 2024-01-02T03:04:05-5 2024-01-02T03:04:05+01:30 2024-01-02T25:04:05Z
2024-01-02T03:04:60Z 2024-01-02T03:04:05+24:00 2024-01-02T03:04 2024-1-2T03:04:05
= << <<< == hello a:b a#b - -- --- -a ?a :a !a "" '' "yes" 'no' "1" '2024-01-02' "<<" "=" "\\u00e9\\n" 'it''s' "\\q"
!!str !!int !!int|"3" !!int|abc !!int|0x10 !!float|3 !!float|"1e3" !!float|abc !!float|.5 !!float|5. !!bool|yes !!bool|maybe
!!bool|"Off" !!null|x !!null|"" !!str|12 !!str|yes !!str|~ !!binary|aGVsbG8= !!binary|"aGVs\\nbG8=" !!binary|é
!!timestamp|2024-01-02 !!timestamp|x !!seq|x !!map|x !!set|x !!merge|x !|12 !|"12" !custom|x !!python/name:os.system|x
!!python/object/apply:os.system|["true"] !!value|x !<tag:yaml.org,2002:int>|7 !<!x>|7 !!omap|x !!yaml|x !e!tag|x
""".split()
SCALARS = [text.replace("|", " ") for text in SCALARS] + [
    "2024-01-02 03:04:05", "2024-01-02 \t03:04:05 Z", "2024-01-02 03:04:05 +01:00", "2024-01-02  3:04:05.5",
    "a b c", "a: b: c", "%x", "@x", "`x", "a, b", "[a", "{a", "]", "}", "'a", '"a', "*a", "&a", "&a x", "é", "日本語",
    "\x07", "a\x00b", "\ufeffa", "a\u2028b", "\U0001f600", "a\u0085b", "|", ">", "|\n  a\n  b", ">-\n  a\n  b\n\n  c",
]

DOCUMENTS = [
    "", " ", "\n", "# only a comment\n", "---", "---\n---", "--- a\n...", "--- a\n--- b", "a\n...\nb", "...", "--- \n...\n",
    "%YAML 1.1\n--- 1", "%YAML 1.2\n--- 1", "%YAML 2.0\n--- 1", "%TAG ! tag:x,1:\n--- !a b", "\ufeff- 1\n",
    "a: 1\nb: 2", "a: 1\na: 2", "a: 1\n'a': 2\nb: 3", "1: a\ntrue: b\n1.0: c", "null: a\n~: b", "? [a]\n: b", "? {a: 1}\n: b",
    "? a\n? b\n", "? a", "a:", "a: \n  b:\n    - c\n    -\n    - d:\n", "{a: 1, b: [2, 3,], c: {}}", "{a, b: }", "[a: b, c]",
    "- - a\n  - b\n- c", "- a\n b", "a:\n\tb: 1", "a:\n  b: 1\n c: 2", "a: b\n  c: d", "a: 'x\n  y'\nb: \"x\n  y\\\n  z\"",
    "a: |\n  x\n   y\n\n  z\n\nb: >\n  x\n  y\n\n  z\n", "a: |+\n  x\n\nb: |-\n  x\n\n", "a: |2\n    x\n", "key with space: v",
    "a: &x 1\nb: *x", "a: *x", "a: &x 1\nb: &x 2\nc: *x", "&x a: *x", "a: &x [1]\nb: *x\nc: *x", "a: &x\n  b: *x", "&x [*x]",
    "base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3", "base: &b {x: 1, y: 2}\nd:\n  y: 3\n  <<: *b\n  z: 4",
    "a: &a {x: 1, k: a}\nb: &b {y: 2, k: b}\nc: {<<: [*a, *b], z: 3}", "a: &a {x: 1}\nb: {<<: *a, <<: {x: 2, y: 3}}",
    "a: {<<: {<<: {x: 1}, y: 2}, z: 3}", "a: {<<: 1}", "a: {<<: [1]}", "a: {<<: [[]]}", "a: {<<: []}", "a: {<<: null}",
    "a: {'<<': {x: 1}}", "a: {!!str <<: {x: 1}}", "a: {!!merge x: {y: 1}}", "a: <<", "[<<]", "<<", "a: [{<<: {x: 1}}]",
    "{=: 1}", "a: =", "{'=': 1, =: 2}", "a: !!set {x, y}", "!!omap [a: 1, b: 2]", "!!pairs [a: 1, a: 2]", "!!omap [a]",
    "!!omap [{a: 1, b: 2}]", "!!omap {a: 1}", "!!seq {a: 1}", "!!map [a]", "!!str [a]", "!!int {a: 1}", "!foo {a: 1}",
    "!!set [a]", "! [a]", "! {a: b}", "a: !!python/tuple [1]", "2024-01-02: a", "2024-01-02T00:00:00Z: a", ".nan: a",
    "!!binary aGk=: a", "a : b", "a:b: c", "'a': 1", "\"a\": 1", "a: b # c", "a: b#c", "a: '#'", "- # x\n  a", "a: - b",
    "- a: 1\n  b: 2\n-  c: 3", "a:\n- b\n- c\nd: e", "a:\n    - b\n    - c", "a: [b,\nc]", "a: [b\n, c", "{a: {b: {c: 1}}}",
    "{\"a\": \"\\u0041\\x41\\/\", \"b\": [1, 2.0, true, null]}", "{\"a\":1}", "[\"a\":1]", "a: \"\\ud83d\\ude00\"", "a: [,]",
    "{a: 1, a: 2}", "{? a : b}", "a: >\n\n\n  b", "x: [1, 2\n]\ny: 3", "%", "a: %b", "a: @b", "a\r\nb: c\r\n", "a: 1\r\nb: 2\r\n",
    "a: 1\rb: 2\r", "\t- a", "- \ta", "a:\t1", "a: 1\t# c", "- [a, [b, [c]]]", "--- |\n a\n--- b", "key: [unclosed",
    "\"multi\n\nline\"", "plain\n\nmulti\n line", "? |\n  block key\n: - one\n  - two",
]


def combinations():
    """Short texts over the alphabet in which the types of scalars differ."""
    for length in (1, 2, 3):
        for letters in itertools.product("01_.:-+eExb", repeat=length):
            text = "".join(letters)
            yield text
    for letters in itertools.product("09_.:e+", repeat=5):
        text = "".join(letters)
        if sum(map(ord, text)) % 7 == 0:
            yield "1" + text


def main():
    texts = SCALARS + [f"a: {text}" for text in SCALARS] + DOCUMENTS
    seen = set()
    for text in itertools.chain(texts, ("a: " + text for text in combinations())):
        if text in seen:
            continue
        seen.add(text)
        line = {"text": text}
        try:
            line["value"] = encode(yaml.safe_load(text))
        except Exception as error:  # any failure counts: the releases answer some of them with a crash
            line["error"] = type(error).__name__
        sys.stdout.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
