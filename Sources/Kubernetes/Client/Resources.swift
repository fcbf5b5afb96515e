import CurlClient
import JSONStream

/// The verbs of one kind of object, in one namespace or in all.
///
/// Every verb throws ``KubernetesError``, whose operation says what was asked for.
public struct Resources<Object: KubernetesObject>: Sendable {
    let client: KubernetesClient
    public let type: ResourceType
    public let namespace: String?

    // MARK: Reading

    /// The object of a name.
    public func get(_ name: String, subresource: Subresource? = nil) async throws(KubernetesError) -> Object {
        let request = try request(.get, name, subresource: subresource)
        return try decode(try await client.send(request), request)
    }

    /// The object of a name, or nil where there is none.
    public func find(_ name: String) async throws(KubernetesError) -> Object? {
        do throws(KubernetesError) {
            return try await get(name)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// One page of the objects.
    public func list(_ options: ListOptions = ListOptions()) async throws(KubernetesError) -> ObjectList<Object> {
        var request = APIRequest(verb: .list, path: type.collectionPath(namespace: namespace), query: options.query)
        request.type = type
        request.key = ObjectKey(namespace: namespace, name: "")
        // Servers give everything at once where any version will do.
        request.bodyLimitBytes = 512 << 20
        return try await client.receive(request, with: ListDecoder<Object>())
    }

    /// All objects, page by page; anew and in one answer where a page takes so long to be asked for that the server
    /// forgets it.
    public func listAll(_ selection: Selection = Selection()) async throws(KubernetesError) -> ObjectList<Object> {
        var options = ListOptions(selection: selection, limit: 500)
        var all = ObjectList<Object>()
        while true {
            do throws(KubernetesError) {
                let page = try await list(options)
                all.append(page)
                guard let next = page.nextPage else { return all }
                options.continue = next
            } catch {
                guard error.isExpired, options.continue != nil else { throw error }
                all = ObjectList()
                options = ListOptions(selection: selection)
            }
        }
    }

    /// Changes as they happen. The stream ends when the server ends it, which is no error.
    public func watch(_ options: WatchOptions) async throws(KubernetesError) -> WatchStream<Object> {
        var request = APIRequest(verb: .watch, path: type.collectionPath(namespace: namespace), query: options.query)
        request.type = type
        request.key = ObjectKey(namespace: namespace, name: "")
        guard options.sendsInitialEvents || !options.resourceVersion.isEmpty else {
            throw .malformed("a watch needs a version to begin from", operation: request.operation)
        }
        let timeouts = CurlTimeouts(total: options.timeout + .seconds(30), idle: options.longestSilence)
        return WatchStream(try await client.stream(request, timeouts: timeouts), operation: request.operation)
    }

    // MARK: Writing

    /// Creates an object.
    ///
    /// - Returns: the object as the server keeps it.
    @discardableResult
    public func create(_ object: Object, _ options: WriteOptions = WriteOptions()) async throws(KubernetesError)
        -> Object
    {
        var request = APIRequest(
            verb: .create, path: type.collectionPath(namespace: namespace), query: options.query)
        request.type = type
        request.key = ObjectKey(namespace: namespace, name: object.metadata.name ?? "")
        request.body = try document(object, request)
        return try decode(try await client.send(request), request)
    }

    /// Replaces an object. What the type does not know is lost, unless the type is ``Preserved``. Where the metadata has
    /// a resource version, the object must still be at it, else the error is a conflict.
    @discardableResult
    public func update(
        _ object: Object, subresource: Subresource? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Object {
        var request = try request(.update, object.metadata.name ?? "", subresource: subresource)
        request.query = options.query
        request.body = try document(object, request)
        return try decode(try await client.send(request), request)
    }

    /// Changes some fields of an object by a JSON merge patch. With `metadata.resourceVersion` in the patch, the object
    /// must still be at it, else the error is a conflict.
    @discardableResult
    public func merge(
        _ name: String, _ patch: JSONValue, subresource: Subresource? = nil, _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Object {
        var request = try request(.patch, name, subresource: subresource)
        request.query = options.query
        request.contentType = "application/merge-patch+json"
        request.body = patch
        return try decode(try await client.send(request), request)
    }

    /// Server-side apply: says which fields a manager wants and how; fields that it wanted before and does not want now
    /// are removed.
    ///
    /// - Parameter isForced: whether to take fields from other managers; else they make a conflict whose causes name them.
    @discardableResult
    public func apply(
        _ object: Object, manager: String, isForced: Bool, subresource: Subresource? = nil,
        _ options: WriteOptions = WriteOptions()
    ) async throws(KubernetesError) -> Object {
        var request = try request(.patch, object.metadata.name ?? "", subresource: subresource)
        var options = options
        options.fieldManager = manager
        request.query = options.query
        if isForced { request.query.append(("force", "true")) }
        // JSON is YAML.
        request.contentType = "application/apply-patch+yaml"
        request.body = try document(object, request)
        return try decode(try await client.send(request), request)
    }

    /// Deletes an object, or begins to where finalizers hold it up.
    public func delete(_ name: String, _ options: DeleteOptions = DeleteOptions()) async throws(KubernetesError) {
        var request = try request(.delete, name)
        var body: [JSONMember] = [JSONMember("apiVersion", "v1"), JSONMember("kind", "DeleteOptions")]
        let preconditions = [("uid", options.uid), ("resourceVersion", options.resourceVersion)].compactMap {
            name, value in value.map { JSONMember(name, .string($0)) }
        }
        if !preconditions.isEmpty { body.append(JSONMember("preconditions", .object(preconditions))) }
        if let propagation = options.propagation {
            body.append(JSONMember("propagationPolicy", .string(propagation.rawValue)))
        }
        if let seconds = options.gracePeriodSeconds {
            body.append(JSONMember("gracePeriodSeconds", .int(Int64(seconds))))
        }
        request.body = .object(body)
        _ = try await client.send(request)
    }

    // MARK: Internals

    func request(
        _ verb: APIRequest.Verb, _ name: String, subresource: Subresource? = nil
    ) throws(KubernetesError) -> APIRequest {
        var request = APIRequest(verb: verb, path: type.collectionPath(namespace: namespace))
        request.type = type
        request.key = ObjectKey(namespace: namespace, name: name)
        request.subresource = subresource
        // Without a name, the path would be that of all objects.
        guard !name.isEmpty else { throw .malformed("the object has no name", operation: request.operation) }
        request.path += "/\(PathSegment.encode(name))"
        if let subresource { request.path += "/\(subresource.rawValue)" }
        return request
    }

    /// The object as it is sent, with what its type leaves out.
    private func document(_ object: Object, _ request: APIRequest) throws(KubernetesError) -> JSONValue {
        let tree: JSONValue
        do {
            tree = try JSONValue(encoding: object)
        } catch {
            throw .malformed("the object cannot be written: \(error)", operation: request.operation)
        }
        let members = (tree.objectValue ?? []).filter { $0.key != "apiVersion" && $0.key != "kind" }
        return .object(
            [JSONMember("apiVersion", .string(type.apiVersion)), JSONMember("kind", .string(type.kind))] + members)
    }

    func decode(_ body: [UInt8], _ request: APIRequest) throws(KubernetesError) -> Object {
        try decodeAny(body, request)
    }

    /// Reads an object that may be of another kind than this one, such as a scale.
    func decodeAny<Answer: Decodable>(_ body: [UInt8], _ request: APIRequest) throws(KubernetesError) -> Answer {
        do {
            return try JSONReader.decode(body).decode(Answer.self)
        } catch {
            throw .malformed("the object cannot be read: \(error)", operation: request.operation)
        }
    }
}
