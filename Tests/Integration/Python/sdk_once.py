"""Encodes a text with an unmodified sie-sdk that does not try again, and says how long that took.

Standard input: {"url": ..., "model": ..., "text": ...}.
"""

import json
import sys
import time

from sie_sdk import SIEClient


def main():
    job = json.load(sys.stdin)
    begun = time.monotonic()
    with SIEClient(job["url"]) as client:
        result = client.encode(job["model"], {"text": job["text"]}, wait_for_capacity=False)
    json.dump({"dense": result["dense"].tolist(), "seconds": time.monotonic() - begun}, sys.stdout)


main()
