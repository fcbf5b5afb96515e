import JSONStream
import Kubernetes

/// What tells KEDA to scale one worker group (`keda.sh/v1alpha1 ScaledObject`).
package struct ScaledObject: Sendable {
    package static let resourceType = ResourceType(
        group: "keda.sh", version: "v1alpha1", plural: "scaledobjects", kind: "ScaledObject")
    /// What KEDA holds a deleted one with until it has taken its HorizontalPodAutoscaler away.
    package static let finalizer = "finalizer.keda.sh"
    /// With the value `true`: KEDA leaves the number of replicas as it is.
    package static let pausedAnnotation = "autoscaling.keda.sh/paused"

    /// The names of what the operator's scaler is told in `scalerMetadata`.
    package enum MetadataKey {
        package static let bundle = "bundle"
        package static let machineProfile = "machineProfile"
        package static let queueDepthPerWorker = "queueDepthPerWorker"
        package static let queueDepthActivation = "queueDepthActivation"
    }

    private let group: SIEBundle.WorkerGroup
    private let bundle: String
    private let statefulSet: String
    private let installation: Installation

    package init(_ group: SIEBundle.WorkerGroup, bundle: String, statefulSet: String, installation: Installation) {
        self.group = group
        self.bundle = bundle
        self.statefulSet = statefulSet
        self.installation = installation
    }

    /// Nil for engines that are not KEDA.
    package var spec: JSONValue? {
        guard let triggers else { return nil }
        let scaling = group.scaling
        return .members([
            "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "StatefulSet", "name": .string(statefulSet)],
            "pollingInterval": .int(Int64(scaling.pollingIntervalSeconds)),
            "cooldownPeriod": .int(Int64(scaling.cooldownSeconds)),
            // Without it, workers that were to be warm go at the first poll.
            "initialCooldownPeriod": .int(Int64(scaling.initialCooldownSeconds)),
            "minReplicaCount": .int(Int64(group.minReplicas)),
            "maxReplicaCount": .int(Int64(group.maxReplicas)),
            "fallback": fallback,
            "advanced": [
                "restoreToOriginalReplicaCount": false,
                "horizontalPodAutoscalerConfig": ["behavior": behavior],
            ],
            "triggers": .array(triggers),
        ])
    }

    /// KEDA knows a fallback only where it is to some number of workers.
    private var fallback: JSONValue? {
        let fallback = group.scaling.fallback
        guard fallback.replicas > 0 else { return nil }
        return [
            "failureThreshold": .int(Int64(fallback.failureThreshold)), "replicas": .int(Int64(fallback.replicas)),
            "behavior": .string(fallback.behavior.rawValue),
        ]
    }

    /// Up at once and by much, down slowly: a worker takes minutes to load its models.
    private var behavior: JSONValue {
        func policy(_ type: String, _ value: Int64, _ seconds: Int64) -> JSONValue {
            ["type": .string(type), "value": .int(value), "periodSeconds": .int(seconds)]
        }
        return [
            "scaleUp": [
                "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
                "policies": [policy("Percent", 100, 15), policy("Pods", 4, 15)],
            ],
            "scaleDown": [
                "stabilizationWindowSeconds": .int(Int64(group.scaling.scaleDownStabilizationSeconds)),
                "selectPolicy": "Max", "policies": [policy("Percent", 25, 60), policy("Pods", 1, 60)],
            ],
        ]
    }

    private var triggers: [JSONValue]? {
        let scaling = group.scaling
        switch scaling.engine {
        case .external, .none: return nil
        case .externalPush:
            var metadata = [
                "scalerAddress": installation.scalerAddress,
                MetadataKey.bundle: bundle,
                MetadataKey.machineProfile: group.machineProfile,
                MetadataKey.queueDepthPerWorker: "\(scaling.queueDepthPerWorker)",
                MetadataKey.queueDepthActivation: "\(scaling.queueDepthActivation)",
            ]
            if installation.scalerHasTLS { metadata["enableTLS"] = "true" }
            return [
                .members([
                    "type": "external-push", "metadata": .texts(metadata),
                    "authenticationRef": installation.triggerAuthentication.map { ["name": .string($0)] },
                ])
            ]
        case .prometheus:
            guard let address = scaling.prometheusAddress else { return nil }
            return PrometheusDemand(bundle: bundle, machineProfile: group.machineProfile).queries.map { query in
                [
                    "type": "prometheus",
                    "metadata": .texts([
                        "serverAddress": address, "query": query.text,
                        "threshold": query.isQueue ? "\(scaling.queueDepthPerWorker)" : "1",
                        "activationThreshold": query.isQueue ? "\(scaling.queueDepthActivation)" : "0",
                        // An answer with nothing in it is a scrape that failed, and no reason to sleep.
                        "ignoreNullValues": "false",
                    ]),
                ]
            }
        }
    }
}

/// The queries that stand for a group's demand where Prometheus is asked for it.
///
/// Every replica of the gateway tells of every worker and of every pool, so these are not summed over replicas: the
/// highest counts. What no gateway has told yet is 0, but only while some gateway is there to tell: with `or vector(0)`,
/// an outage of the gateway would look like silence.
package struct PrometheusDemand: Sendable {
    package struct Query: Sendable, Hashable {
        package var text: String
        package var isQueue: Bool
    }

    /// What every gateway tells from its start on.
    private static let presence = "0 * max(sie_gateway_config_epoch)"

    private let selector: String

    package init(bundle: String, machineProfile: String) {
        selector = #"{machine_profile="\#(machineProfile)",bundle="\#(bundle)"}"#
    }

    package var queries: [Query] {
        [
            query("max(sie_gateway_pending_demand\(selector))"),
            query("sum(max by (worker) (sie_gateway_worker_queue_depth\(selector)))", isQueue: true),
            query("max(sie_gateway_active_lease_gpus\(selector))"),
        ]
    }

    private func query(_ text: String, isQueue: Bool = false) -> Query {
        Query(text: "\(text) or \(Self.presence)", isQueue: isQueue)
    }
}
