import Gateway
import MessagePack
import NIOCore
import TestSupport
import Testing
import Wire

/// A million bodies and messages that nobody would send on purpose. What is not refused must be what it says it is.
@Suite("Bytes from outside, a million times", .timeLimit(.minutes(3)))
struct FuzzTests {
    static let rounds = 500_000

    /// A copy with some bytes changed, cut off, doubled or put in between.
    static func mutated(_ bytes: [UInt8], with random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(at...)
            case 3: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
            case 4:
                let end = min(bytes.count, at + Int.random(in: 1...8, using: &random))
                bytes.insert(contentsOf: bytes[at..<end], at: at)
            // Lengths and types as MessagePack writes them, and what JSON is made of.
            default:
                bytes[at] =
                    [0xDF, 0xDD, 0xDB, 0xC6, 0xC9, 0xC1, 0x9F, 0x5B, 0x7B, 0x22].randomElement(using: &random) ?? 0
            }
        }
        return bytes
    }

    static let bodies: [(bytes: [UInt8], contentType: String?)] = [
        (
            Array(
                #"{"items":[{"id":"a","text":"hello"},{"text":"wörld \ud83d\ude00"}],"params":{"options":{"x":1.5e3}}}"#
                    .utf8), nil
        ),
        (Array(#"{"query":{"text":"q"},"items":[{"text":"a"}],"instruction":"i"}"#.utf8), "application/json"),
        (Array(#"{"model":"org/mini","input":["a","b"],"encoding_format":"base64","dimensions":2}"#.utf8), nil),
        (
            MessagePackWriter.encode([
                "items": [["text": "hello", "id": 7], ["image": .binary([0, 1, 2, 255])]],
                "params": ["output_types": ["dense"], "is_query": true, "options": ["output_dtype": "float16"]],
            ]), "application/msgpack"
        ),
    ]

    @Test("half a million bodies are refused or understood, and no item lies outside its body")
    func bodies() {
        var random = SeededGenerator(seed: 0xB0D1E5)
        let parser = RequestParser()
        var accepted = 0
        for round in 0..<Self.rounds {
            let (seed, contentType) = Self.bodies[round % Self.bodies.count]
            let body = ByteBuffer(bytes: Self.mutated(seed, with: &random))
            let operation = WorkItem.Operation.allCases[round % 3]
            do throws(RequestBodyError) {
                let request = try parser.parse(body, contentType: contentType, operation: operation)
                accepted += 1
                let isWhole = request.bytes.withUnsafeReadableBytes { bytes in
                    (request.items + (request.query.map { [$0] } ?? [])).allSatisfy { range in
                        guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return false }
                        var reader = MessagePackReader(UnsafeRawBufferPointer(rebasing: bytes[range]))
                        return (try? reader.skip()) != nil && reader.isAtEnd
                    }
                }
                if !isWhole { Issue.record("round \(round): an item is no whole value") }
            } catch {}
            if round % 4 == 2 { _ = try? EmbeddingsRequest(body, maximumItems: 100) }
        }
        #expect(accepted > Self.rounds / 20, "some must come through, or nothing was tested")
    }

    @Test("half a million results end no request but their own, and whatever they hold can be answered with")
    func results() {
        var random = SeededGenerator(seed: 0x2E5017)
        var collector = ResultCollector<Int>()
        let ids = (0..<32).map { "01900000-0000-7000-8000-0000000000\(10 + $0)" }
        var scratch: [UInt8] = []
        var vector = MessagePackWriter()
        ([1, 2, 3] as [Float]).withUnsafeBufferPointer {
            EncodeOutput.writeDense($0, dtype: .float32, itemID: "a", scratch: &scratch, to: &vector)
        }
        let deadline = NIODeadline.now() + .hours(1)
        for (number, id) in ids.enumerated() {
            collector.open(id, itemCount: 2, deadline: deadline, waiter: number)
        }
        var completed = 0
        for round in 0..<Self.rounds {
            let number = round % ids.count
            let result = WorkResult(
                workItemID: "w", requestID: ids[number], itemIndex: round / ids.count % 2,
                outcome: round % 7 == 0 ? .failure(message: "no", code: "inference_error") : .success(vector.bytes),
                workerID: "w")
            var writer = MessagePackWriter()
            result.write(to: &writer)
            let bytes = Self.mutated(writer.bytes, with: &random)
            guard let decoded = bytes.withUnsafeBytes({ try? WorkResult(decoding: $0) }) else { continue }
            guard case .complete(let waiter, let results) = collector.receive(decoded) else { continue }
            completed += 1
            if ids[waiter] != decoded.requestID || results.count != 2 {
                Issue.record("round \(round): another request's results")
            }
            collector.open(ids[waiter], itemCount: 2, deadline: deadline, waiter: waiter)
            let success = SuccessAnswer(
                model: "org/mini", requestID: ids[waiter], results: ItemResults(results, of: .encode),
                timing: QueueTiming(publish: .zero, wait: .zero))
            _ = success.body(operation: .encode, messagePack: false)
            let packed = Array(success.body(operation: .encode, messagePack: true).joined())
            let isWhole = packed.withUnsafeBytes { bytes in
                var reader = MessagePackReader(bytes)
                return (try? reader.skip()) != nil && reader.isAtEnd
            }
            if !isWhole { Issue.record("round \(round): the answer is no MessagePack") }
            _ = EmbeddingsAnswer(success: success, encoding: .float, promptTokens: 1, dimensions: 2).body()
        }
        #expect(completed > Self.rounds / 100, "some must come through, or nothing was tested")
        #expect(collector.openRequests == ids.count)
    }
}
