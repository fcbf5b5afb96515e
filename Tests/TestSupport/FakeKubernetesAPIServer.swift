import JSONStream
import NIOConcurrencyHelpers

/// An API server that keeps objects in memory and fails as a test says: for faults that a real server does not produce on
/// demand. It keeps any kind, checks versions and preconditions, and knows no schemas, no managed fields and no rights.
package final class FakeKubernetesAPIServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        package var path: String
        package var query: [String: String]
        package var headers: [String: String]
        package var body: JSONValue

        package var isWatch: Bool { query["watch"] == "true" }
        package var isList: Bool { method == "GET" && !isWatch && query["limit"] != nil }
    }

    /// What a request gets instead of its answer.
    package enum Fault: Sendable {
        case status(Int, reason: String, headers: [(String, String)] = [])
        /// Bytes that no API server sends.
        case garbage(status: Int)
        /// The end of the connection, after the server has done what it was asked for.
        case closeAfterwards
        case close
        case silence
    }

    /// How watches end.
    package enum End: Sendable {
        /// As after their time.
        case clean
        /// Without the end of the body.
        case cut
        /// After some bytes of an event, in good order.
        case withinEvent
        /// After an ERROR event that says that the version is forgotten.
        case expired
        /// After another ERROR event.
        case error
    }

    private struct Watcher: Sendable {
        var place: FakeCollections.Place
        var selector: String?
        var pieces: AsyncStream<[UInt8]>.Continuation
        var isCut: NIOLockedValueBox<Bool>
    }

    private struct State: Sendable {
        var collections = FakeCollections()
        var watchers: [Int: Watcher] = [:]
        var nextWatcher = 0
        var faults: [(fault: Fault, matches: @Sendable (Request) -> Bool)] = []
        var tokens: Set<String>?
        var requests: [Request] = []
        var streamsLists = false
        /// The kinds that each group version has, for discovery.
        var kinds: [String: [String]] = [:]
        /// Changes are kept from watches while it stalls.
        var isStalled = false
    }

    private let state: NIOLockedValueBox<State>
    private let server: LoopbackHTTPServer

    package init() async throws {
        let state = NIOLockedValueBox(State())
        self.state = state
        server = try await LoopbackHTTPServer { request, _ in Self.answer(request, state) }
    }

    package var url: String { server.url }
    package var requests: [Request] { state.withLockedValue { $0.requests } }
    package var watchCount: Int { state.withLockedValue { $0.watchers.count } }

    /// Accepts these bearer tokens only.
    package func accept(tokens: Set<String>) { state.withLockedValue { $0.tokens = tokens } }

    /// Fails the next requests that match, once for each call.
    package func fail(_ fault: Fault, where matches: @escaping @Sendable (Request) -> Bool = { _ in true }) {
        state.withLockedValue { $0.faults.append((fault, matches)) }
    }

    /// Lets watches tell what is there first, as servers from 1.32 on do. Others refuse, as this one does at first.
    package func streamLists() { state.withLockedValue { $0.streamsLists = true } }

    /// Tells of kinds when it is asked what it has; until then it has none to tell of.
    ///
    /// - Parameter version: such as `/apis/apps/v1`.
    package func offer(_ plurals: [String], in version: String) {
        state.withLockedValue { $0.kinds[version] = plurals }
    }

    // MARK: Objects

    /// Creates or replaces an object.
    package func put(_ object: JSONValue, in collection: String, namespace: String) {
        state.withLockedValue { state in
            let place = FakeCollections.Place(collection: collection, namespace: namespace)
            let name = object["metadata"]?["name"]?.stringValue ?? ""
            if (try? state.collections.replace(place, name, object)) == nil {
                _ = try? state.collections.create(place, object)
            }
            Self.tell(&state)
        }
    }

    package func remove(_ name: String, in collection: String, namespace: String) {
        state.withLockedValue { state in
            try? state.collections.delete(.init(collection: collection, namespace: namespace), name, [:])
            Self.tell(&state)
        }
    }

    /// The object, if there is one.
    package func object(_ name: String, in collection: String, namespace: String) -> JSONValue? {
        state.withLockedValue { try? $0.collections.get(.init(collection: collection, namespace: namespace), name) }
    }

    /// Forgets all versions until now: watches and pages that go on from them are refused.
    package func compact() { state.withLockedValue { $0.collections.compact() } }

    // MARK: Watches

    /// Keeps changes from watches; they miss them for good.
    package func stall(_ isStalled: Bool) { state.withLockedValue { $0.isStalled = isStalled } }

    /// Sends the current version to all watches.
    package func bookmark() {
        state.withLockedValue { state in
            let bookmark: JSONValue = [
                "type": "BOOKMARK",
                "object": ["kind": "", "metadata": ["resourceVersion": .string("\(state.collections.version)")]],
            ]
            for watcher in state.watchers.values { watcher.pieces.yield(Self.line(bookmark)) }
        }
    }

    /// Sends the last change to all watches once more.
    package func repeatLastChange() {
        state.withLockedValue { state in
            guard let change = state.collections.log.last else { return }
            for watcher in state.watchers.values { watcher.pieces.yield(Self.line(change)) }
        }
    }

    /// Ends all watches.
    package func endWatches(_ end: End) {
        state.withLockedValue { state in
            for watcher in state.watchers.values {
                switch end {
                case .clean: break
                case .cut: watcher.isCut.withLockedValue { $0 = true }
                case .withinEvent: watcher.pieces.yield(Array(#"{"type":"MODIFIED","object":{"metad"#.utf8))
                case .expired, .error:
                    let refusal =
                        end == .expired
                        ? FakeCollections.Refusal(code: 410, reason: "Expired", message: "too old resource version")
                        : .init(code: 500, reason: "InternalError", message: "etcd event received with PrevKv=nil")
                    watcher.pieces.yield(Self.line(["type": "ERROR", "object": refusal.status]))
                }
                watcher.pieces.finish()
            }
            state.watchers = [:]
        }
    }

    /// Hands the last change to the watches that it concerns.
    private static func tell(_ state: inout State) {
        guard !state.isStalled, let change = state.collections.log.last else { return }
        for watcher in state.watchers.values
        where FakeCollections.contains(watcher.place, change.place)
            && FakeCollections.matches(change.object, watcher.selector)
        {
            watcher.pieces.yield(line(change))
        }
    }

    private static func line(_ change: FakeCollections.Change) -> [UInt8] {
        line(["type": .string(change.type), "object": change.object])
    }

    private static func line(_ event: JSONValue) -> [UInt8] { JSONWriter.encode(event) + [UInt8(ascii: "\n")] }

    // MARK: Answering

    private static func answer(
        _ raw: LoopbackHTTPServer.Request, _ box: NIOLockedValueBox<State>
    ) -> LoopbackHTTPServer.Answer {
        let request = Request(raw)
        return box.withLockedValue { state in
            state.requests.append(request)
            var fault: Fault?
            if let index = state.faults.firstIndex(where: { $0.matches(request) }) {
                fault = state.faults.remove(at: index).fault
            }
            switch fault {
            case .status(let code, let reason, let headers):
                let refusal = FakeCollections.Refusal(code: code, reason: reason, message: "as the test wants")
                return .reply(code, headers: headers, body: JSONWriter.encode(refusal.status))
            case .garbage(let status): return .text("<html>Bad Gateway</html>", status: status)
            case .close: return .close
            case .silence: return .silence
            case .closeAfterwards, nil: break
            }
            if let tokens = state.tokens {
                let token = (request.headers["authorization"] ?? "").split(separator: " ").last.map(String.init) ?? ""
                guard tokens.contains(token) else {
                    return refuse(.init(code: 401, reason: "Unauthorized", message: "Unauthorized"))
                }
            }
            let answer: LoopbackHTTPServer.Answer
            do throws(FakeCollections.Refusal) {
                answer = try serve(request, &state, box)
            } catch {
                answer = refuse(error)
            }
            if case .closeAfterwards = fault { return .close }
            return answer
        }
    }

    private static func refuse(_ refusal: FakeCollections.Refusal) -> LoopbackHTTPServer.Answer {
        .reply(
            refusal.code, headers: [("content-type", "application/json")], body: JSONWriter.encode(refusal.status))
    }

    private static func serve(
        _ request: Request, _ state: inout State, _ box: NIOLockedValueBox<State>
    ) throws(FakeCollections.Refusal) -> LoopbackHTTPServer.Answer {
        if request.method == "GET", let plurals = state.kinds[request.path] {
            let list: JSONValue = [
                "kind": "APIResourceList", "resources": .array(plurals.map { ["name": .string($0)] }),
            ]
            return .reply(200, headers: [("content-type", "application/json")], body: JSONWriter.encode(list))
        }
        guard let (place, name) = target(request.path) else {
            throw .init(code: 404, reason: "NotFound", message: "the server could not find the requested resource")
        }
        let selector = request.query["labelSelector"]
        if request.isWatch { return try watch(request, place, selector, &state, box) }
        let object: JSONValue
        var status = 200
        switch (request.method, name) {
        case ("GET", nil):
            object = try state.collections.list(
                place, selector: selector, limit: request.query["limit"].flatMap { Int($0) },
                after: request.query["continue"])
        case ("GET", let name?): object = try state.collections.get(place, name)
        case ("POST", nil):
            object = try state.collections.create(place, request.body)
            status = 201
        case ("PUT", let name?): object = try state.collections.replace(place, name, request.body)
        case ("PATCH", let name?):
            let isApply = request.headers["content-type"] == "application/apply-patch+yaml"
            if isApply, (try? state.collections.get(place, name)) == nil {
                object = try state.collections.create(place, request.body)
                status = 201
            } else if let operations = request.body.arrayValue {
                object = try state.collections.patch(place, name, operations: operations)
            } else {
                object = try state.collections.patch(place, name, request.body, merge: merge)
            }
        case ("DELETE", let name?):
            try state.collections.delete(place, name, request.body)
            object = ["kind": "Status", "apiVersion": "v1", "status": "Success"]
        default: throw .init(code: 405, reason: "MethodNotAllowed", message: "the method is not allowed")
        }
        if request.method != "GET" { tell(&state) }
        return .reply(status, headers: [("content-type", "application/json")], body: JSONWriter.encode(object))
    }

    private static func watch(
        _ request: Request, _ place: FakeCollections.Place, _ selector: String?, _ state: inout State,
        _ box: NIOLockedValueBox<State>
    ) throws(FakeCollections.Refusal) -> LoopbackHTTPServer.Answer {
        let version = request.query["resourceVersion"].flatMap { Int($0) } ?? 0
        let (pieces, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        if request.query["sendInitialEvents"] == "true" {
            guard state.streamsLists else {
                throw .init(code: 422, reason: "Invalid", message: "resourceVersionMatch is forbidden for watch")
            }
            for line in try initialEvents(place, selector, state.collections) { continuation.yield(line) }
        } else {
            for change in try state.collections.changes(place, selector: selector, after: version) {
                continuation.yield(line(change))
            }
        }
        let isCut = NIOLockedValueBox(false)
        let id = state.nextWatcher
        state.nextWatcher += 1
        state.watchers[id] = Watcher(place: place, selector: selector, pieces: continuation, isCut: isCut)
        continuation.onTermination = { _ in
            // Later, because whoever ends a watch holds the lock.
            Task { box.withLockedValue { $0.watchers[id] = nil } }
        }
        return .stream(isCut: { isCut.withLockedValue { $0 } }) { _ in
            var iterator = pieces.makeAsyncIterator()
            return await iterator.next()
        }
    }

    private static func initialEvents(
        _ place: FakeCollections.Place, _ selector: String?, _ collections: FakeCollections
    ) throws(FakeCollections.Refusal) -> [[UInt8]] {
        let list = try collections.list(place, selector: selector, limit: nil, after: nil)
        let end: JSONValue = [
            "kind": "",
            "metadata": [
                "resourceVersion": list["metadata"]?["resourceVersion"] ?? "",
                "annotations": ["k8s.io/initial-events-end": "true"],
            ],
        ]
        return (list["items"]?.arrayValue ?? []).map { line(["type": "ADDED", "object": $0]) }
            + [line(["type": "BOOKMARK", "object": end])]
    }

    /// The collection, the namespace and the name in a path; subresources are the object itself.
    private static func target(_ path: String) -> (FakeCollections.Place, String?)? {
        var parts = path.split(separator: "/").map(String.init)
        let prefixLength = parts.first == "api" ? 2 : 3
        guard parts.count > prefixLength else { return nil }
        let prefix = "/" + parts[..<prefixLength].joined(separator: "/")
        parts.removeFirst(prefixLength)
        var namespace: String?
        if parts[0] == "namespaces", parts.count >= 3 {
            namespace = parts[1]
            parts.removeFirst(2)
        }
        return (.init(collection: "\(prefix)/\(parts[0])", namespace: namespace), parts.count > 1 ? parts[1] : nil)
    }

    /// RFC 7386.
    private static func merge(_ patch: JSONValue, _ target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members = target.objectValue ?? []
        for change in changes {
            let old = members.first { $0.key == change.key }?.value ?? .null
            members.removeAll { $0.key == change.key }
            if !change.value.isNull { members.append(JSONMember(change.key, merge(change.value, old))) }
        }
        return .object(members)
    }
}

extension FakeKubernetesAPIServer.Request {
    fileprivate init(_ raw: LoopbackHTTPServer.Request) {
        method = raw.method
        path = raw.path
        query = [:]
        for pair in raw.target.dropFirst(raw.path.count + 1).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { Self.decode($0) }
            query[parts[0]] = parts.count > 1 ? parts[1] : ""
        }
        headers = [:]
        for (name, value) in raw.headers { headers[name.lowercased()] = value }
        body = (try? JSONReader.decode(raw.body)) ?? .null
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
