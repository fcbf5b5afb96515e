"""Calls an external scaler once over TLS, as KEDA does where a trigger has `enableTLS`, and prints what comes back.

    externalscaler.py + scaler_call.py HOST:PORT BUNDLE MACHINE_PROFILE AUTHORITY [CERTIFICATE KEY]
"""

import sys


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    target, bundle, profile = sys.argv[1:4]
    authority, *identity = [read(path) for path in sys.argv[4:]]
    certificate, key = identity or (None, None)
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    with grpc.secure_channel(target, credentials) as channel:
        get_metric_spec = method(channel, "GetMetricSpec", "GetMetricSpecResponse")
        try:
            specs = get_metric_spec(reference(target, bundle, profile), timeout=5).metricSpecs
            say(specs=[spec.metricName for spec in specs])
        except grpc.RpcError as error:
            say(failure=error.code().name)


main()
