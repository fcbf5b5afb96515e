import Inference
import JSONStream
import Synchronization
import TestSupport
import Testing

/// One text of the golden data with its tokens and vector.
struct GoldenText {
    let id: String
    let text: String
    let tokens: [Int32]
    let vector: [Float]

    static func load(_ file: String) throws -> [GoldenText] {
        let document = try JSONReader.decode(Fixtures.data("minilm/\(file)"))
        let entries = try #require(document.arrayValue)
        return try entries.map { entry in
            let tokens = try #require(entry["token_ids"]?.arrayValue)
            let vector = try #require(entry["embedding"]?.arrayValue)
            return GoldenText(
                id: entry["id"]?.stringValue ?? "", text: try #require(entry["text"]?.stringValue),
                tokens: tokens.compactMap(\.intValue).map { Int32($0) },
                vector: vector.compactMap(\.doubleValue).map { Float($0) })
        }
    }
}

/// The checkpoint, loaded once a level.
enum MiniLM {
    private static let loaded = Mutex<[String: EmbeddingModel]>([:])

    static func model(limit: Int = 256, level: CPULevel = .best) throws -> EmbeddingModel {
        try loaded.withLock { loaded in
            let key = "\(level) \(limit)"
            if let model = loaded[key] { return model }
            let model = try EmbeddingModel(
                directory: Tools.miniLM(), maxSequenceLength: limit, engine: CPUEngine(level: level))
            loaded[key] = model
            return model
        }
    }
}

@Suite("all-MiniLM-L6-v2")
struct MiniLMTests {
    @Test(
        "token ids are exactly those of the reference",
        arguments: [("vectors_256.json", 256), ("vectors_512.json", 512)])
    func tokens(file: String, limit: Int) throws {
        let model = try MiniLM.model(limit: limit)
        for golden in try GoldenText.load(file) {
            #expect(model.tokenize(golden.text).ids == golden.tokens, "\(golden.id)")
        }
    }

    @Test("vectors are within 2e-6 of the reference on every kernel level", arguments: CPULevel.allCases)
    func vectors(level: CPULevel) throws {
        guard level.isSupported else {
            print("SKIPPED: vectors on the \(level) kernels; this processor does not run them")
            return
        }
        for (file, limit) in [("vectors_256.json", 256), ("vectors_512.json", 512)] {
            let session = try MiniLM.model(limit: limit, level: level).makeSession()
            for golden in try GoldenText.load(file) {
                let vector = try session.encode(golden.text)
                let worst = zip(vector, golden.vector).map { ($0 - $1).magnitude }.max() ?? .infinity
                #expect(vector.count == golden.vector.count && worst <= 2e-6, "\(golden.id): \(worst)")
            }
        }
    }

    @Test("a text has the same bits alone, in any batch and in any order")
    func batchInvariance() throws {
        let model = try MiniLM.model()
        let texts = try GoldenText.load("vectors_256.json").map(\.text)
        let session = model.makeSession()
        let alone = try texts.map { try session.encode($0) }
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<4 {
            let order = Array(texts.indices).shuffled(using: &generator)
            var batch = PackedBatch()
            for index in order { batch.append(model.tokenize(texts[index])) }
            var output = [Float](repeating: 0, count: texts.count * model.dimension)
            try output.withUnsafeMutableBufferPointer { buffer in
                if let start = buffer.baseAddress { try session.encode(batch, into: start) }
            }
            for (place, index) in order.enumerated() {
                #expect(Array(output[place * model.dimension..<(place + 1) * model.dimension]) == alone[index])
            }
        }
    }

    @Test("the pool gives every job its own vector, with the bits a single thread computes")
    func pool() async throws {
        let model = try MiniLM.model()
        let texts = try GoldenText.load("vectors_256.json").map(\.text)
        let session = model.makeSession()
        let alone = try texts.map { try session.encode($0) }
        let pool = InferencePool(.init(threads: 3, tokenBudget: 300))
        defer { pool.shutDown() }
        let vectors = await withTaskGroup(of: (Int, [Float]).self) { group in
            for _ in 0..<3 {
                for index in texts.indices {
                    group.addTask {
                        let vector = await withCheckedContinuation { continuation in
                            let job = EmbeddingJob(model: model, text: texts[index]) { result, _ in
                                continuation.resume(returning: (try? result.get()).map(Array.init) ?? [])
                            }
                            if !pool.submit(job) { continuation.resume(returning: []) }
                        }
                        return (index, vector)
                    }
                }
            }
            return await group.reduce(into: [(Int, [Float])]()) { $0.append($1) }
        }
        #expect(vectors.count == texts.count * 3)
        for (index, vector) in vectors { #expect(vector == alone[index]) }
    }

    @Test("wishes for pooling and length are honoured, per sequence")
    func options() throws {
        let session = try MiniLM.model().makeSession()
        let plain = try session.encode("a sentence", options: .init(normalize: false))
        let length = plain.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let unit = try session.encode("a sentence")
        #expect(length > 2)
        #expect(zip(plain, unit).allSatisfy { ($0 / length - $1).magnitude < 1e-6 })
        let first = try session.encode("a sentence", options: .init(pooling: .cls))
        #expect(first != unit)
    }

    @Test("the pool's threads keep no model that is not running")
    func release() async throws {
        let pool = InferencePool(.init(threads: 1))
        defer { pool.shutDown() }
        func run(_ model: EmbeddingModel) async {
            await withCheckedContinuation { continuation in
                let job = EmbeddingJob(model: model, text: "a sentence") { _, _ in continuation.resume() }
                if !pool.submit(job) { continuation.resume() }
            }
        }
        weak var unloaded: EmbeddingModel?
        do {
            let model = try EmbeddingModel(directory: Tools.miniLM(), engine: CPUEngine())
            unloaded = model
            await run(model)
        }
        // The only thread is through with the first batch when it answers to the second.
        await run(try MiniLM.model())
        #expect(unloaded == nil)
    }

    @Test("memory that is not to be had is an error, not a crash")
    func outOfMemory() {
        for count in [Int.max, Int.max / 4, 1 << 45] {
            #expect(throws: OutOfMemory.self) { _ = try AlignedFloats(count: count) }
        }
    }

    @Test("a pool that is shut down cancels what waits and refuses what comes")
    func shutDown() throws {
        let model = try MiniLM.model()
        let pool = InferencePool(.init(threads: 1))
        let ends = Atomic(0)
        var accepted = 0
        for _ in 0..<200 {
            let job = EmbeddingJob(model: model, text: String(repeating: "word ", count: 200)) { _, _ in
                ends.add(1, ordering: .relaxed)
            }
            if pool.submit(job) { accepted += 1 }
        }
        pool.shutDown()
        #expect(ends.load(ordering: .relaxed) == accepted)
        #expect(!pool.submit(EmbeddingJob(model: model, text: "late") { _, _ in }))
    }
}
