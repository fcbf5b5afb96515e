"""Hugging Face `tokenizers` behind the protocol of `sie-bench tokenizer`: one JSON object a line.

    {"tokenizer": FILE, "texts": FILE}  -> {"version": VERSION}
    {"kind": NAME}                      -> {"s": SECONDS}
    {"kind": NAME, "ids": true}         -> {"ids": [[...], ...]}
"""
import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402  (reads the variable above)


def main():
    first = json.loads(sys.stdin.readline())
    tokenizer = tokenizers.Tokenizer.from_file(first["tokenizer"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    with open(first["texts"], encoding="utf-8") as file:
        texts = json.load(file)
    print(json.dumps({"version": tokenizers.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        chosen = texts[request["kind"]]
        if request.get("ids"):
            print(json.dumps({"ids": [tokenizer.encode(text).ids for text in chosen]}), flush=True)
            continue
        started = time.perf_counter()
        tokenizer.encode_batch_fast(chosen)
        print(json.dumps({"s": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
