"""Holds a pool, encodes through it and gives it back, through an unmodified sie-sdk, and prints how that went as JSON.

Standard input: {"url": ..., "model": ..., "pool": ..., "profile": ...}.
"""

import asyncio
import json
import sys

from sie_sdk import SIEAsyncClient, SIEClient


def described(call):
    try:
        call()
    except Exception as error:
        return {"class": type(error).__name__, "message": str(error)}
    return None


async def hold_async(job, name):
    async with SIEAsyncClient(job["url"]) as client:
        await client.create_pool(name, {job["profile"]: 1})
        pool = await client.get_pool(name)
        deleted = await client.delete_pool(name)
        return pool["name"] == name and deleted and await client.get_pool(name) is None


def main():
    job = json.load(sys.stdin)
    name, profile, model = job["pool"], job["profile"], job["model"]
    with SIEClient(job["url"]) as client:
        client.create_pool(name, {profile: 1})
        client.create_pool(name, {profile: 1})
        pool = client.get_pool(name)
        result = client.encode(model, {"id": "a", "text": "hello"}, gpu=f"{name}/{profile}")
        report = {
            "name": pool["name"],
            "state": pool["status"]["state"],
            "gpus": pool["spec"]["gpus"],
            "workers": len(pool["status"]["assigned_workers"]),
            "shape": list(result["dense"].shape),
            "nameless": described(lambda: client.create_pool("", {profile: 1})),
            "deleted": client.delete_pool(name),
            "deleted_again": client.delete_pool(name),
            "is_gone": client.get_pool(name) is None,
        }
    report["asynchronous_too"] = asyncio.run(hold_async(job, name + "-async"))
    json.dump(report, sys.stdout)


main()
