import JSONStream

/// What an API server offers: groups, versions, kinds.
public struct Discovery: Sendable {
    let client: KubernetesClient

    /// The server's own version.
    public struct ServerVersion: Codable, Sendable, Hashable {
        public var major: String
        public var minor: String
        public var gitVersion: String

        /// Whether it is this minor version or a later one. Some servers add a plus to theirs.
        public func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
            func number(_ text: String) -> Int { Int(text.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
            return (major, minor) <= (number(self.major), number(self.minor))
        }

        /// How writes of custom resources are to be checked: fields that the kind does not have are refused where the
        /// server can do so, from 1.25 on; before, they are dropped without a word.
        public var fieldValidation: WriteOptions.FieldValidation? { isAtLeast(1, 25) ? .strict : nil }
    }

    private struct GroupList: Decodable {
        struct Group: Decodable {
            struct Version: Decodable {
                var version: String
            }
            var name: String
            var versions: [Version]
        }
        var groups: [Group]
    }

    private struct ResourceList: Decodable {
        struct Resource: Decodable {
            var name: String
            var kind: String?
            var namespaced: Bool?
            var verbs: [String]?
        }
        var resources: [Resource]?
    }

    public func serverVersion() async throws(KubernetesError) -> ServerVersion {
        try await get("/version")
    }

    /// The versions of a group, the server's favourite first; none where it does not have the group.
    public func versions(of group: String) async throws(KubernetesError) -> [String] {
        let list: GroupList = try await get("/apis")
        return list.groups.first { $0.name == group }?.versions.map(\.version) ?? []
    }

    /// Whether the server has a kind at the version given.
    public func serves(_ type: ResourceType) async throws(KubernetesError) -> Bool {
        do throws(KubernetesError) {
            let list: ResourceList = try await get(type.versionPath)
            return list.resources?.contains { $0.name == type.plural } ?? false
        } catch {
            if error.isNotFound { return false }
            throw error
        }
    }

    /// The first of the places, best first, that the server has.
    public func firstServed(of types: [ResourceType]) async throws(KubernetesError) -> ResourceType? {
        for type in types where try await serves(type) { return type }
        return nil
    }

    private func get<Answer: Decodable>(_ path: String) async throws(KubernetesError) -> Answer {
        let request = APIRequest(verb: .get, path: path)
        let body = try await client.send(request)
        do {
            return try JSONReader.decode(body).decode(Answer.self)
        } catch {
            throw .malformed("the answer cannot be read: \(error)", operation: request.operation)
        }
    }
}
