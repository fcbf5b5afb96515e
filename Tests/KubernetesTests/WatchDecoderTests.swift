import JSONStream
import Kubernetes
import TestSupport
import Testing

@Suite("Watch decoder")
struct WatchDecoderTests {
    private static let body = Array(
        """
        {"type":"ADDED","object":{"metadata":{"name":"a","namespace":"n","resourceVersion":"1"},"data":{"k":"ä\\n"}}}
        {"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"2"}}}\r

        {"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"9"}}}
        {"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}
        {"type":"MODIFIED","object":{"metadata":{"name":"bad","resourceVersion":"10"},"data":{"k":5}}}
        {"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"11"}}}
        {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}

        """.utf8)

    private func names(_ pieces: [[UInt8]]) throws -> [String] {
        var decoder = WatchDecoder<ConfigMap>()
        var names: [String] = []
        for piece in pieces {
            decoder.add(piece)
            while let event = try decoder.next() { names.append(Self.name(event)) }
        }
        #expect(!decoder.endsWithinEvent)
        return names
    }

    private static func name(_ event: WatchEvent<ConfigMap>) -> String {
        switch event {
        case .added(let object): "added \(object.key) \(object.data?["k"] ?? "")"
        case .modified(let object): "modified \(object.key)"
        case .deleted(let object): "deleted \(object.key)"
        case .bookmark(let version): "bookmark \(version)"
        case .initialEventsEnd(let version): "all told \(version)"
        case .failed(let status): "failed \(status.reason) \(status.code)"
        case .unreadable(let object): "unreadable \(object.metadata.name ?? "") \(object.reason)"
        }
    }

    private static let expected = [
        "added n/a ä\n", "modified a", "bookmark 9", "all told 9",
        "unreadable bad data.k: expected string, found integer",
        "deleted a", "failed expired 410",
    ]

    @Test("a watch cut at every byte reads the same")
    func everySplit() throws {
        for cut in 0...Self.body.count {
            #expect(try names([Array(Self.body[..<cut]), Array(Self.body[cut...])]) == Self.expected)
        }
        #expect(try names(Self.body.map { [$0] }) == Self.expected)
    }

    @Test("who manages which field is read only where the whole document is kept")
    func managedFields() throws {
        let line = """
            {"object":{"metadata":{"managedFields":[{"manager":"kubectl","fieldsV1":{"f:data":{".":{},"f:k":{}}}}],\
            "name":"a","labels":{"x":"y"},"resourceVersion":"3"},"data":{"k":"v"}},"type":"ADDED"}

            """
        func first<Object>(_: Object.Type) throws -> WatchEvent<Object>? {
            var decoder = WatchDecoder<Object>()
            decoder.add(Array(line.utf8))
            return try decoder.next()
        }
        guard case .added(let typed) = try first(ConfigMap.self), case .added(let whole) = try first(Unstructured.self),
            case .added(let preserved) = try first(Preserved<ConfigMap>.self)
        else {
            Issue.record("an event is no addition")
            return
        }
        #expect(typed.metadata == whole.metadata && typed.metadata.labels == ["x": "y"])
        #expect(typed.data == ["k": "v"] && preserved.object.data == typed.data)
        for document in [whole.document, preserved.document] {
            #expect(document["metadata"]?["managedFields"]?.arrayValue?.count == 1)
        }
    }

    @Test("a watch cut within an event says so")
    func cut() throws {
        var decoder = WatchDecoder<ConfigMap>()
        decoder.add(Array(Self.body.dropLast(2)))
        var count = 0
        while try decoder.next() != nil { count += 1 }
        #expect(count == 6)
        #expect(decoder.endsWithinEvent)
    }

    @Test(
        "what is no event is an error, not a crash",
        arguments: [
            "{}", "[]", "null", "nonsense", #"{"type":"ADDED"}"#, #"{"object":{}}"#, #"{"type":"NEW","object":{}}"#,
            #"{"type":"BOOKMARK","object":{}}"#, #"{"type":5,"object":{}}"#,
        ])
    func malformed(line: String) {
        var decoder = WatchDecoder<ConfigMap>()
        decoder.add(Array("\(line)\n".utf8))
        #expect(throws: WatchDecoder<ConfigMap>.Failure.self) { try decoder.next() }
    }

    @Test("a line longer than the limit is refused before it is whole, also in small pieces")
    func tooLong() throws {
        var lines = LineSplitter(limitBytes: 10)
        lines.add(Array("0123456789\n".utf8))
        #expect(try lines.next()?.count == 10)
        for _ in 0..<10 {
            lines.add([0x61])
            #expect(try lines.next() == nil)
        }
        lines.add([0x61])
        #expect(throws: LineSplitter.TooLong(limitBytes: 10)) { try lines.next() }
    }

    @Test("damaged watches in pieces of any size never crash, and an ERROR event without a Status is an error")
    func fuzz() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<4000 {
            var bytes = Self.body
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
                }
            }
            var decoder = WatchDecoder<ConfigMap>()
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = min(rest.count, Int.random(in: 1...200, using: &generator))
                decoder.add(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
                while let event = try? decoder.next() { _ = Self.name(event) }
            }
        }
        var decoder = WatchDecoder<ConfigMap>()
        decoder.add(Array("{\"type\":\"ERROR\",\"object\":3}\n".utf8))
        guard case .failed(let status)? = try? decoder.next() else {
            Issue.record("no error")
            return
        }
        #expect(status.reason == .internalError)
    }
}
