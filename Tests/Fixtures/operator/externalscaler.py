"""The messages and methods of KEDA's external scaler, made by protobuf's own library from the definition that is written
here as KEDA has it (pkg/scalers/externalscaler/externalscaler.proto). The scripts beside it are run behind it.
"""

import json

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


def reference(target, bundle, profile):
    """What KEDA says of a ScaledObject, with the metadata of its trigger."""
    return kind("ScaledObjectRef")(
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


def connect(target):
    return grpc.insecure_channel(target, options=[("grpc.service_config", '{"loadBalancingPolicy":"round_robin"}')])


def method(channel, name, response, is_stream=False):
    factory = channel.unary_stream if is_stream else channel.unary_unary
    return factory(
        "/externalscaler.ExternalScaler/" + name,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=kind(response).FromString,
    )
