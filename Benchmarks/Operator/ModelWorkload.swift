import Foundation
import JSONStream
import Kubernetes

/// The objects of the benchmark, and how they are made.
struct ModelWorkload: Sendable {
    static let adapter = "bench.enc"
    static let models = ResourceType(group: "sie.dev", version: "v1alpha1", plural: "siemodels", kind: "SIEModel")

    let client: KubernetesClient
    let namespace: String
    /// Requests at a time.
    let parallel: Int

    /// Makes models. Their names begin with the namespace's end, so that a catalogue of two namespaces has all of them.
    func createModels(_ range: Range<Int>) async throws {
        let prefix = namespace.suffix(8)
        try await create(range, Self.models) { index in
            [
                "metadata": ["name": .string("model-\(index)")],
                "spec": [
                    "modelID": .string("bench-\(prefix)/model-\(index)"), "hfID": .string("bench/model-\(index)"),
                    "maxSequenceLength": 512,
                    "metadata": ["inputs": ["text": true], "tasks": ["encode": ["dense": ["dim": 384]]]],
                    "profiles": [
                        [
                            "name": "default", "adapterPath": .string("\(Self.adapter):Encoder"),
                            "maxBatchTokens": 16384,
                            "adapterOptions": ["runtime": ["pooling": "mean", "normalize": true]],
                        ]
                    ],
                ],
            ]
        }
    }

    /// Makes ConfigMaps of 1 KiB that are nobody's.
    func createConfigMaps(_ range: Range<Int>) async throws {
        let text = String(repeating: "0123456789abcdef", count: 64)
        try await create(range, ConfigMap.resourceType) { index in
            ["metadata": ["name": .string("unrelated-\(index)")], "data": ["text": .string(text)]]
        }
    }

    private func create(
        _ range: Range<Int>, _ type: ResourceType, _ document: @escaping @Sendable (Int) -> JSONValue
    ) async throws {
        let resources = client.resources(Unstructured.self, at: type, in: namespace)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in range.prefix(parallel) {
                group.addTask {
                    for index in stride(from: first, to: range.upperBound, by: parallel) {
                        try await resources.create(try Unstructured(document(index)))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
