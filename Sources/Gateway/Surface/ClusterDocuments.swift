import Catalog
import JSONStream
import NIOCore

/// The JSON documents of the read-only routes, made from one picture of fleet and catalogue (gateway contract 2.10 to
/// 2.12). Pure, so that each is tested without a server.
package struct ClusterDocuments: Sendable {
    let fleet: WorkerSnapshot
    let registry: Registry
    let epoch: UInt64
    let configuredMachineProfiles: [String]
    /// Inference requests answered per second.
    let requestsPerSecond: Double
    /// Models that others serve.
    let upstreamModels: [(id: String, owner: String, capabilities: [String])]
    let upstreams: [JSONValue]

    package init(
        fleet: WorkerSnapshot, registry: Registry, epoch: UInt64, configuredMachineProfiles: [String] = [],
        requestsPerSecond: Double = 0, upstreamModels: [(id: String, owner: String, capabilities: [String])] = [],
        upstreams: [JSONValue] = []
    ) {
        self.fleet = fleet
        self.registry = registry
        self.epoch = epoch
        self.configuredMachineProfiles = configuredMachineProfiles
        self.requestsPerSecond = requestsPerSecond
        self.upstreamModels = upstreamModels
        self.upstreams = upstreams
    }

    // MARK: Health

    package var readiness: JSONValue {
        ["status": "ready", "healthy_workers": .int(Int64(fleet.cluster.workerCount))]
    }

    /// Counts stand at the top and under `cluster`: the documents show the former, the reference answers the latter.
    package var health: JSONValue {
        .object(
            [
                JSONMember("status", fleet.cluster.workerCount > 0 ? "healthy" : "degraded"),
                JSONMember("type", "gateway"),
                JSONMember("configured_gpu_types", .strings(configuredMachineProfiles)),
                JSONMember("live_gpu_types", .strings(fleet.liveMachineProfiles)),
                JSONMember("cluster", cluster),
            ] + counts + [
                JSONMember("config_epoch", .int(Int64(clamping: epoch))),
                JSONMember("workers", .array(fleet.workers.map(\.document))),
                JSONMember("models", .array(fleet.models.map(\.document))),
            ] + (upstreams.isEmpty ? [] : [JSONMember("upstreams", .array(upstreams))]))
    }

    /// What the cluster's WebSocket sends.
    ///
    /// - Parameter time: now, in Unix seconds.
    package func clusterStatus(at time: Double) -> JSONValue {
        [
            "timestamp": .double((time * 1000).rounded() / 1000), "cluster": cluster,
            "workers": .array(fleet.workers.map(\.document)), "models": .array(fleet.models.map(\.document)),
        ]
    }

    private var counts: [JSONMember] {
        [
            JSONMember("worker_count", .int(Int64(fleet.cluster.workerCount))),
            JSONMember("gpu_count", .int(Int64(fleet.cluster.gpuCount))),
            JSONMember("models_loaded", .int(Int64(fleet.cluster.modelsLoaded))),
        ]
    }

    private var cluster: JSONValue {
        .object(counts + [JSONMember("total_qps", .double(requestsPerSecond))])
    }

    // MARK: Demand

    /// What a scaler wants to know of this gateway: the lanes that were asked for and are not there, and what waits on
    /// each worker.
    package func demand(_ pending: [PendingDemand.Pending]) -> JSONValue {
        func seconds(_ time: TimeAmount) -> JSONValue { .double(Double(time.nanoseconds / 1_000_000) / 1000) }
        return [
            "pending": .array(
                pending.map { pending in
                    [
                        "machine_profile": .string(pending.lane.machineProfile),
                        "bundle": .string(pending.lane.bundle),
                        "age_seconds": seconds(pending.age), "idle_seconds": seconds(pending.idle),
                    ]
                }),
            "workers": .array(
                fleet.workers.map { worker in
                    [
                        "name": .string(worker.name), "url": .string(worker.url),
                        "machine_profile": .string(worker.machineProfile), "bundle": .string(worker.bundle),
                        "pool": .string(worker.pool), "healthy": .bool(worker.isHealthy),
                        "queue_depth": .int(Int64(worker.queueDepth)),
                    ]
                }),
        ]
    }

    // MARK: Models

    /// For SDK clients under `models`, for OpenAI clients under `data`.
    package var models: JSONValue {
        let names = registry.modelIDs.isEmpty ? fleet.models.map(\.name) : registry.modelIDs
        return [
            "object": "list",
            "models": .array(names.map { entry(forModel: $0) }),
            "data": .array(
                names.map { name in
                    [
                        "id": .string(name), "object": "model", "created": 0, "owned_by": "sie",
                        "capabilities": .strings(registry.model(named: name)?.outputs ?? []),
                    ]
                }
                    + upstreamModels.map { model in
                        [
                            "id": .string(model.id), "object": "model", "created": 0, "owned_by": .string(model.owner),
                            "capabilities": .strings(model.capabilities),
                        ]
                    }),
        ]
    }

    /// One model as the caller spelled it; nil where neither catalogue nor fleet know it.
    package func model(_ name: String) -> JSONValue? {
        guard registry.model(named: name) != nil || !fleet.workers(withModel: name).isEmpty else { return nil }
        return entry(forModel: name)
    }

    private func entry(forModel name: String) -> JSONValue {
        let id = registry.modelID(matching: name) ?? name
        let workers = fleet.workers(withModel: id)
        let model = registry.model(named: id)
        return [
            "name": .string(name),
            "bundles": .strings(registry.bundles(servingModel: id)),
            "worker_count": .int(Int64(workers.count)),
            "workers": .strings(workers),
            "loaded": .bool(!workers.isEmpty),
            "state": workers.isEmpty ? "available" : "loaded",
            "inputs": .strings(model?.inputs ?? []),
            "outputs": .strings(model?.outputs ?? []),
            "dims": .object(
                (model?.dimensions ?? [:]).sorted { $0.key < $1.key }.map { JSONMember($0.key, .int(Int64($0.value))) }),
            "max_sequence_length": model?.maxSequenceLength.map { .int(Int64($0)) } ?? .null,
            "profiles": .object(
                (model?.profiles ?? []).map { profile in
                    JSONMember(profile.name, ["is_default": .bool(profile.name == "default")])
                }),
        ]
    }

    // MARK: Configuration

    package var configuredModels: JSONValue {
        [
            "models": .array(
                registry.modelIDs.map { id in
                    [
                        "model_id": .string(id),
                        "profiles": .strings((registry.model(named: id)?.profiles ?? []).map(\.name).sorted()),
                        "source": "gateway-registry",
                    ]
                })
        ]
    }

    package var configuredBundles: JSONValue {
        [
            "bundles": .array(
                registry.bundles.map { bundle in
                    [
                        "bundle_id": .string(bundle.id),
                        "priority": bundle.priority.json,
                        "adapter_count": .int(Int64(bundle.adapters.count)),
                        "source": "gateway-registry",
                        "connected_workers": .int(Int64(fleet.healthy.filter { $0.bundle == bundle.id }.count)),
                    ]
                })
        ]
    }

    /// How far the workers have taken over a model's configuration; nil for an unknown model.
    package func status(ofModel name: String) -> JSONValue? {
        guard let id = registry.modelID(matching: name) else { return nil }
        let bundles = registry.bundles(servingModel: id)
        var allAcked = !bundles.isEmpty
        let documents = bundles.map { bundle -> JSONValue in
            let expected = registry.bundleConfigHash(of: bundle)
            let eligible = fleet.healthy.filter { $0.bundle == bundle }
            let acked = eligible.filter { !expected.isEmpty && $0.bundleConfigHash == expected }
            let pending = eligible.filter { expected.isEmpty || $0.bundleConfigHash != expected }
            let isAcked = !eligible.isEmpty && pending.isEmpty
            if !isAcked { allAcked = false }
            return [
                "bundle_id": .string(bundle),
                "expected_bundle_config_hash": .string(expected),
                "total_eligible_workers": .int(Int64(eligible.count)),
                "acked_workers": .strings(acked.map(\.name)),
                "pending_workers": .strings(pending.map(\.name)),
                "acked": .bool(isAcked),
            ]
        }
        return [
            "model_id": .string(id),
            "config_epoch": .int(Int64(clamping: epoch)),
            "all_bundles_acked": .bool(allAcked),
            "no_bundles": .bool(bundles.isEmpty),
            "bundles": .array(documents),
            "source": "gateway-registry",
        ]
    }
}

extension JSONValue {
    static func strings(_ strings: [String]) -> JSONValue { .array(strings.map { .string($0) }) }
}

extension WorkerRecord {
    fileprivate var document: JSONValue {
        [
            "name": .string(name), "url": .string(url), "gpu": .string(machineProfile),
            "gpu_count": .int(Int64(gpuCount)), "loaded_models": .strings(loadedModels),
            "queue_depth": .int(Int64(queueDepth)), "memory_used_bytes": .int(memoryUsedBytes),
            "memory_total_bytes": .int(memoryTotalBytes), "healthy": .bool(isHealthy), "state": .string(state.rawValue),
            "bundle": .string(bundle), "bundle_config_hash": .string(bundleConfigHash),
        ]
    }
}

extension WorkerSnapshot.LoadedModel {
    fileprivate var document: JSONValue {
        [
            "name": .string(name), "state": "loaded", "worker_count": .int(Int64(workerURLs.count)),
            "gpu_types": .strings(gpuTypes), "total_queue_depth": .int(Int64(totalQueueDepth)),
        ]
    }
}
