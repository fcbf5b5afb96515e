import JSONStream
import Kubernetes

/// Carries out what a plan or a drain asks for, one write after the other.
struct BundleActor: Sendable {
    private let client: KubernetesClient
    private let places: [BundleObject: ResourceType]
    private let namespace: String?

    init(_ client: KubernetesClient, _ places: [BundleObject: ResourceType], namespace: String?) {
        self.client = client
        self.places = places
        self.namespace = namespace
    }

    /// - Throws: `KubernetesError`; a conflict means that the next look has to decide anew, or, for a definition, that it
    ///   is somebody else's.
    func perform(_ action: BundleAction) async throws {
        switch action {
        case .publish(let document, let manager), .withdraw(let document, let manager):
            let maps = client.resources(Unstructured.self, at: ConfigMap.resourceType, in: namespace)
            _ = try await maps.apply(try Unstructured(document), manager: manager, isForced: false)
        case .apply(let kind, _, let document, _):
            try await resources(kind)?.apply(
                try Unstructured(document), manager: SIEGroup.fieldManager, isForced: true)
        case .handOverReplicas(let name, let number):
            let document: JSONValue = ["metadata": ["name": .string(name)], "spec": ["replicas": .int(Int64(number))]]
            try await resources(.statefulSet)?.apply(
                try Unstructured(document), manager: BundleAction.creationManager, isForced: false)
        case .scale(let name, let number):
            _ = try await resources(.statefulSet)?.setReplicas(
                name, number, WriteOptions(fieldManager: BundleAction.scaleManager))
        case .pause(let name):
            try await merge(
                .scaledObject, name, ["metadata": ["annotations": [ScaledObject.pausedAnnotation: "true"]]])
        case .disown(let kind, let name, let patch): try await merge(kind, name, patch)
        case .delete(let kind, let name, let uid, let orphans): try await delete(kind, name, uid, orphans)
        }
    }

    private func merge(_ kind: BundleObject, _ name: String, _ patch: JSONValue) async throws(KubernetesError) {
        do throws(KubernetesError) {
            _ = try await resources(kind)?.merge(name, patch, WriteOptions(fieldManager: SIEGroup.fieldManager))
        } catch {
            // Gone is as good.
            guard error.isNotFound else { throw error }
        }
    }

    private func delete(
        _ kind: BundleObject, _ name: String, _ uid: String?, _ orphans: Bool
    ) async throws(KubernetesError) {
        do throws(KubernetesError) {
            try await resources(kind)?.delete(
                name, DeleteOptions(uid: uid, propagation: orphans ? .orphan : .background))
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    private func resources(_ kind: BundleObject) -> Resources<Unstructured>? {
        places[kind].map { client.resources(Unstructured.self, at: $0, in: namespace) }
    }
}
