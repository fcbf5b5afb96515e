import JSONStream

/// What a worker says of itself, on `/ws/status` every 200 ms and optionally on `sie.health.{worker}` (worker contract
/// 1.6, gateway contract 5.1). Readers default what is absent and refuse what has the wrong type.
public struct WorkerStatus: Sendable, Equatable {
    public struct Model: Sendable, Equatable {
        public var name = ""
        public var state = "available"
        public var device: String?
        public var memoryBytes: Int64 = 0
        public var hfID: String?
        public var adapter = ""
        public var inputs: [String] = []
        public var outputs: [String] = []
        /// Dimensions by output, for example `dense`: 384.
        public var dims: [(output: String, dim: Int)] = []
        public var maxSequenceLength: Int?
        public var queueDepth = 0

        public init() {}

        public static func == (a: Self, b: Self) -> Bool {
            a.name == b.name && a.state == b.state && a.device == b.device && a.memoryBytes == b.memoryBytes
                && a.hfID == b.hfID && a.adapter == b.adapter && a.inputs == b.inputs && a.outputs == b.outputs
                && a.dims.elementsEqual(b.dims, by: ==) && a.maxSequenceLength == b.maxSequenceLength
                && a.queueDepth == b.queueDepth
        }
    }

    public struct GPU: Sendable, Equatable {
        public var device = ""
        public var name = ""
        public var gpuType = ""
        public var utilizationPercent = 0
        public var memoryUsedBytes: Int64 = 0
        public var memoryTotalBytes: Int64 = 0

        public init() {}
    }

    public struct Server: Sendable, Equatable {
        public var version = ProductVersion.current
        public var uptimeSeconds = 0
        public var user = ""
        public var workingDirectory = ""
        public var pid = 0

        public init() {}
    }

    /// Unix seconds.
    public var timestamp = 0.0
    public var ready = false
    public var name = ""
    public var machineProfile = ""
    public var poolName = ""
    public var gpuCount = 0
    public var bundle = ""
    public var bundleConfigHash = ""
    public var loadedModels: [String] = []
    public var maxBatchRequests = 64
    public var server = Server()
    public var gpus: [GPU] = []
    public var models: [Model] = []
    /// Counters by name, then by model.
    public var counters: [String: [String: Double]] = [:]
    /// What the worker takes beyond what every worker does; an addition to the reference's keys, which its readers pass
    /// over. See ``Capability``.
    public var capabilities: [String] = []
    /// Compact forms, used where `models` or `gpus` are empty.
    public var queueDepth: Int?
    public var memoryUsedBytes: Int64?
    public var memoryTotalBytes: Int64?

    /// Names in `capabilities`.
    public enum Capability {
        /// The worker pulls messages with several work items of its lane, of one request (``WorkItemBatch``) and of several
        /// (``CoalescedItems``).
        public static let batchedItems = "work_items/batches"
    }

    public init() {}

    /// Items waiting on the worker, over all its models.
    public var totalQueueDepth: Int { models.isEmpty ? queueDepth ?? 0 : models.reduce(0) { $0 + $1.queueDepth } }

    public var totalMemoryUsedBytes: Int64 {
        gpus.isEmpty ? memoryUsedBytes ?? 0 : gpus.reduce(0) { $0 + $1.memoryUsedBytes }
    }

    public var totalMemoryTotalBytes: Int64 {
        gpus.isEmpty ? memoryTotalBytes ?? 0 : gpus.reduce(0) { $0 + $1.memoryTotalBytes }
    }
}

extension WorkerStatus {
    /// Decodes the message of a text frame.
    public init(decodingJSON json: UnsafeRawBufferPointer) throws(WireError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONReader.decode(json)
        } catch {
            throw .json(error.description)
        }
        try self.init(value)
    }

    /// Decodes the message of a binary frame: MessagePack, or else JSON.
    public init(decodingBinary bytes: UnsafeRawBufferPointer) throws(WireError) {
        if let value = try? JSONValue(messagePack: bytes), value.objectValue != nil {
            try self.init(value)
        } else {
            try self.init(decodingJSON: bytes)
        }
    }

    private init(_ value: JSONValue) throws(WireError) {
        guard value.objectValue != nil else { throw .json("not an object") }
        timestamp = value["timestamp"]?.doubleValue ?? 0
        ready = try value.field("ready", \.boolValue) ?? false
        name = try value.field("name", \.stringValue) ?? ""
        machineProfile = try value.field("machine_profile", \.stringValue) ?? ""
        poolName = try value.field("pool_name", \.stringValue) ?? ""
        gpuCount = try value.field("gpu_count", \.intValue) ?? 0
        bundle = try value.field("bundle", \.stringValue) ?? ""
        bundleConfigHash = try value.field("bundle_config_hash", \.stringValue) ?? ""
        for element in try value.field("loaded_models", \.arrayValue) ?? [] {
            guard let model = element.stringValue else { throw .json("field 'loaded_models': expected strings") }
            loadedModels.append(model)
        }
        // Unlike the reference's fields: a word that cannot be read is a capability that is not there.
        capabilities = value["capabilities"]?.arrayValue?.compactMap(\.stringValue) ?? []
        for element in try value.field("models", \.arrayValue) ?? [] {
            var model = Model()
            model.name = try element.field("name", \.stringValue) ?? ""
            model.state = try element.field("state", \.stringValue) ?? "available"
            model.queueDepth = try element.field("queue_depth", \.intValue) ?? 0
            models.append(model)
        }
        for element in try value.field("gpus", \.arrayValue) ?? [] {
            var gpu = GPU()
            gpu.memoryUsedBytes = Int64(try element.field("memory_used_bytes", \.intValue) ?? 0)
            gpu.memoryTotalBytes = Int64(try element.field("memory_total_bytes", \.intValue) ?? 0)
            gpus.append(gpu)
        }
        queueDepth = try value.nullableField("queue_depth", \.intValue)
        memoryUsedBytes = try value.nullableField("memory_used_bytes", \.intValue).map(Int64.init)
        memoryTotalBytes = try value.nullableField("memory_total_bytes", \.intValue).map(Int64.init)
    }

    /// The message of a text frame. Never holds a null where readers want a string or number.
    public func encodedJSON() -> [UInt8] {
        var writer = JSONWriter(capacity: 2048)
        // A worker that takes nothing more says nothing more than the reference does.
        let more = capabilities.isEmpty ? [] : [JSONMember("capabilities", .array(capabilities.map { .string($0) }))]
        writer.write(.object((json.objectValue ?? []) + more))
        return writer.bytes
    }

    private var json: JSONValue {
        [
            "timestamp": .double(timestamp),
            "ready": .bool(ready),
            "name": .string(name),
            "machine_profile": .string(machineProfile),
            "pool_name": .string(poolName),
            "gpu_count": .int(Int64(gpuCount)),
            "bundle": .string(bundle),
            "bundle_config_hash": .string(bundleConfigHash),
            "loaded_models": .array(loadedModels.map { .string($0) }),
            "max_batch_requests": .int(Int64(maxBatchRequests)),
            "server": [
                "version": .string(server.version),
                "uptime_seconds": .int(Int64(server.uptimeSeconds)),
                "user": .string(server.user),
                "working_dir": .string(server.workingDirectory),
                "pid": .int(Int64(server.pid)),
            ],
            "gpus": .array(gpus.map(\.json)),
            "models": .array(models.map(\.json)),
            "counters": .object(
                counters.sorted { $0.key < $1.key }.map { name, byModel in
                    JSONMember(
                        name, .object(byModel.sorted { $0.key < $1.key }.map { JSONMember($0.key, .double($0.value)) }))
                }),
            "histograms": .object([]),
        ]
    }
}

extension WorkerStatus.GPU {
    fileprivate var json: JSONValue {
        [
            "device": .string(device),
            "name": .string(name),
            "gpu_type": .string(gpuType),
            "utilization_pct": .int(Int64(utilizationPercent)),
            "memory_used_bytes": .int(memoryUsedBytes),
            "memory_total_bytes": .int(memoryTotalBytes),
            "memory_threshold_pct": 85.0,
        ]
    }
}

extension WorkerStatus.Model {
    fileprivate var json: JSONValue {
        [
            "name": .string(name),
            "state": .string(state),
            "device": device.map { .string($0) } ?? .null,
            "memory_bytes": .int(memoryBytes),
            "config": [
                "hf_id": hfID.map { .string($0) } ?? .null,
                "adapter": .string(adapter),
                "inputs": .array(inputs.map { .string($0) }),
                "outputs": .array(outputs.map { .string($0) }),
                "dims": .object(dims.map { JSONMember($0.output, .int(Int64($0.dim))) }),
                "max_sequence_length": maxSequenceLength.map { .int(Int64($0)) } ?? .null,
            ],
            "queue_depth": .int(Int64(queueDepth)),
            "queue_pending_items": .int(Int64(queueDepth)),
        ]
    }
}

extension JSONValue {
    /// A field that may be absent but, when there, must have its type.
    fileprivate func field<T>(_ name: String, _ read: (JSONValue) -> T?) throws(WireError) -> T? {
        guard let value = self[name] else { return nil }
        guard let typed = read(value) else { throw .json("field '\(name)': unexpected \(value.typeName)") }
        return typed
    }

    /// A field that may also be null.
    fileprivate func nullableField<T>(_ name: String, _ read: (JSONValue) -> T?) throws(WireError) -> T? {
        if self[name]?.isNull == true { return nil }
        return try field(name, read)
    }
}
