import JSONStream
import Operator
import TestSupport
import Testing

@Suite("Documents of pools")
struct PoolDocumentTests {
    private static let example = """
        {
          "spec": {"name": "tenant-a", "bundle": "default", "gpus": {"l4": 2}, "ttl_seconds": 600,
                   "minimum_worker_count": 1, "from-the-future": true},
          "status": {"state": "pending", "assigned_workers": [{"name": "w", "url": "http://w", "gpu": "l4"}],
                     "created_at": 1790000000.25, "last_renewed": 1790000123, "more": [1]}
        }
        """

    @Test("a document of any writer is read; what is not the operator's is kept, whatever it is")
    func read() throws {
        var document = try PoolDocument(text: Self.example)
        #expect(document.spec.name == "tenant-a" && document.spec.bundle == "default")
        #expect(document.spec.gpus == ["l4": 2] && document.spec.ttlSeconds == 600)
        #expect(document.spec.minimumWorkerCount == 1 && document.state == .pending)
        #expect(document.createdAt == 1_790_000_000.25 && document.lastRenewed == 1_790_000_123)
        document.spec.gpus = ["t4": 1]
        document.renew(at: 1_790_000_200.5)
        let written = try JSONReader.decode(document.text.utf8)
        let before = try JSONReader.decode(Self.example.utf8)
        for key in ["state", "assigned_workers", "created_at", "more"] {
            #expect(written["status"]?[key] == before["status"]?[key], "\(key)")
        }
        #expect(written["status"]?["last_renewed"] == .double(1_790_000_200.5))
        #expect(written["spec"]?["gpus"] == ["t4": 1])
        #expect(try PoolDocument(text: document.text) == document)
    }

    @Test("a new document has every key that the original reads, in its types")
    func new() throws {
        let spec = PoolDocument.Spec(name: "a", gpus: ["l4": 1, "a100-80gb": 2])
        let document = try JSONReader.decode(PoolDocument(spec, now: 5).text.utf8)
        #expect(
            document == [
                "spec": [
                    "name": "a", "bundle": nil, "gpus": ["a100-80gb": 2, "l4": 1], "ttl_seconds": nil,
                    "minimum_worker_count": 0,
                ],
                "status": [
                    "state": "pending", "assigned_workers": [], "created_at": .double(5), "last_renewed": .double(5),
                ],
            ])
    }

    @Test("a renewal is always newer than what was read, whatever the clock says")
    func renewal() throws {
        var document = try PoolDocument(text: Self.example)
        document.renew(at: 1_790_000_000)
        #expect(document.lastRenewed == 1_790_000_123.001)
    }

    @Test("the text stays small, however many workers and however long their names")
    func size() throws {
        func text(_ count: Int, _ length: Int) throws -> String {
            let worker: JSONValue = ["name": .string(String(repeating: "w", count: length)), "url": "u", "gpu": "l4"]
            let document: JSONValue = [
                "spec": ["name": "a"],
                "status": [
                    "state": "active", "assigned_workers": .array(Array(repeating: worker, count: count)),
                    "last_renewed": 1,
                ],
            ]
            return try PoolDocument(text: String(decoding: JSONWriter.encode(document), as: UTF8.self)).text
        }
        for (count, length, kept) in [(10, 10, 10), (1000, 10, 256), (200, 1000, 0)] {
            let written = try JSONReader.decode(text(count, length).utf8)
            #expect(written["status"]?["assigned_workers"]?.arrayValue?.count == kept)
            #expect(written["status"]?["state"] == "active")
        }
        #expect(try text(100_000, 100).utf8.count < PoolDocument.mostBytes)
    }

    @Test(
        "what is no pool is refused",
        arguments: [
            "", "{", "[]", #"{"spec":{"name":"a"}}"#, #"{"spec":{"name":"a"},"status":{}}"#,
            #"{"spec":{"name":"a"},"status":{"state":"Active"}}"#, #"{"spec":{},"status":{"state":"active"}}"#,
            #"{"spec":{"name":"a","gpus":{"l4":-1}},"status":{"state":"active"}}"#,
        ])
    func malformed(text: String) {
        #expect((try? PoolDocument(text: text)) == nil)
    }

    @Test("damaged documents are refused or read, and never end the program")
    func fuzz() {
        var generator = SeededGenerator(seed: 21)
        let original = Array(Self.example.utf8)
        var read = 0
        for _ in 0..<10_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard var document = try? PoolDocument(text: String(decoding: bytes, as: UTF8.self)) else { continue }
            read += 1
            document.renew(at: 1)
            _ = document.spec.workers
            #expect((try? PoolDocument(text: document.text))?.spec == document.spec)
        }
        #expect(read > 100)
    }
}
