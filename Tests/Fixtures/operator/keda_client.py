"""Calls an external scaler as KEDA does, and prints what comes back, one JSON object a line.

    keda_client.py HOST:PORT BUNDLE MACHINE_PROFILE

One connection for all calls. GetMetricSpec once, which gives the names of the metrics; then, in every poll, GetMetrics for
each of them and IsActive; beside it one StreamIsActive that stays open. Ends when that stream ends.

The messages are made by protobuf's own library from the definition that is written here as KEDA has it
(pkg/scalers/externalscaler/externalscaler.proto).
"""

import json
import sys
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TYPES = descriptor_pb2.FieldDescriptorProto


def field(name, number, kind, label=TYPES.LABEL_OPTIONAL, type_name=None):
    return TYPES(name=name, number=number, type=kind, label=label, type_name=type_name)


def message(name, *fields):
    return descriptor_pb2.DescriptorProto(name=name, field=fields)


def definition():
    package = ".externalscaler."
    text, repeated = TYPES.TYPE_STRING, TYPES.LABEL_REPEATED
    entry = message("ScalerMetadataEntry", field("key", 1, text), field("value", 2, text))
    entry.options.map_entry = True
    reference = message(
        "ScaledObjectRef",
        field("name", 1, text),
        field("namespace", 2, text),
        field("scalerMetadata", 3, TYPES.TYPE_MESSAGE, repeated, package + "ScaledObjectRef.ScalerMetadataEntry"),
    )
    reference.nested_type.append(entry)

    def numbers(name, whole, double):
        return message(
            name,
            field("metricName", 1, text),
            field(whole, 2, TYPES.TYPE_INT64),
            field(double, 3, TYPES.TYPE_DOUBLE),
        )

    def list_of(name, member, kind):
        return message(name, field(member, 1, TYPES.TYPE_MESSAGE, repeated, package + kind))

    return descriptor_pb2.FileDescriptorProto(
        name="externalscaler.proto",
        package="externalscaler",
        syntax="proto3",
        message_type=[
            reference,
            message("IsActiveResponse", field("result", 1, TYPES.TYPE_BOOL)),
            numbers("MetricSpec", "targetSize", "targetSizeFloat"),
            list_of("GetMetricSpecResponse", "metricSpecs", "MetricSpec"),
            message(
                "GetMetricsRequest",
                field("scaledObjectRef", 1, TYPES.TYPE_MESSAGE, type_name=package + "ScaledObjectRef"),
                field("metricName", 2, text),
            ),
            numbers("MetricValue", "metricValue", "metricValueFloat"),
            list_of("GetMetricsResponse", "metricValues", "MetricValue"),
        ],
    )


pool = descriptor_pool.DescriptorPool()
pool.Add(definition())


def kind(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("externalscaler." + name))


def say(**what):
    print(json.dumps(what), flush=True)


def failure(error):
    return {"code": error.code().name, "details": error.details()}


def main():
    target, bundle, profile = sys.argv[1:4]
    reference = kind("ScaledObjectRef")(
        name="so",
        namespace="n",
        scalerMetadata={
            "scalerAddress": target,
            "bundle": bundle,
            "machineProfile": profile,
            "queueDepthPerWorker": "10",
            "queueDepthActivation": "2",
        },
    )
    channel = grpc.insecure_channel(target, options=[("grpc.service_config", '{"loadBalancingPolicy":"round_robin"}')])

    def method(name, response, factory=channel.unary_unary):
        return factory(
            "/externalscaler.ExternalScaler/" + name,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=kind(response).FromString,
        )

    is_active = method("IsActive", "IsActiveResponse")
    get_metric_spec = method("GetMetricSpec", "GetMetricSpecResponse")
    get_metrics = method("GetMetrics", "GetMetricsResponse")
    stream_is_active = method("StreamIsActive", "IsActiveResponse", channel.unary_stream)
    ended = threading.Event()

    def listen():
        try:
            for answer in stream_is_active(reference):
                say(stream=answer.result)
            say(streamEnd={"code": "OK"})
        except grpc.RpcError as error:
            say(streamEnd=failure(error))
        ended.set()

    specs = get_metric_spec(reference, timeout=5).metricSpecs
    say(specs={spec.metricName: [spec.targetSize, spec.targetSizeFloat] for spec in specs})
    try:
        method("StreamMetricSpec", "GetMetricSpecResponse")(reference, timeout=5)
    except grpc.RpcError as error:
        say(optional=failure(error))
    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    last = None
    while not ended.is_set():
        answer = {}
        try:
            metrics = {}
            for spec in specs:
                # KEDA has put a prefix before the names and takes it away again.
                query = kind("GetMetricsRequest")(scaledObjectRef=reference, metricName=spec.metricName)
                for value in get_metrics(query, timeout=5).metricValues:
                    metrics[value.metricName] = [value.metricValue, value.metricValueFloat]
            answer = {"metrics": metrics, "isActive": is_active(reference, timeout=5).result}
        except grpc.RpcError as error:
            answer = {"failure": failure(error)}
        if answer != last:
            say(poll=answer)
            last = answer
        time.sleep(0.02)
    listener.join()


main()
