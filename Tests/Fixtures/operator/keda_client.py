"""Calls an external scaler as KEDA does, and prints what comes back, one JSON object a line.

    externalscaler.py + keda_client.py HOST:PORT BUNDLE MACHINE_PROFILE

One connection for all calls. GetMetricSpec once, which gives the names of the metrics; then, in every poll, GetMetrics for
each of them and IsActive; beside it one StreamIsActive that stays open. Ends when that stream ends.
"""

import sys
import threading
import time


def failure(error):
    return {"code": error.code().name, "details": error.details()}


def main():
    target, bundle, profile = sys.argv[1:4]
    asked = reference(target, bundle, profile)
    channel = connect(target)
    is_active = method(channel, "IsActive", "IsActiveResponse")
    get_metric_spec = method(channel, "GetMetricSpec", "GetMetricSpecResponse")
    get_metrics = method(channel, "GetMetrics", "GetMetricsResponse")
    stream_is_active = method(channel, "StreamIsActive", "IsActiveResponse", is_stream=True)
    ended = threading.Event()

    def listen():
        try:
            for answer in stream_is_active(asked):
                say(stream=answer.result)
            say(streamEnd={"code": "OK"})
        except grpc.RpcError as error:
            say(streamEnd=failure(error))
        ended.set()

    specs = get_metric_spec(asked, timeout=5).metricSpecs
    say(specs={spec.metricName: [spec.targetSize, spec.targetSizeFloat] for spec in specs})
    try:
        method(channel, "StreamMetricSpec", "GetMetricSpecResponse")(asked, timeout=5)
    except grpc.RpcError as error:
        say(optional=failure(error))
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    last = None
    while not ended.is_set():
        try:
            metrics = {}
            for spec in specs:
                # KEDA has put a prefix before the names and takes it away again.
                query = kind("GetMetricsRequest")(scaledObjectRef=asked, metricName=spec.metricName)
                for value in get_metrics(query, timeout=5).metricValues:
                    metrics[value.metricName] = [value.metricValue, value.metricValueFloat]
            answer = {"metrics": metrics, "isActive": is_active(asked, timeout=5).result}
        except grpc.RpcError as error:
            answer = {"failure": failure(error)}
        if answer != last:
            say(poll=answer)
            last = answer
        time.sleep(0.02)
    listener.join()


main()
