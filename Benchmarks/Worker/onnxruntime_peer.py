"""onnxruntime behind the protocol of compare.py: the peer that the CPU engine is measured against.

The graph is exported from the checkpoint once, with PyTorch and transformers, and kept. onnxruntime runs it with its
default (full) graph optimisation. A batch is padded to its longest sequence, which is how this runtime takes batches;
mean pooling and normalisation are part of what is timed.
"""
import json
import os
import sys
import time

import numpy as np


def export(checkpoint, path):
    """Writes the encoder of `checkpoint` as an ONNX graph from token ids to the last hidden state."""
    import torch
    from transformers import AutoModel

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.bert(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    example = torch.full((2, 12), 2000)
    partial = path + ".part"
    torch.onnx.export(
        Encoder(), (example, torch.ones_like(example), torch.zeros_like(example)), partial, dynamo=False,
        opset_version=17, input_names=inputs, output_names=["hidden"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in inputs + ["hidden"]})
    os.replace(partial, path)


class Peer:
    def __init__(self, graph, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.inputs = {value.name for value in self.session.get_inputs()}

    def encode(self, sequences):
        shape = (len(sequences), max(map(len, sequences)))
        ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, sequence in enumerate(sequences):
            ids[row, :len(sequence)] = sequence
            mask[row, :len(sequence)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self.session.run(None, {name: feed[name] for name in self.inputs})[0]
        weights = mask.astype(np.float32)
        mean = np.einsum("bsd,bs->bd", hidden, weights) / weights.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def memory_mb(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0


def main(graph):
    peer, workloads = None, None
    for line in sys.stdin:
        request = json.loads(line)
        command = request["cmd"]
        if command == "quit":
            return
        started = time.perf_counter()
        if command == "load":
            peer = Peer(graph, request["threads"])
            with open(request["workloads"]) as file:
                workloads = json.load(file)
            reply = {"ok": True, "load_s": time.perf_counter() - started}
        else:
            workload = workloads[request["workload"]]
            ids, size = workload["ids"], workload["batch"]
            vectors = [peer.encode(ids[start:start + size]) for start in range(0, len(ids), size)]
            if command == "run":
                reply = {"s": time.perf_counter() - started, "n": len(ids), "rss_mb": memory_mb("VmRSS:"),
                         "peak_mb": memory_mb("VmHWM:")}
            else:
                rows = np.concatenate(vectors).astype(np.float32)
                rows.tofile(request["out"])
                reply = {"ok": True, "dim": int(rows.shape[1])}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
