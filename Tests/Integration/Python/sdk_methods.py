"""Calls every method that a gateway must serve, through an unmodified sie-sdk, and says of each how it went.

Standard input: {"url": ..., "client": "sync" or "async", "model": ..., "worker_url": ..., "profile": ..., "pool": ...}:
the model is that of reference_worker, and the profile the one of its worker. Standard output: a list of {"method": ...,
"problem": what was wrong, or null}.
"""

import asyncio
import inspect
import json
import sys
import traceback

import numpy as np
import sie_sdk.client.async_
import sie_sdk.client.sync
from sie_sdk import SIEAsyncClient, SIEClient
from sie_sdk.client.errors import PoolError, ProvisioningError, RequestError

# Leases are renewed every minute; the test has not that long.
for module in (sie_sdk.client.async_, sie_sdk.client.sync):
    module.DEFAULT_LEASE_RENEWAL_INTERVAL_S = 0.1

PEOPLE = "Ada met Grace in London"


async def settled(value):
    return await value if inspect.isawaitable(value) else value


async def refusal(kind, call):
    """The error of a kind that a call must end with."""
    try:
        await settled(call())
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


async def first(messages):
    """The first message of a stream that is then left."""
    if hasattr(messages, "__aiter__"):
        async for message in messages:
            await messages.aclose()
            return message
    else:
        for message in messages:
            messages.close()
            return message
    raise AssertionError("the stream ended without a message")


def same(array, expected, dtype):
    assert array.dtype == dtype, array.dtype
    assert array.tolist() == expected, array.tolist()


class Methods:
    """Each method of this class is one row of the table; its name is the SDK's."""

    def __init__(self, client, job):
        self.client = client
        self.job = job
        self.model = job["model"]

    async def encode(self):
        one = await settled(self.client.encode(self.model, {"id": "a", "text": PEOPLE}))
        same(one["dense"], [19, 5, 0, 0], np.float32)
        texts = [{"text": "x" * (place + 1)} for place in range(40)]
        many = await settled(self.client.encode(self.model, texts))
        assert [int(result["dense"][0]) for result in many] == list(range(1, 41)), many

    async def encode_outputs(self):
        result = await settled(
            self.client.encode(
                self.model,
                {"text": "a quick brown fox"},
                output_types=["dense", "sparse", "multivector"],
                instruction="find",
                is_query=True,
                options={"anything": 1},
                gpu=self.job["profile"],
            )
        )
        same(result["dense"], [14, 4, 4, 1], np.float32)
        same(result["sparse"]["indices"], [1, 3, 5], np.int32)
        same(result["sparse"]["values"], [1, 1, 2], np.float32)
        same(result["multivector"], [[0, 1], [1, 5], [2, 5], [3, 3]], np.float32)
        small = await settled(self.client.encode(self.model, {"text": "a b"}, output_dtype="float16"))
        same(small["dense"], [2, 2, 0, 0], np.float16)

    async def encode_refused(self):
        error = await refusal(RequestError, lambda: self.client.encode("no/such-model", {"text": "x"}))
        assert error.status_code == 404 and error.code == "MODEL_NOT_FOUND", (error.status_code, error.code)
        error = await refusal(RequestError, lambda: self.client.encode(self.model, []))
        assert error.status_code == 400 and error.code == "INVALID_INPUT", (error.status_code, error.code)

    async def encode_provisioning(self):
        error = await refusal(
            ProvisioningError,
            lambda: self.client.encode(self.model, {"text": "x"}, gpu="absent", wait_for_capacity=False),
        )
        assert error.gpu == "absent" and error.retry_after >= 1, (error.gpu, error.retry_after)
        error = await refusal(
            ProvisioningError,
            lambda: self.client.encode(self.model, {"text": "x"}, gpu="absent", provision_timeout_s=0.2),
        )
        assert error.gpu == "absent", error.gpu

    async def score(self):
        documents = [{"id": "near", "text": "the quick fox"}, {"text": "a dog"}, {"id": "far", "text": "the cat"}]
        result = await settled(
            self.client.score(self.model, {"text": "the quick brown fox"}, documents, instruction="rank")
        )
        ranked = [(entry["item_id"], entry["score"], entry["rank"]) for entry in result["scores"]]
        assert ranked == [("near", 3.0, 0), ("far", 1.0, 1), ("item-1", 0.0, 2)], ranked
        assert result["model"] == self.model, result["model"]

    async def extract(self):
        result = await settled(self.client.extract(self.model, {"text": PEOPLE}, labels=["Grace", "Paris", "London"]))
        found = [(each["text"], each["label"], each["start"], each["end"]) for each in result["entities"]]
        assert found == [("Grace", "Grace", 8, 13), ("London", "London", 17, 23)], found
        pair = await settled(self.client.extract(self.model, [{"text": "a"}, {"text": "b"}], labels=["b"]))
        assert [len(each["entities"]) for each in pair] == [0, 1], pair

    async def list_models(self):
        models = {model["name"]: model for model in await settled(self.client.list_models())}
        model = models[self.model]
        assert model["loaded"] is True, model
        assert set(model["outputs"]) == {"dense", "sparse", "multivector", "score", "json"}, model
        assert model["dims"] == {"dense": 4, "sparse": 64, "multivector": 2}, model

    async def get_model(self):
        model = await settled(self.client.get_model(self.model))
        assert model["name"] == self.model and model["inputs"] == ["text"], model
        error = await refusal(RequestError, lambda: self.client.get_model("no/such-model"))
        assert error.status_code == 404, error.status_code

    async def get_capacity(self):
        everything = await settled(self.client.get_capacity())
        assert everything["status"] == "healthy" and everything["worker_count"] >= 1, everything
        one = await settled(self.client.get_capacity(gpu=self.job["profile"].upper()))
        assert one["worker_count"] == 1, one
        assert [worker["loaded_models"] for worker in one["workers"]] == [[self.model]], one
        none = await settled(self.client.get_capacity(gpu="absent"))
        assert none["worker_count"] == 0, none

    async def wait_for_capacity(self):
        profile = self.job["profile"]
        found = await settled(self.client.wait_for_capacity(profile, timeout_s=10, poll_interval_s=0.05))
        assert found["worker_count"] == 1, found
        found = await settled(self.client.wait_for_capacity(profile, model=self.model, timeout_s=10))
        assert found["worker_count"] == 1, found
        error = await refusal(
            ProvisioningError, lambda: self.client.wait_for_capacity("absent", timeout_s=0.2, poll_interval_s=0.05)
        )
        assert error.gpu == "absent", error.gpu

    async def create_pool(self):
        name, profile = self.job["pool"], self.job["profile"]
        for _ in range(2):
            await settled(self.client.create_pool(name, {profile: 1}, minimum_worker_count=1))
        result = await settled(self.client.encode(self.model, {"text": "abc"}, gpu=f"{name}/{profile}"))
        same(result["dense"], [3, 1, 0, 0], np.float32)
        error = await refusal(PoolError, lambda: self.client.create_pool("not a name", {profile: 1}))
        assert "name" in str(error), str(error)

    async def get_pool(self):
        pool = await settled(self.client.get_pool(self.job["pool"]))
        assert pool["name"] == self.job["pool"] and pool["status"]["state"] == "active", pool
        assert pool["spec"]["gpus"] == {self.job["profile"]: 1}, pool
        assert [worker["gpu"] for worker in pool["status"]["assigned_workers"]] == [self.job["profile"]], pool
        assert await settled(self.client.get_pool("no-such-pool")) is None

    async def renew(self):
        async def last():
            return (await settled(self.client.get_pool(self.job["pool"])))["status"]["last_renewed"]

        before = await last()
        # The client renews in the background.
        async with asyncio.timeout(10):
            while await last() <= before:
                await asyncio.sleep(0.02)

    async def delete_pool(self):
        assert await settled(self.client.delete_pool(self.job["pool"])) is True
        assert await settled(self.client.delete_pool(self.job["pool"])) is False
        assert await settled(self.client.get_pool(self.job["pool"])) is None
        await refusal(PoolError, lambda: self.client.delete_pool("default"))

    async def pool_of_the_client(self):
        # The first request of such a client makes the pool.
        name = self.job["pool"] + "-own"
        client = type(self.client)(self.job["url"], pool={"name": name, "gpus": {self.job["profile"]: 1}})
        result = await settled(client.encode(self.model, {"text": "abc"}))
        same(result["dense"], [3, 1, 0, 0], np.float32)
        assert (await settled(self.client.get_pool(name)))["status"]["state"] == "active"
        await settled(client.close())
        assert await settled(self.client.delete_pool(name)) is True

    async def watch_cluster(self):
        for mode in ("auto", "cluster"):
            message = await first(self.client.watch(mode=mode))
            assert message["cluster"]["worker_count"] >= 1 and message["timestamp"] > 1e9, message
            assert self.model in [model["name"] for model in message["models"]], message

    async def watch_worker(self):
        # What the gateway asks of workers, a client may ask, too.
        client = type(self.client)(self.job["worker_url"])
        message = await first(client.watch(mode="worker"))
        await settled(client.close())
        assert message["machine_profile"] == self.job["profile"], message

    async def unserved(self):
        # Services of newer SDKs that this gateway is not.
        calls = {
            "estimate": lambda client: client.estimate("/v1/encode", {}),
            "recommend": lambda client: client.recommend("retrieval"),
            "generate": lambda client: client.generate(self.model, "x", max_new_tokens=1),
            "jobs": lambda client: client.jobs.list(),
            "files": lambda client: client.files.list(),
            "batches": lambda client: client.batches.list(),
        }
        for name, call in calls.items():
            if hasattr(self.client, name):
                error = await refusal(RequestError, lambda: call(self.client))
                assert (error.status_code, error.code) == (404, "NOT_SUPPORTED"), (name, error.status_code, error.code)

    async def close(self):
        await settled(self.client.close())


async def main():
    job = json.load(sys.stdin)
    methods = Methods((SIEClient if job["client"] == "sync" else SIEAsyncClient)(job["url"]), job)
    report = []
    for name, method in vars(Methods).items():
        if name.startswith("_"):
            continue
        problem = None
        try:
            await method(methods)
        except Exception:
            problem = traceback.format_exc()
        report.append({"method": name, "problem": problem})
    json.dump(report, sys.stdout)


asyncio.run(main())
