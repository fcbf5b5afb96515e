"""Encodes texts through an unmodified sie-sdk and prints what the client got, as one JSON object.

Standard input: {"url": ..., "model": ..., "threads": n, "calls": [[{"id": ..., "text": ...}, ...], ...]}.
Standard output: {"sdk": version, "results": [...]}, one entry a call: the items as {"id", "dtype", "shape", "dense"},
or {"error": {"class", "status", "code", "message"}}.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from sie_sdk import SIEClient


def main():
    job = json.load(sys.stdin)
    with SIEClient(job["url"], timeout_s=60.0) as client:

        def encode(items):
            try:
                return [describe(result) for result in client.encode(job["model"], items, provision_timeout_s=60.0)]
            except Exception as error:
                return {
                    "error": {
                        "class": type(error).__name__,
                        "status": getattr(error, "status_code", None),
                        "code": getattr(error, "code", None),
                        "message": str(error),
                    }
                }

        with ThreadPoolExecutor(job.get("threads", 1)) as pool:
            results = list(pool.map(encode, job["calls"]))
    json.dump({"sdk": version("sie-sdk"), "results": results}, sys.stdout)


def describe(result):
    dense = result["dense"]
    return {
        "id": result.get("id"),
        "dtype": str(dense.dtype),
        "shape": list(dense.shape),
        "dense": dense.astype(float).tolist(),
    }


main()
