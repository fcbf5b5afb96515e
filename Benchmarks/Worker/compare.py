"""Measures the CPU engine against onnxruntime on one checkpoint; `sie-bench worker` starts it.

Every engine is a process that speaks JSON lines (WorkerBenchmarkEngine.swift says which). The driver visits them in
turn, workload by workload, and turns the order around in every other round: what else the machine does hits all alike.
Ratios are medians of the ratios of rounds. Texts are whole words of the vocabulary, so that n words are n + 2 tokens
for every correct tokenizer and the peer can be given ids.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import onnxruntime_peer

SEED = 20260101
UNIFORM = "batches of 32, 8..256 tokens"
FIXED = "batches of 32, 128 tokens"
SINGLE = "one text of 32 tokens"
FIRST = "first"


def make_workloads(model):
    with open(os.path.join(model, "tokenizer.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    words = sorted(
        (word, number) for word, number in vocabulary.items()
        if len(word) >= 2 and word.isascii() and word.isalpha() and word.islower())
    begin, end = vocabulary["[CLS]"], vocabulary["[SEP]"]
    draw = random.Random(SEED)

    def workload(batch, lengths):
        ids, texts = [], []
        for length in lengths:
            chosen = [draw.choice(words) for _ in range(length - 2)]
            ids.append([begin, *(number for _, number in chosen), end])
            texts.append(" ".join(word for word, _ in chosen))
        return {"batch": batch, "ids": ids, "texts": texts}

    return {
        FIRST: workload(1, [16]),
        SINGLE: workload(1, [32] * 16),
        FIXED: workload(32, [128] * 32),
        UNIFORM: workload(32, [draw.randint(8, 256) for _ in range(64)]),
    }


class Engine:
    """One engine's process."""

    def __init__(self, name, command):
        self.name = name
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def quit(self):
        self.process.stdin.write('{"cmd": "quit"}\n')
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True, help="the sie-bench program")
    parser.add_argument("--model", required=True, help="a checkpoint directory")
    parser.add_argument("--cache", required=True, help="where the exported graph is kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--machine", default="not described")
    options = parser.parse_args()

    graph = os.path.join(options.cache, "model.onnx")
    if not os.path.exists(graph):
        print(f"exporting {options.model} to {graph} (once)", file=sys.stderr)
        os.makedirs(options.cache, exist_ok=True)
        onnxruntime_peer.export(options.model, graph)
    workloads = make_workloads(options.model)
    commands = {
        "onnxruntime": [sys.executable, onnxruntime_peer.__file__, graph],
        "sie": [options.bench, "worker", "engine"],
    }
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "workloads.json")
        with open(file, "w") as out:
            json.dump(workloads, out)
        report(options, commands, workloads, file, directory)


def first_vector(name, command, load):
    """Seconds from the start of a process to its first vector."""
    engine = Engine(name, command)
    engine.ask(**load)
    engine.ask(cmd="run", workload=FIRST)
    seconds = time.perf_counter() - engine.started
    engine.quit()
    return seconds


def report(options, commands, workloads, file, directory):
    load = {"cmd": "load", "model": options.model, "threads": options.threads, "workloads": file}
    starts = {name: [] for name in commands}
    for _ in range(3):
        for name, command in commands.items():
            starts[name].append(first_vector(name, command, load))

    engines = [Engine(name, command) for name, command in commands.items()]
    names = [name for name in workloads if name != FIRST]
    for engine in engines:
        engine.ask(**load)
        for name in names:
            engine.ask(cmd="run", workload=name)
    seconds = {name: {engine.name: [] for engine in engines} for name in names}
    peak = {}
    for number in range(options.rounds):
        for name in names:
            for engine in engines if number % 2 == 0 else reversed(engines):
                reply = engine.ask(cmd="run", workload=name)
                seconds[name][engine.name].append(reply["s"])
                peak[engine.name] = reply["peak_mb"]
    vectors = []
    for engine in engines:
        out = os.path.join(directory, engine.name)
        width = engine.ask(cmd="embed", workload=UNIFORM, out=out)["dim"]
        vectors.append(np.fromfile(out, np.float32).reshape(-1, width))
        engine.quit()

    from importlib.metadata import version
    print(f"machine: {options.machine}")
    print(f"onnxruntime {version('onnxruntime')} float32, {options.threads} threads each, "
          f"{options.rounds} rounds, medians\n")
    print("| workload | onnxruntime, sentences/s | sie, sentences/s | ratio |")
    print("| --- | --- | --- | --- |")
    for name in names:
        peer, ours = seconds[name]["onnxruntime"], seconds[name]["sie"]
        count = len(workloads[name]["texts"])
        ratio = statistics.median(a / b for a, b in zip(peer, ours))
        print(f"| {name} | {count / statistics.median(peer):.1f} | {count / statistics.median(ours):.1f} "
              f"| {ratio:.2f} |")
    print(f"\nprocess start to first vector: onnxruntime {statistics.median(starts['onnxruntime']):.2f} s, "
          f"sie {statistics.median(starts['sie']):.2f} s")
    print(f"peak memory: onnxruntime {peak['onnxruntime']:.0f} MB, sie {peak['sie']:.0f} MB")
    peer, ours = vectors
    print(f"largest difference of a component: {np.abs(peer - ours).max():.1e}; "
          f"smallest cosine: {(peer * ours).sum(1).min():.7f}")


if __name__ == "__main__":
    main()
