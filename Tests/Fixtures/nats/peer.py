"""Speaks to NATSClient from nats-py: answers requests with headers, consumes and publishes through JetStream."""

import asyncio
import sys

import nats


async def main(url: str) -> None:
    connection = await nats.connect(url)
    stream = connection.jetstream()
    done = asyncio.Event()

    async def echo(message):
        headers = {"Seen": (message.headers or {}).get("From", "nobody")}
        await connection.publish(message.reply, message.data[::-1], headers=headers)

    async def finish(_):
        done.set()

    await connection.subscribe("py.echo", cb=echo)
    await connection.subscribe("py.finish", cb=finish)
    puller = await stream.pull_subscribe("peer.to.py", "py", stream="PEER")
    await connection.flush()
    await connection.publish("py.up", (await connection.request("swift.echo", b"abc")).data)

    texts = []
    while len(texts) < 10:
        for message in await puller.fetch(10, timeout=10):
            texts.append(message.data.decode())
            await message.ack_sync()
    await connection.publish("py.got", ",".join(texts).encode())
    for number in range(10):
        acknowledgement = await stream.publish("peer.from.py", str(number).encode(), headers={"Number": str(number)})
        assert acknowledgement.stream == "PEER"
    await done.wait()
    await connection.drain()


asyncio.run(main(sys.argv[1]))
