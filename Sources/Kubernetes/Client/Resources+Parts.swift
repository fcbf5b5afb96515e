import JSONStream

/// Parts of objects, and changes within them.
extension Resources {
    /// Changes an object by a JSON patch: all of it, or nothing where a test in it fails, which is an error of reason
    /// ``StatusError/Reason/invalid``.
    @discardableResult
    public func patch(
        _ name: String, _ patch: JSONPatch, subresource: Subresource? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Object {
        var request = try request(.patch, name, subresource: subresource)
        request.query = options.query
        request.contentType = "application/json-patch+json"
        request.body = patch.document
        return try decode(try await client.send(request), request)
    }

    /// Changes fields of an object's status, which wakes everybody who watches it: leave it where nothing changes.
    ///
    /// - Parameters:
    ///   - status: a merge patch of the status alone.
    ///   - resourceVersion: where the object must still be, else the error is a conflict: read again, decide anew.
    @discardableResult
    public func mergeStatus(
        _ name: String, _ status: JSONValue, resourceVersion: String?, _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Object {
        var members = [JSONMember("status", status)]
        if let resourceVersion {
            members.append(JSONMember("metadata", ["resourceVersion": .string(resourceVersion)]))
        }
        return try await merge(name, .object(members), subresource: .status, options)
    }

    /// How many replicas an object has and is to have.
    public func scale(of name: String) async throws(KubernetesError) -> Scale {
        let request = try request(.get, name, subresource: .scale)
        return try decodeAny(try await client.send(request), request)
    }

    /// Says how many replicas an object is to have.
    ///
    /// - Parameter resourceVersion: where the object must still be, else the error is a conflict.
    @discardableResult
    public func setReplicas(
        _ name: String, _ replicas: Int, resourceVersion: String? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Scale {
        var request = try request(.patch, name, subresource: .scale)
        request.query = options.query
        request.contentType = "application/merge-patch+json"
        var members = [JSONMember("spec", ["replicas": .int(Int64(replicas))])]
        if let resourceVersion {
            members.append(JSONMember("metadata", ["resourceVersion": .string(resourceVersion)]))
        }
        request.body = .object(members)
        return try decodeAny(try await client.send(request), request)
    }
}
