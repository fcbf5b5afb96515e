import NIOCore

/// The messages of KEDA's `externalscaler.ExternalScaler`, with the field numbers of its definition
/// (`pkg/scalers/externalscaler/externalscaler.proto` of kedacore/keda). Fields that are not known are passed over, as
/// Protocol Buffers want it.
package enum ScalerMessages {
    /// The most entries of a trigger's metadata that are read: KEDA sends those of one trigger.
    static let mostEntries = 256
}

/// Which ScaledObject KEDA asks for, with the metadata of its trigger.
package struct ScaledObjectRef: Sendable, Hashable {
    package var name: String
    package var namespace: String
    package var scalerMetadata: [String: String]

    package init(name: String = "", namespace: String = "", scalerMetadata: [String: String] = [:]) {
        self.name = name
        self.namespace = namespace
        self.scalerMetadata = scalerMetadata
    }

    /// - Throws: `ProtobufReader.Malformed`.
    package init(_ message: ByteBuffer) throws {
        self.init()
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 1: name = try value.text(field: 1)
            case 2: namespace = try value.text(field: 2)
            case 3:
                let entry = try Self.entry(try value.bytes(field: 3))
                if scalerMetadata.count < ScalerMessages.mostEntries { scalerMetadata[entry.key] = entry.value }
            default: break
            }
        }
    }

    /// A map is a list of messages of a key and a value, either of which may be left out.
    private static func entry(_ message: ByteBuffer) throws(ProtobufReader.Malformed) -> (key: String, value: String) {
        var entry = (key: "", value: "")
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 1: entry.key = try value.text(field: 1)
            case 2: entry.value = try value.text(field: 2)
            default: break
            }
        }
        return entry
    }

    package var message: ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(1, name)
        writer.write(2, namespace)
        for (key, value) in scalerMetadata.sorted(by: { $0.key < $1.key }) {
            var entry = ProtobufWriter()
            entry.write(1, key)
            entry.write(2, value)
            writer.write(3, entry.buffer)
        }
        return writer.buffer
    }
}

/// `GetMetricsRequest`.
package struct MetricsQuery: Sendable, Hashable {
    package var scaledObject: ScaledObjectRef
    /// Without the prefix that KEDA puts before it in the HorizontalPodAutoscaler.
    package var metricName: String

    package init(scaledObject: ScaledObjectRef = ScaledObjectRef(), metricName: String = "") {
        self.scaledObject = scaledObject
        self.metricName = metricName
    }

    /// - Throws: `ProtobufReader.Malformed`.
    package init(_ message: ByteBuffer) throws {
        self.init()
        var reader = ProtobufReader(message)
        while let (number, value) = try reader.next() {
            switch number {
            case 1: scaledObject = try ScaledObjectRef(try value.bytes(field: 1))
            case 2: metricName = try value.text(field: 2)
            default: break
            }
        }
    }

    package var message: ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(1, scaledObject.message)
        writer.write(2, metricName)
        return writer.buffer
    }
}

/// A number with the name of a metric: a target in `GetMetricSpecResponse`, a value in `GetMetricsResponse`. Both have the
/// number twice, as an integer for the KEDA of before and as a double for that of now, which reads it where it is above 0.
package struct ScalerMetric: Sendable, Hashable {
    package var name: String
    package var number: Int

    package init(_ name: String, _ number: Int) {
        self.name = name
        self.number = number
    }

    private var message: ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(1, name)
        writer.write(2, Int64(number))
        writer.write(3, Double(number))
        return writer.buffer
    }

    /// `GetMetricSpecResponse` and `GetMetricsResponse`, which are the same on the wire.
    package static func message(_ metrics: [ScalerMetric]) -> ByteBuffer {
        var writer = ProtobufWriter()
        for metric in metrics { writer.write(1, metric.message) }
        return writer.buffer
    }

    /// `IsActiveResponse`.
    package static func message(isActive: Bool) -> ByteBuffer {
        var writer = ProtobufWriter()
        writer.write(1, isActive)
        return writer.buffer
    }
}
