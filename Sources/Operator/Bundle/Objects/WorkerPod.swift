import JSONStream
import Kubernetes

/// The pods of one worker group: a function of the spec and the installation, so that the same spec rolls nothing out.
package struct WorkerPod: Sendable {
    /// Where a worker keeps models, in every image.
    private static let modelsPath = "/models"
    /// The Secret with the token of the Hugging Face hub; workers start without it, too.
    private static let hubSecret = (name: "hf-token", key: "token")
    /// The user that worker images are made for.
    private static let userID: Int64 = 1000
    /// How long a worker goes on after it was told to stop, so that nobody sends it anything any more.
    private static let lameSeconds: Int64 = 10

    private let bundle: SIEBundle.Spec
    private let bundleName: String
    private let group: SIEBundle.WorkerGroup
    private let labels: BundleLabels
    private let installation: Installation

    package init(
        _ group: SIEBundle.WorkerGroup, of bundle: SIEBundle.Spec, named bundleName: String, labels: BundleLabels,
        installation: Installation
    ) {
        self.group = group
        self.bundle = bundle
        self.bundleName = bundleName
        self.labels = labels
        self.installation = installation
    }

    /// `repository:tag@digest`; nil where the bundle names no image.
    package var image: String? {
        guard let image = bundle.image else { return nil }
        var text = image.repository
        if var tag = image.tag {
            if image.appendVariant { tag += "-\(image.platform.rawValue)-\(bundleName)" }
            text += ":\(tag)"
        }
        if let digest = image.digest { text += "@\(digest)" }
        return text
    }

    /// The template, with what the bundle's author lays over it.
    package var template: JSONValue {
        guard let overlay = group.podTemplateOverrides else { return ownTemplate }
        return PodTemplateOverlay.apply(overlay, to: ownTemplate)
    }

    /// What the author's overlay says that it may not.
    package var issues: [String] {
        group.podTemplateOverrides.map { PodTemplateOverlay.issues(of: $0, over: ownTemplate) } ?? []
    }

    private var ownTemplate: JSONValue {
        [
            "metadata": [
                "labels": .texts(labels.all(of: group)),
                "annotations": .texts([
                    "prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics",
                ]),
            ],
            "spec": .members([
                "automountServiceAccountToken": false,
                "serviceAccountName": group.serviceAccountName.map { .string($0) },
                "terminationGracePeriodSeconds": .int(Int64(group.terminationGracePeriodSeconds)),
                "runtimeClassName": group.runtimeClassName.map { .string($0) },
                "priorityClassName": group.priorityClassName.map { .string($0) },
                "nodeSelector": group.nodeSelector.map { .texts($0) },
                "tolerations": group.tolerations.map { .array($0.map(Self.toleration)) },
                "imagePullSecrets": bundle.imagePullSecrets.map {
                    .array($0.map { ["name": .string($0.name)] })
                },
                "affinity": affinity,
                "securityContext": [
                    "runAsNonRoot": true, "runAsUser": .int(Self.userID), "runAsGroup": .int(Self.userID),
                    "fsGroup": .int(Self.userID), "seccompProfile": ["type": "RuntimeDefault"],
                ],
                "containers": [container],
                "volumes": [
                    .members([
                        "name": "model-cache", Self.cacheSource(group.cache).name: Self.cacheSource(group.cache).value,
                    ]),
                    ["name": "shm", "emptyDir": ["medium": "Memory", "sizeLimit": "8Gi"]],
                ],
            ]),
        ]
    }

    /// Workers keep apart where there is room.
    private var affinity: JSONValue {
        let term: JSONValue = [
            "labelSelector": ["matchLabels": .texts(labels.selector(of: group))],
            "topologyKey": "kubernetes.io/hostname",
        ]
        return [
            "podAntiAffinity": [
                "preferredDuringSchedulingIgnoredDuringExecution": [["weight": 100, "podAffinityTerm": term]]
            ]
        ]
    }

    private var container: JSONValue {
        .members([
            "name": "worker",
            "image": image.map { .string($0) },
            "imagePullPolicy": bundle.image.map { .string($0.pullPolicy.rawValue) },
            "args": ["serve", "--host", "0.0.0.0", "--port", "8080", "--bundle", .string(bundleName)],
            "ports": [["name": "http", "containerPort": 8080, "protocol": "TCP"]],
            "env": .array(environment),
            "resources": resources,
            "startupProbe": Self.probe("/healthz", period: 10, failures: 60),
            "livenessProbe": Self.probe("/healthz", delay: 10, period: 30, timeout: 10, failures: 3),
            "readinessProbe": Self.probe("/readyz", delay: 5, period: 10, timeout: 10, failures: 3),
            "lifecycle": ["preStop": ["exec": ["command": ["sleep", .string("\(Self.lameSeconds)")]]]],
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
            "volumeMounts": [
                ["name": "model-cache", "mountPath": .string(Self.modelsPath)],
                ["name": "shm", "mountPath": "/dev/shm"],
            ],
        ])
    }

    // MARK: Environment

    /// What the operator says, then what the bundle's author says, who may say it otherwise.
    package var environment: [JSONValue] {
        let own = ownEnvironment
        let names = Set((group.env ?? []).map(\.name))
        return own.filter { !names.contains($0["name"]?.stringValue ?? "") } + (group.env ?? []).map(Self.variable)
    }

    private var ownEnvironment: [JSONValue] {
        var texts: [(String, String?)] = [
            ("SIE_BUNDLE", bundleName),
            ("SIE_MACHINE_PROFILE", group.machineProfile),
            ("SIE_GPU_TYPE", group.gpuType),
            ("SIE_DEVICE", group.gpuCount > 0 ? "cuda" : "cpu"),
            ("SIE_CLUSTER_ROUTING", "queue"),
            ("SIE_NATS_URL", installation.natsURL),
            ("SIE_CONFIG_SERVICE_URL", installation.configURL),
            ("SIE_PAYLOAD_STORE_URL", installation.payloadStoreURL),
            ("SIE_LOG_JSON", "true"),
            ("HF_HOME", "\(Self.modelsPath)/huggingface"),
            ("SIE_CLUSTER_CACHE", group.cache.clusterCacheURL),
        ]
        if let models = group.preloadModels, !models.isEmpty {
            texts.append(("SIE_PRELOAD_MODELS", models.joined(separator: ",")))
        }
        if group.cache.offline { texts.append(("HF_HUB_OFFLINE", "1")) }
        var environment: [JSONValue] = texts.compactMap { name, value in
            value.map { ["name": .string(name), "value": .string($0)] }
        }
        environment.append(["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]])
        if !group.cache.offline {
            let secret: JSONValue = [
                "name": .string(Self.hubSecret.name), "key": .string(Self.hubSecret.key), "optional": true,
            ]
            environment.append(["name": "HF_TOKEN", "valueFrom": ["secretKeyRef": secret]])
        }
        return environment
    }

    // MARK: Parts

    /// What the author asks for, and the GPUs, of which requests and limits have to be the same.
    private var resources: JSONValue {
        var requests = group.resources?.requests ?? [:]
        var limits = group.resources?.limits ?? [:]
        if group.gpuCount > 0 {
            requests[group.gpuResource] = .int(group.gpuCount)
            limits[group.gpuResource] = .int(group.gpuCount)
        }
        func amounts(_ amounts: [String: IntOrString]) -> JSONValue? {
            // Texts, as the server writes them.
            amounts.isEmpty ? JSONValue?.none : .texts(amounts.mapValues(\.description))
        }
        return .members(["requests": amounts(requests), "limits": amounts(limits)])
    }

    private static func cacheSource(_ cache: SIEBundle.WorkerGroup.Cache) -> (name: String, value: JSONValue) {
        switch cache.type {
        case .emptyDir: ("emptyDir", ["sizeLimit": .string(cache.sizeLimit)])
        case .persistentVolumeClaim:
            ("persistentVolumeClaim", ["claimName": .string(cache.claimName ?? "model-cache")])
        case .hostPath:
            ("hostPath", ["path": .string(cache.hostPath ?? "/var/lib/sie/models"), "type": "DirectoryOrCreate"])
        }
    }

    private static func toleration(_ toleration: SIEBundle.WorkerGroup.Toleration) -> JSONValue {
        .members([
            "key": toleration.key.map { .string($0) },
            "operator": toleration.operator.map { .string($0.rawValue) },
            "value": toleration.value.map { .string($0) },
            "effect": toleration.effect.map { .string($0.rawValue) },
            "tolerationSeconds": toleration.tolerationSeconds.map { .int(Int64($0)) },
        ])
    }

    private static func variable(_ variable: SIEBundle.WorkerGroup.EnvironmentVariable) -> JSONValue {
        .members([
            "name": .string(variable.name), "value": variable.value.map { .string($0) },
            "valueFrom": variable.valueFrom,
        ])
    }

    private static func probe(
        _ path: String, delay: Int64? = nil, period: Int64, timeout: Int64? = nil, failures: Int64
    ) -> JSONValue {
        .members([
            "httpGet": ["path": .string(path), "port": "http"],
            "initialDelaySeconds": delay.map { .int($0) }, "periodSeconds": .int(period),
            "timeoutSeconds": timeout.map { .int($0) }, "failureThreshold": .int(failures),
        ])
    }
}
