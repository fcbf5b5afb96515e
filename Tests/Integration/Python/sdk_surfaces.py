"""Calls what a client uses beside encode, through an unmodified sie-sdk, and prints it as one JSON object.

Standard input: {"url": ..., "model": ...}.
"""

import asyncio
import json
import sys

from sie_sdk import SIEAsyncClient, SIEClient


async def encode_async(job):
    async with SIEAsyncClient(job["url"]) as client:
        result = await client.encode(job["model"], {"id": "a", "text": "hello"})
        return list(result["dense"].shape)


def unknown_model(client):
    try:
        client.encode("no/such-model", {"text": "x"}, wait_for_capacity=False)
    except Exception as error:
        return {"class": type(error).__name__, "status": getattr(error, "status_code", None)}
    return None


def main():
    job = json.load(sys.stdin)
    with SIEClient(job["url"]) as client:
        single = client.encode(job["model"], {"id": "only", "text": "hello"})
        report = {
            "models": [model["name"] for model in client.list_models()],
            "single_id": single["id"],
            "unknown_model": unknown_model(client),
        }
    report["async_shape"] = asyncio.run(encode_async(job))
    json.dump(report, sys.stdout)


main()
