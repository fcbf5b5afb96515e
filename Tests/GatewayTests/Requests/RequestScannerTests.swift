import Gateway
import MessagePack
import NIOCore
import TestSupport
import Testing
import Wire

@Suite("Scanning request bodies")
struct RequestScannerTests {
    static func scan(
        _ value: MessagePackValue, _ operation: WorkItem.Operation = .encode
    ) throws -> InferenceRequest {
        try RequestScanner().scan(ByteBuffer(bytes: MessagePackWriter.encode(value)), operation: operation)
    }

    static func map(_ pairs: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
        .map(pairs.map { MessagePackPair(.string($0.key), $0.value) })
    }

    static func items(of request: InferenceRequest) throws -> [MessagePackValue] {
        try request.items.map { range in
            try request.bytes.withUnsafeReadableBytes {
                try MessagePackReader.decode(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        }
    }

    static func options(of request: InferenceRequest) throws -> MessagePackValue? {
        try request.parameters.options.map { try MessagePackReader.decode($0) }
    }

    static let hello = map(["id": "a", "text": "hello"])
    static let world = map(["text": "world", "blob": .binary([0, 255, 1])])

    @Test("items are found under each of their names, in order, byte for byte")
    func itemNames() throws {
        for name in ["items", "input", "inputs"] {
            let request = try Self.scan(Self.map([name: .array([Self.hello, Self.world])]))
            #expect(try Self.items(of: request) == [Self.hello, Self.world], "under \(name)")
        }
        #expect(try Self.items(of: Self.scan(Self.map(["input": Self.hello]))) == [Self.hello])
        #expect(try Self.items(of: Self.scan(Self.map(["input": "text"]))) == ["text"])
        #expect(try Self.items(of: Self.scan(Self.hello)) == [Self.hello])
        #expect(try Self.items(of: Self.scan(Self.map(["inputs": .array([1]), "items": .array([2])]))) == [2])
    }

    @Test("names of fields may be bin")
    func binaryNames() throws {
        let body = MessagePackValue.map([
            MessagePackPair(.binary(Array("items".utf8)), .array([Self.hello])),
            MessagePackPair(.int(3), .nil),
        ])
        #expect(try Self.items(of: Self.scan(body)) == [Self.hello])
    }

    @Test("parameters are read from params first, else from the top level")
    func parameters() throws {
        let nested = Self.map([
            "output_types": .array(["dense", 5, "sparse"]), "instruction": .nil,
            "options": Self.map(["is_query": true, "normalize": false]), "labels": "no list",
        ])
        let request = try Self.scan(
            Self.map([
                "items": .array([Self.hello]), "params": nested, "instruction": "top", "labels": .array(["person"]),
                "output_schema": Self.map(["type": "object"]),
            ]))
        #expect(request.parameters.outputTypes == ["dense", "sparse"])
        #expect(request.parameters.instruction == nil, "a null in params has been said")
        #expect(request.parameters.isQuery)
        #expect(try Self.options(of: request) == Self.map(["is_query": true, "normalize": false]))
        #expect(request.parameters.labels == nil)
        let schema = try #require(request.parameters.outputSchema)
        #expect(try MessagePackReader.decode(schema) == Self.map(["type": "object"]))
    }

    @Test("is_query is accepted in params, at the top level and in options, in this order")
    func isQuery() throws {
        func isQuery(_ fields: KeyValuePairs<String, MessagePackValue>) throws -> Bool {
            let body =
                [MessagePackPair("items", .array([Self.hello]))]
                + fields.map { MessagePackPair(.string($0.key), $0.value) }
            return try Self.scan(.map(body)).parameters.isQuery
        }
        #expect(try isQuery(["params": Self.map(["is_query": true])]))
        #expect(try isQuery(["is_query": true]))
        #expect(try isQuery(["options": Self.map(["is_query": true])]))
        #expect(try !isQuery(["is_query": false, "options": Self.map(["is_query": true])]))
        #expect(try !isQuery(["is_query": "yes"]))
        #expect(try !isQuery([:]))
    }

    @Test("params.output_dtype reaches the options unless they name one")
    func outputDtype() throws {
        func options(_ params: MessagePackValue) throws -> MessagePackValue? {
            try Self.options(of: Self.scan(Self.map(["items": .array([Self.hello]), "params": params])))
        }
        #expect(try options(Self.map(["output_dtype": "int8"])) == Self.map(["output_dtype": "int8"]))
        #expect(
            try options(Self.map(["output_dtype": "int8", "options": Self.map(["a": 1])]))
                == Self.map(["a": 1, "output_dtype": "int8"]))
        #expect(
            try options(Self.map(["output_dtype": "int8", "options": Self.map(["output_dtype": "binary"])]))
                == Self.map(["output_dtype": "binary"]))
        #expect(try options(Self.map([:])) == nil)
    }

    @Test("score reads its flat fields and may have no items")
    func score() throws {
        let request = try Self.scan(
            Self.map([
                "query": "q", "items": .array([Self.hello]), "instruction": "rank",
                "params": Self.map(["instruction": "ignored"]),
            ]), .score)
        #expect(request.query != nil)
        #expect(request.workItemCount == 1)
        #expect(request.parameters.instruction == "rank")
        #expect(try Self.scan(Self.map(["query": .map([])]), .score).items.isEmpty)
    }

    @Test(
        "what is no request is refused with the contract's words",
        arguments: [
            (.array([]), "Failed to parse request body: Request body must be a msgpack map"),
            ("text", "Failed to parse request body: Request body must be a msgpack map"),
            (map(["items": "no list"]), "Failed to parse request body: 'items' must be an array"),
            (map(["inputs": 5]), "Failed to parse request body: 'inputs' must be an array"),
            (map(["items": .array([])]), "No items found in request body"),
            (map(["input": .array([])]), "No items found in request body"),
        ] as [(MessagePackValue, String)])
    func refusals(body: MessagePackValue, message: String) {
        #expect { try Self.scan(body) } throws: { ($0 as? RequestBodyError)?.message == message }
    }

    @Test("more items than the queue could take are refused before any is looked at")
    func tooManyItems() throws {
        let body = ByteBuffer(bytes: MessagePackWriter.encode(Self.map(["items": .array([1, 2, 3])])))
        #expect(throws: RequestBodyError.tooManyItems(3, maximum: 2)) {
            try RequestScanner(maximumItems: 2).scan(body, operation: .encode)
        }
    }

    @Test("text that is not UTF-8 is refused")
    func invalidUTF8() throws {
        var writer = MessagePackWriter()
        writer.writeMapHeader(1)
        writer.write("items")
        writer.writeArrayHeader(1)
        writer.writeMapHeader(1)
        writer.write("text")
        ([0x61, 0xFF, 0xFE] as [UInt8]).withUnsafeBytes { writer.writeString($0) }
        let body = ByteBuffer(bytes: writer.bytes)
        #expect { try RequestScanner().scan(body, operation: .encode) } throws: { error in
            guard case .messagePack(let detail)? = error as? RequestBodyError else { return false }
            return detail.contains("UTF-8")
        }
    }

    @Test("a body cut at any byte, or with bytes after its end, is refused and nothing else")
    func truncation() throws {
        let whole = MessagePackWriter.encode(
            Self.map(["items": .array([Self.hello, Self.world]), "params": Self.map(["options": Self.map(["a": 1])])]))
        for length in 0..<whole.count {
            let body = ByteBuffer(bytes: whole[..<length])
            #expect(throws: RequestBodyError.self) { try RequestScanner().scan(body, operation: .encode) }
        }
        #expect(throws: RequestBodyError.self) {
            try RequestScanner().scan(ByteBuffer(bytes: whole + [0]), operation: .encode)
        }
    }

    @Test("deep nesting is refused, not followed")
    func deepNesting() {
        let body = [0x81, 0xA5] + Array("items".utf8) + Array(repeating: 0x91, count: 100_000)
        #expect(throws: RequestBodyError.self) {
            try RequestScanner().scan(ByteBuffer(bytes: body), operation: .encode)
        }
    }

    @Test("random bytes and random damage never do worse than an error")
    func fuzz() throws {
        var random = SeededGenerator(seed: 0x5EED)
        let whole = MessagePackWriter.encode(
            Self.map(["items": .array([Self.hello, Self.world]), "params": Self.map(["options": Self.map(["a": 1])])]))
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let request = try? RequestScanner().scan(ByteBuffer(bytes: bytes), operation: .encode) {
                #expect(request.items.allSatisfy { 0 <= $0.lowerBound && $0.upperBound <= bytes.count })
            }
        }
    }
}
