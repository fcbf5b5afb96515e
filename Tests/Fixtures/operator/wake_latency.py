"""Measures how long after a refused request KEDA is told of the demand.

    externalscaler.py + wake_latency.py SCALER_HOST:PORT GATEWAY_HOST:PORT MODEL BUNDLE COUNT

Opens COUNT streams, each of a machine profile of its own, and waits until all are told that nobody wants them. Then asks the
gateway for each of the profiles, a few hundredths of a second apart, and prints the seconds from each refusal to the stream's
answer, as JSON.
"""

import http.client
import sys
import threading
import time


def main():
    target, gateway, model, bundle, count = sys.argv[1:6]
    count = int(count)
    channel = connect(target)
    stream_is_active = method(channel, "StreamIsActive", "IsActiveResponse", is_stream=True)
    quiet = [threading.Event() for _ in range(count)]
    woken = [None] * count
    is_awake = [threading.Event() for _ in range(count)]

    def listen(index):
        try:
            for answer in stream_is_active(reference(target, bundle, f"p{index}")):
                if answer.result:
                    woken[index] = time.monotonic()
                    is_awake[index].set()
                else:
                    quiet[index].set()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise

    for index in range(count):
        threading.Thread(target=listen, args=(index,), daemon=True).start()
    for event in quiet:
        assert event.wait(20), "a stream was told nothing"
    connection = http.client.HTTPConnection(gateway, timeout=10)
    asked = []
    for index in range(count):
        headers = {"content-type": "application/json", "x-sie-machine-profile": f"p{index}"}
        connection.request("POST", f"/v1/encode/{model}", '{"items":[{"text":"abc"}]}', headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
        asked.append(time.monotonic())
        time.sleep(0.037)
    for event in is_awake:
        assert event.wait(10), "a stream was not woken up"
    say(latencies=[end - begin for begin, end in zip(asked, woken)])
    channel.close()


main()
