"""Speaks to NATSClient from nats-py: answers requests with headers, consumes and publishes through JetStream."""

import asyncio
import sys

import nats

# Everything waits as long as the test does: its machine may be busy.
PATIENCE = 50


async def main(url: str) -> None:
    async def report(error):
        print(f"nats-py: {error!r}", file=sys.stderr)

    connection = await nats.connect(url, error_cb=report, connect_timeout=PATIENCE, allow_reconnect=False)
    stream = connection.jetstream(timeout=PATIENCE)
    done = asyncio.Event()

    async def echo(message):
        headers = {"Seen": (message.headers or {}).get("From", "nobody")}
        await connection.publish(message.reply, message.data[::-1], headers=headers)

    async def finish(_):
        done.set()

    await connection.subscribe("py.echo", cb=echo)
    await connection.subscribe("py.finish", cb=finish)
    puller = await stream.pull_subscribe("peer.to.py", "py", stream="PEER")
    await connection.flush(timeout=PATIENCE)
    await connection.publish("py.up", (await connection.request("swift.echo", b"abc", timeout=PATIENCE)).data)

    texts = []
    while len(texts) < 10:
        for message in await puller.fetch(10, timeout=PATIENCE):
            texts.append(message.data.decode())
            await message.ack_sync(timeout=PATIENCE)
    await connection.publish("py.got", ",".join(texts).encode())
    for number in range(10):
        acknowledgement = await stream.publish("peer.from.py", str(number).encode(), headers={"Number": str(number)})
        assert acknowledgement.stream == "PEER"
    await done.wait()
    await connection.drain()


asyncio.run(main(sys.argv[1]))
