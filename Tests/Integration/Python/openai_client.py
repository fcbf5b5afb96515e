"""Embeds with an unmodified openai client, lists models, and prints what came back as one JSON object.

Standard input: {"url": ..., "model": ..., "texts": [...]}.
"""

import asyncio
import json
import sys

import openai


def refusal(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code, "param": error.param}
    return None


async def embed_async(job):
    async with openai.AsyncOpenAI(base_url=job["url"] + "/v1", api_key="any") as client:
        answer = await client.embeddings.create(model=job["model"], input=job["texts"][0])
        return len(answer.data[0].embedding)


def main():
    job = json.load(sys.stdin)
    client = openai.OpenAI(base_url=job["url"] + "/v1", api_key="any", max_retries=0)
    model, texts = job["model"], job["texts"]
    # Base64 unless one asks for something else.
    packed = client.embeddings.create(model=model, input=texts)
    floats = client.embeddings.create(model=model, input=texts, encoding_format="float")
    width = len(floats.data[0].embedding)
    json.dump({
        "models": [entry.id for entry in client.models.list()],
        "indexes": [entry.index for entry in packed.data],
        "packed": [entry.embedding for entry in packed.data],
        "floats": [entry.embedding for entry in floats.data],
        "model": packed.model,
        "prompt_tokens": packed.usage.prompt_tokens,
        "async_width": asyncio.run(embed_async(job)),
        "own_width": len(client.embeddings.create(model=model, input=texts[0], dimensions=width).data[0].embedding),
        "unknown": refusal(lambda: client.embeddings.create(model="no/such-model", input="x")),
        "empty": refusal(lambda: client.embeddings.create(model=model, input="")),
        "tokens": refusal(lambda: client.embeddings.create(model=model, input=[1, 2, 3])),
        "narrow": refusal(lambda: client.embeddings.create(model=model, input="x", dimensions=width - 1)),
    }, sys.stdout)


main()
