import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Objects of a bundle's workers")
struct WorkerObjectsTests {
    private func objects(_ change: JSONValue = [:], name: String = "default") throws -> (
        WorkerObjects, SIEBundle.WorkerGroup
    ) {
        let bundle = try BundleWorld.bundle(change, name: name)
        return (try BundleWorld.objects(bundle), try #require(bundle.spec.value?.workerGroups?.first))
    }

    private func group(_ fields: JSONValue) -> JSONValue {
        ["workerGroups": [MergePatch.apply(fields, to: ["machineProfile": "l4", "minReplicas": 1, "maxReplicas": 3])]]
    }

    private func environment(_ objects: WorkerObjects, _ group: SIEBundle.WorkerGroup) -> [String: JSONValue] {
        Dictionary(
            objects.pod(group).environment.compactMap { variable in
                variable["name"]?.stringValue.map { ($0, variable["value"] ?? variable["valueFrom"] ?? .null) }
            }
        ) { first, _ in first }
    }

    // MARK: Names

    @Test("names that fit are plain, longer ones are cut and keep apart")
    func names() {
        let names = BundleNames(installation: "sie", bundle: "default", object: "default")
        #expect(names.configMap == "sie-bundles" && names.definitionKey == "default.yaml")
        #expect(names.statefulSet("l4") == "sie-worker-default-l4")
        #expect(names.scaledObject("l4") == "sie-worker-default-l4-scaler")
        let long = String(repeating: "b", count: 40)
        let bundle = BundleNames(installation: "sie", bundle: long, object: String(repeating: "o", count: 253))
        let one = bundle.statefulSet("machine-profile-a")
        let other = bundle.statefulSet("machine-profile-b")
        #expect(one != other && one == bundle.statefulSet("machine-profile-a"))
        for name in [one, other] {
            #expect(name.utf8.count <= BundleNames.longestStatefulSet)
            #expect(
                name.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (48...57).contains($0) || (97...122).contains($0) })
        }
        #expect(bundle.prepull("machine-profile-a").utf8.count <= 63 && bundle.service.utf8.count <= 63)
        // Field managers have at most 128 bytes.
        #expect(bundle.definitionManager.utf8.count <= 128)
    }

    @Test("a name that is no label becomes one")
    func labels() throws {
        let (objects, group) = try objects(["bundleName": "b"], name: "a." + String(repeating: "x", count: 80))
        for (key, value) in objects.labels.all(of: group) {
            #expect(value.utf8.count <= 63 && !value.isEmpty, "\(key)")
        }
    }

    @Test("selectors are part of the labels, and of no other group's")
    func selectors() throws {
        let (objects, group) = try objects()
        let labels = objects.labels.all(of: group)
        let selector = objects.labels.selector(of: group)
        #expect(selector.allSatisfy { labels[$0.key] == $0.value })
        #expect(objects.labels.selector.allSatisfy { labels[$0.key] == $0.value })
        let other = objects.labels.all(of: SIEBundle.WorkerGroup(machineProfile: "cpu"))
        #expect(!selector.allSatisfy { other[$0.key] == $0.value })
    }

    // MARK: StatefulSets

    @Test("a StatefulSet never says how many workers there are, and is owned by its bundle")
    func statefulSet() throws {
        let (objects, group) = try objects()
        let document = objects.statefulSet(group).document
        #expect(document["spec"]?["replicas"] == nil)
        #expect(document["spec"]?["podManagementPolicy"] == "Parallel")
        #expect(document["spec"]?["serviceName"]?.stringValue == objects.service.name)
        let owner = document["metadata"]?["ownerReferences"]?.arrayValue?.first
        #expect(owner?["uid"] == "u" && owner?["controller"] == true && owner?["blockOwnerDeletion"] == true)
        #expect(owner?["apiVersion"] == "sie.dev/v1alpha1" && owner?["kind"] == "SIEBundle")
        let spec = document["spec"]?["template"]?["spec"]
        #expect(spec?["automountServiceAccountToken"] == false && spec?["terminationGracePeriodSeconds"] == 65)
        let container = spec?["containers"]?.arrayValue?.first
        #expect(container?["image"] == "r.example/sie:1.0")
        #expect(container?["args"] == ["serve", "--host", "0.0.0.0", "--port", "8080", "--bundle", "default"])
        #expect(objects.service.document["spec"]?["clusterIP"] == "None")
    }

    @Test(
        "the image is named as its registry wants it",
        arguments: [
            (#"{"tag":"1.0","appendVariant":true,"platform":"cuda12"}"#, "r.example/sie:1.0-cuda12-default"),
            (#"{"tag":null}"#, "r.example/sie"),
            (#"{"tag":"1.0","digest":"sha256:ab"}"#, "r.example/sie:1.0@sha256:ab"),
        ])
    func image(_ fields: String, _ image: String) throws {
        let (objects, group) = try objects(["image": try JSONReader.decode(Array(fields.utf8))])
        #expect(objects.pod(group).image == image)
    }

    @Test("GPUs are requested and limited alike, and decide the device")
    func gpus() throws {
        let (objects, group) = try objects(
            self.group([
                "gpuCount": 2, "gpuType": "l4", "resources": ["requests": ["cpu": 4], "limits": ["memory": "16Gi"]],
            ]))
        let container = objects.pod(group).template["spec"]?["containers"]?.arrayValue?.first
        #expect(container?["resources"]?["requests"] == ["cpu": "4", "nvidia.com/gpu": "2"])
        #expect(container?["resources"]?["limits"] == ["memory": "16Gi", "nvidia.com/gpu": "2"])
        #expect(environment(objects, group)["SIE_DEVICE"] == "cuda")
        #expect(environment(objects, group)["SIE_GPU_TYPE"] == "l4")
        let (plain, none) = try self.objects()
        #expect(environment(plain, none)["SIE_DEVICE"] == "cpu" && environment(plain, none)["SIE_GPU_TYPE"] == nil)
    }

    @Test("workers know their bundle, machine profile, queue and cache; the author has the last word")
    func variables() throws {
        let (objects, group) = try objects(
            self.group([
                "preloadModels": ["a/b", "c/d"], "cache": ["clusterCacheURL": "s3://models", "offline": true],
                "env": [
                    ["name": "SIE_NATS_URL", "value": "nats://mine:4222"],
                    ["name": "X", "valueFrom": ["fieldRef": ["fieldPath": "spec.nodeName"]]],
                ],
            ]))
        let environment = environment(objects, group)
        #expect(environment["SIE_BUNDLE"] == "default" && environment["SIE_MACHINE_PROFILE"] == "l4")
        #expect(environment["SIE_CLUSTER_ROUTING"] == "queue")
        #expect(environment["SIE_PRELOAD_MODELS"] == "a/b,c/d")
        #expect(environment["SIE_CLUSTER_CACHE"] == "s3://models" && environment["HF_HUB_OFFLINE"] == "1")
        #expect(environment["HF_TOKEN"] == nil)
        #expect(environment["SIE_NATS_URL"] == "nats://mine:4222")
        #expect(environment["X"]?["fieldRef"]?["fieldPath"] == "spec.nodeName")
        let names = objects.pod(group).environment.compactMap { $0["name"]?.stringValue }
        #expect(Set(names).count == names.count)
        let (online, plain) = try self.objects()
        #expect(self.environment(online, plain)["SIE_NATS_URL"] == "nats://nats:4222")
        #expect(self.environment(online, plain)["HF_TOKEN"]?["secretKeyRef"]?["optional"] == true)
    }

    @Test(
        "models are cached where the author wants it",
        arguments: [
            (#"{"sizeLimit":"10Gi"}"#, #"{"name":"model-cache","emptyDir":{"sizeLimit":"10Gi"}}"#),
            (
                #"{"type":"PersistentVolumeClaim","claimName":"weights"}"#,
                #"{"name":"model-cache","persistentVolumeClaim":{"claimName":"weights"}}"#
            ),
            (
                #"{"type":"HostPath","hostPath":"/mnt"}"#,
                #"{"name":"model-cache","hostPath":{"path":"/mnt","type":"DirectoryOrCreate"}}"#
            ),
        ])
    func cache(_ cache: String, _ volume: String) throws {
        let (objects, group) = try objects(self.group(["cache": try JSONReader.decode(Array(cache.utf8))]))
        let volumes = objects.pod(group).template["spec"]?["volumes"]?.arrayValue
        #expect(volumes?.first == (try JSONReader.decode(Array(volume.utf8))))
    }

    @Test("where workers may run is as the author says")
    func scheduling() throws {
        let (objects, group) = try objects(
            MergePatch.apply(
                ["imagePullSecrets": [["name": "registry"]]],
                to: self.group([
                    "nodeSelector": ["gpu": "l4"], "runtimeClassName": "nvidia", "priorityClassName": "high",
                    "serviceAccountName": "worker",
                    "tolerations": [["key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"]],
                ])))
        let spec = objects.pod(group).template["spec"]
        #expect(spec?["nodeSelector"] == ["gpu": "l4"] && spec?["runtimeClassName"] == "nvidia")
        #expect(spec?["priorityClassName"] == "high" && spec?["serviceAccountName"] == "worker")
        #expect(spec?["tolerations"] == [["key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"]])
        #expect(spec?["imagePullSecrets"] == [["name": "registry"]])
    }

    @Test("an overlay changes the pod template, but not what the operator needs of it")
    func overlay() throws {
        let overlay: JSONValue = [
            "metadata": ["annotations": ["mesh": "off"], "labels": ["team": "search", "sie.dev/siebundle": "other"]],
            "spec": [
                "serviceAccountName": "admin", "hostNetwork": true,
                "containers": [
                    ["name": "worker", "env": [["name": "EXTRA", "value": "1"]], "livenessProbe": .null],
                    ["name": "sidecar", "image": "x"],
                ],
            ],
        ]
        let (objects, group) = try objects(self.group(["podTemplateOverrides": overlay]))
        let template = objects.pod(group).template
        #expect(template["metadata"]?["annotations"]?["mesh"] == "off")
        #expect(template["metadata"]?["labels"]?["sie.dev/siebundle"] == "default")
        #expect(template["metadata"]?["labels"]?["team"] == "search")
        #expect(template["spec"]?["serviceAccountName"] == nil && template["spec"]?["hostNetwork"] == true)
        let containers = template["spec"]?["containers"]?.arrayValue ?? []
        #expect(containers.map { $0["name"] } == ["worker", "sidecar"])
        #expect(containers.first?["livenessProbe"] == nil && containers.first?["readinessProbe"] != nil)
        let names = (containers.first?["env"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(names.contains("EXTRA") && names.contains("SIE_BUNDLE"))
        #expect(
            objects.pod(group).issues == [
                "label sie.dev/siebundle belongs to the operator",
                "serviceAccountName is set by serviceAccountName of the group",
            ])
    }

    // MARK: The rest

    @Test("nothing that is sent has a null: servers refuse the fields that they do not know")
    func noNulls() throws {
        func hasNull(_ value: JSONValue) -> Bool {
            switch value {
            case .null: true
            case .object(let members): members.contains { hasNull($0.value) }
            case .array(let items): items.contains(where: hasNull)
            default: false
            }
        }
        for change in [[:], ["image": ["prepull": true]], group(["gpuCount": 0])] as [JSONValue] {
            let (objects, group) = try objects(change)
            let documents = [
                objects.service, objects.statefulSet(group), objects.disruptionBudget(group), objects.prepull(group),
                objects.scaledObject(group),
            ]
            for document in documents.compactMap(\.self) { #expect(!hasNull(document.document), "\(document.name)") }
        }
    }

    @Test("a budget protects groups of more than one worker, if it is wanted")
    func budget() throws {
        let (objects, group) = try objects()
        #expect(objects.disruptionBudget(group)?.document["spec"]?["maxUnavailable"] == 1)
        let (_, single) = try self.objects(self.group(["maxReplicas": 1]))
        #expect(objects.disruptionBudget(single) == nil)
        let (_, unwanted) = try self.objects(self.group(["disruptionBudget": ["enabled": false]]))
        #expect(objects.disruptionBudget(unwanted) == nil)
        let (_, share) = try self.objects(self.group(["disruptionBudget": ["maxUnavailable": "25%"]]))
        #expect(objects.disruptionBudget(share)?.document["spec"]?["maxUnavailable"] == "25%")
    }

    @Test("images are loaded ahead by pods that no Service of the bundle selects")
    func prepull() throws {
        let (objects, group) = try objects(["image": ["prepull": true]])
        let document = try #require(objects.prepull(group)?.document)
        let pod = document["spec"]?["template"]
        #expect(pod?["spec"]?["initContainers"]?.arrayValue?.first?["image"] == "r.example/sie:1.0")
        let labels = pod?["metadata"]?["labels"]
        #expect(!objects.labels.selector.allSatisfy { labels?[$0.key]?.stringValue == $0.value })
        let selector = document["spec"]?["selector"]?["matchLabels"]?.objectValue ?? []
        #expect(selector.allSatisfy { labels?[$0.key] == $0.value })
        #expect(try self.objects().0.prepull(group) == nil)
    }

    @Test("the default trigger is the operator's scaler, which is told the group and its numbers")
    func externalPush() throws {
        let (objects, group) = try objects(self.group(["scaling": ["queueDepthPerWorker": 7]]))
        let spec = try #require(objects.scaledObject(group)?.document["spec"])
        #expect(spec["minReplicaCount"] == 1 && spec["maxReplicaCount"] == 3)
        #expect(spec["cooldownPeriod"] == 900 && spec["initialCooldownPeriod"] == 300 && spec["pollingInterval"] == 15)
        #expect(spec["fallback"] == ["failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"])
        #expect(spec["advanced"]?["restoreToOriginalReplicaCount"] == false)
        let trigger = try #require(spec["triggers"]?.arrayValue?.first)
        #expect(trigger["type"] == "external-push")
        #expect(
            trigger["metadata"] == [
                "bundle": "default", "machineProfile": "l4", "queueDepthActivation": "2", "queueDepthPerWorker": "7",
                "scalerAddress": "sie-operator-scaler:9090",
            ])
        let metadata = (trigger["metadata"]?.objectValue ?? []).compactMap { member in
            member.value.stringValue.map { (member.key, $0) }
        }
        let reference = ScaledObjectRef(scalerMetadata: Dictionary(metadata) { $1 })
        #expect(
            try ExternalScaler.Trigger(reference)
                == .init(
                    WorkerGroupName(bundle: "default", machineProfile: "l4"), queueDepthPerWorker: 7,
                    queueDepthActivation: 2))
    }

    @Test("where the scaler speaks TLS, KEDA is told so, and where it finds the authority")
    func externalPushWithTLS() throws {
        let bundle = try BundleWorld.bundle()
        let group = try #require(bundle.spec.value?.workerGroups?.first)
        let installation = Installation(scalerHasTLS: true, triggerAuthentication: "sie-scaler")
        let spec = WorkerObjects(bundle, installation: installation)?.scaledObject(group)?.document["spec"]
        let trigger = try #require(spec?["triggers"]?.arrayValue?.first)
        #expect(trigger["metadata"]?["enableTLS"] == "true")
        #expect(trigger["authenticationRef"] == ["name": "sie-scaler"])
    }

    @Test("Prometheus is asked for the highest of all replicas, and never told that an outage is silence")
    func prometheus() throws {
        let (objects, group) = try objects(
            self.group(["scaling": ["engine": "Prometheus", "prometheusAddress": "http://p:9090"]]))
        let triggers = objects.scaledObject(group)?.document["spec"]?["triggers"]?.arrayValue ?? []
        #expect(triggers.count == 3)
        for trigger in triggers {
            let metadata = trigger["metadata"]
            #expect(metadata?["ignoreNullValues"] == "false" && metadata?["serverAddress"] == "http://p:9090")
            let query = metadata?["query"]?.stringValue ?? ""
            #expect(query.contains(#"{machine_profile="l4",bundle="default"}"#) && !query.contains("vector"))
        }
        #expect(triggers.map { $0["metadata"]?["threshold"] } == ["1", "10", "1"])
    }

    @Test("other engines have no ScaledObject, and no fallback to nobody", arguments: ["None", "External"])
    func otherEngines(_ engine: String) throws {
        let (objects, group) = try objects(self.group(["scaling": ["engine": .string(engine)]]))
        #expect(objects.scaledObject(group) == nil)
        let (scaled, none) = try self.objects(self.group(["scaling": ["fallback": ["replicas": 0]]]))
        #expect(scaled.scaledObject(none)?.document["spec"]?["fallback"] == nil)
    }

    @Test("the same spec gives the same objects, so that nothing is rolled out for nothing")
    func stable() throws {
        let change = group([
            "nodeSelector": ["a": "1", "b": "2", "c": "3"], "resources": ["limits": ["x": 1, "y": 2]],
        ])
        let digests = try (0..<20).map { _ in
            let (objects, group) = try objects(change)
            return objects.statefulSet(group).digest
        }
        #expect(Set(digests).count == 1)
    }
}
