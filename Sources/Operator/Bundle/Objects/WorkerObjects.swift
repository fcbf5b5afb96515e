import JSONStream
import Kubernetes

/// The objects of one bundle, as the operator wants them: pure functions of the spec.
package struct WorkerObjects: Sendable {
    package let names: BundleNames
    package let labels: BundleLabels
    private let spec: SIEBundle.Spec
    private let bundleName: String
    private let owner: OwnerReference?
    private let installation: Installation

    /// - Parameter bundle: must have a uid for its objects to be owned by it, which every object of a server has.
    package init?(_ bundle: SIEBundle, installation: Installation) {
        guard let spec = bundle.spec.value, let bundleName = bundle.bundleName, let name = bundle.metadata.name else {
            return nil
        }
        self.spec = spec
        self.bundleName = bundleName
        self.installation = installation
        names = BundleNames(installation: installation.name, bundle: bundleName, object: name)
        labels = BundleLabels(installation: installation.name, object: name, bundle: bundleName)
        owner = bundle.metadata.uid.map { uid in
            OwnerReference(
                apiVersion: SIEBundle.resourceType.apiVersion, kind: SIEBundle.resourceType.kind, name: name, uid: uid,
                controller: true, blockOwnerDeletion: true)
        }
    }

    // MARK: Of the bundle

    /// The names of all workers, which gateways follow. Pods that are not ready have none.
    package var service: OwnedDocument {
        OwnedDocument(
            name: names.service,
            [
                "metadata": metadata(names.service, labels.all),
                "spec": [
                    "clusterIP": "None", "publishNotReadyAddresses": false,
                    "selector": .texts(labels.selector),
                    "ports": [["name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"]],
                ],
            ])
    }

    // MARK: Of a group

    package func pod(_ group: SIEBundle.WorkerGroup) -> WorkerPod {
        WorkerPod(group, of: spec, named: bundleName, labels: labels, installation: installation)
    }

    /// The workers, without a number: it is the scaler's. A document that once had it and then leaves it out gives it up,
    /// and the server would make it 1.
    ///
    /// - Parameter partition: the ordinal from which on pods are replaced, where it is not that of the spec.
    package func statefulSet(_ group: SIEBundle.WorkerGroup, partition: Int? = nil) -> OwnedDocument {
        let name = names.statefulSet(group.machineProfile)
        let rollout = spec.rollout
        let strategy: JSONValue =
            switch rollout.strategy {
            case .onDelete: ["type": "OnDelete"]
            case .rollingUpdate:
                [
                    "type": "RollingUpdate",
                    "rollingUpdate": .members([
                        "partition": .int(Int64(partition ?? rollout.partition)),
                        // One is what servers do anyway, and those before 1.24 refuse the field, even a null.
                        "maxUnavailable": rollout.maxUnavailable == .int(1)
                            ? JSONValue?.none : rollout.maxUnavailable.json,
                    ]),
                ]
            }
        return OwnedDocument(
            name: name,
            [
                "metadata": metadata(name, labels.all(of: group)),
                "spec": [
                    "serviceName": .string(names.service),
                    "podManagementPolicy": "Parallel",
                    "selector": ["matchLabels": .texts(labels.selector(of: group))],
                    "updateStrategy": strategy,
                    "template": pod(group).template,
                ],
            ])
    }

    /// Keeps evictions from taking too many workers at once; nil where one worker is all there can be, which a budget
    /// would keep on its node for ever, or where the author wants none.
    package func disruptionBudget(_ group: SIEBundle.WorkerGroup) -> OwnedDocument? {
        guard group.disruptionBudget.enabled, group.maxReplicas > 1 else { return nil }
        let name = names.disruptionBudget(group.machineProfile)
        return OwnedDocument(
            name: name,
            [
                "metadata": metadata(name, labels.all(of: group)),
                "spec": [
                    "maxUnavailable": group.disruptionBudget.maxUnavailable.json,
                    "selector": ["matchLabels": .texts(labels.selector(of: group))],
                ],
            ])
    }

    /// Loads the image on every node that workers may come to; nil where the author does not want it.
    package func prepull(_ group: SIEBundle.WorkerGroup) -> OwnedDocument? {
        guard spec.image?.prepull == true, let image = pod(group).image else { return nil }
        let name = names.prepull(group.machineProfile)
        // Other pods than the workers: no selector of theirs may match.
        var podLabels = labels.all(of: group)
        podLabels["app.kubernetes.io/component"] = "image-prepull"
        let selector = labels.selector(of: group).merging(["app.kubernetes.io/component": "image-prepull"]) { $1 }
        let pod = pod(group).template["spec"]
        let few: JSONValue = ["cpu": "1m", "memory": "8Mi"]
        let resources: JSONValue = ["requests": few, "limits": few]
        let security: JSONValue = ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]]
        return OwnedDocument(
            name: name,
            [
                "metadata": metadata(name, podLabels),
                "spec": [
                    "selector": ["matchLabels": .texts(selector)],
                    "template": [
                        "metadata": ["labels": .texts(podLabels)],
                        "spec": .members([
                            "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0,
                            "nodeSelector": pod?["nodeSelector"], "tolerations": pod?["tolerations"],
                            "runtimeClassName": pod?["runtimeClassName"],
                            "imagePullSecrets": pod?["imagePullSecrets"],
                            "securityContext": pod?["securityContext"],
                            "initContainers": [
                                [
                                    "name": "image", "image": .string(image), "command": ["true"],
                                    "resources": resources, "securityContext": security,
                                ]
                            ],
                            "containers": [
                                [
                                    "name": "pause", "image": "registry.k8s.io/pause:3.10", "resources": resources,
                                    "securityContext": security,
                                ]
                            ],
                        ]),
                    ],
                ],
            ])
    }

    /// What KEDA needs to scale a group; nil for engines that are not KEDA.
    package func scaledObject(_ group: SIEBundle.WorkerGroup) -> OwnedDocument? {
        guard
            let spec = ScaledObject(
                group, bundle: bundleName, statefulSet: names.statefulSet(group.machineProfile),
                installation: installation
            ).spec
        else { return nil }
        let name = names.scaledObject(group.machineProfile)
        return OwnedDocument(name: name, ["metadata": metadata(name, labels.all(of: group)), "spec": spec])
    }

    private func metadata(_ name: String, _ labels: [String: String]) -> JSONValue {
        .members([
            "name": .string(name), "labels": .texts(labels),
            "ownerReferences": owner.flatMap { try? JSONValue(encoding: [$0]) },
        ])
    }
}

extension IntOrString {
    /// As in a document.
    var json: JSONValue {
        switch self {
        case .int(let number): .int(Int64(number))
        case .string(let text): .string(text)
        }
    }
}
