import Crypto
import JSONStream
import Kubernetes

/// Restarts a config service that reads bundles only at its start: writes a digest of all definitions into the annotations
/// of its Deployment's pod template, so that Kubernetes rolls it once for each state of the definitions, and never twice.
package struct ConfigServiceRestart: Sendable {
    package static let annotation = "\(SIEGroup.name)/bundles-sha256"
    private static let deployments = ResourceType(
        group: "apps", version: "v1", plural: "deployments", kind: "Deployment")

    private let client: KubernetesClient
    package let deployment: String

    /// - Parameter deployment: its name; it is in the bundles' namespace, since its pods mount their definitions.
    package init(_ client: KubernetesClient, deployment: String) {
        self.client = client
        self.deployment = deployment
    }

    /// Has the pods replaced, unless that was done for these definitions before.
    ///
    /// - Parameter files: the texts of all definitions, by name.
    /// - Returns: whether it was done now.
    package func restart(for files: [String: String], in namespace: String?) async throws(KubernetesError) -> Bool {
        let resources = client.resources(Unstructured.self, at: Self.deployments, in: namespace)
        let live = try await resources.get(deployment)
        let digest = Self.digest(of: files)
        let annotations = live.document["spec"]?["template"]?["metadata"]?["annotations"]
        if annotations?[Self.annotation]?.stringValue == digest { return false }
        let change: JSONValue = .object([JSONMember(Self.annotation, .string(digest))])
        _ = try await resources.merge(
            deployment, ["spec": ["template": ["metadata": ["annotations": change]]]],
            WriteOptions(fieldManager: SIEGroup.fieldManager))
        return true
    }

    /// The same for the same names and texts in any order.
    package static func digest(of files: [String: String]) -> String {
        var hash = SHA256()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            // Lengths keep a name's end from being taken for its text.
            hash.update(data: Array("\(name.utf8.count):\(name)\(text.utf8.count):\(text)".utf8))
        }
        return Hexadecimal.text(of: hash.finalize())
    }
}
