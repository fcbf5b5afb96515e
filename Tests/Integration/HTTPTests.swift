import Foundation
import Testing

/// What curl gets from the whole stack.
@Suite struct HTTPTests {
    private let reference: [ReferenceTexts.Entry]

    init() throws { reference = try ReferenceTexts.all() }

    @Test("JSON encode answers every text with its vector, in order")
    func encode() async throws {
        let client = try await UpStack.shared.value.client
        let response = try await client.encode(reference.map(\.text))
        #expect(response.status == 200)
        #expect(response.headers["content-type"]?.hasPrefix("application/json") == true)
        #expect(response.headers["x-sie-request-id"]?.isEmpty == false)
        let answer = try EncodeAnswer(response)
        #expect(answer.model == ReferenceTexts.model)
        #expect(answer.items.map(\.id) == reference.indices.map { "\($0)" })
        for (item, entry) in zip(answer.items, reference) {
            #expect(item.dense.dims == ReferenceTexts.dimension)
            #expect(item.dense.dtype == "float32")
            #expect(ReferenceTexts.problem(item.dense.values, for: entry) == nil)
        }
    }

    @Test("a model id is the same with its slash escaped")
    func escapedSlash() async throws {
        let client = try await UpStack.shared.value.client
        let response = try await client.encode(
            [reference[2].text], model: ReferenceTexts.model.replacing("/", with: "%2F"))
        #expect(response.status == 200)
        let values = try #require(try EncodeAnswer(response).items.first).dense.values
        #expect(ReferenceTexts.problem(values, for: reference[2]) == nil)
    }

    private struct Embeddings: Decodable {
        struct Entry: Decodable {
            var object: String
            var index: Int
            var embedding: [Double]
        }
        struct Usage: Decodable {
            var promptTokens: Int
            var totalTokens: Int
        }
        var object: String
        var model: String
        var data: [Entry]
        var usage: Usage
    }

    @Test("the OpenAI route answers in OpenAI's shape")
    func openAI() async throws {
        let client = try await UpStack.shared.value.client
        let texts = [reference[2], reference[5]]
        let body = try JSONEncoder().encode(["input": texts.map(\.text)])
        let request = "{\"model\":\"\(ReferenceTexts.model)\"," + String(decoding: body, as: UTF8.self).dropFirst()
        let response = try await client.postJSON("/v1/embeddings", request)
        #expect(response.status == 200)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let answer = try decoder.decode(Embeddings.self, from: response.body)
        #expect(answer.object == "list")
        #expect(answer.model == ReferenceTexts.model)
        #expect(answer.data.map(\.index) == [0, 1])
        #expect(answer.usage.totalTokens >= answer.usage.promptTokens)
        for (entry, text) in zip(answer.data, texts) {
            #expect(entry.object == "embedding")
            #expect(ReferenceTexts.problem(entry.embedding, for: text) == nil)
        }
    }

    private struct Base64Embeddings: Decodable {
        struct Entry: Decodable {
            var embedding: String
        }
        var data: [Entry]
    }

    @Test("the OpenAI route packs floats as base64 where it is asked to, as OpenAI's own client does")
    func openAIBase64() async throws {
        let client = try await UpStack.shared.value.client
        let response = try await client.postJSON(
            "/v1/embeddings",
            #"{"model":"\#(ReferenceTexts.model)","input":"\#(reference[2].text)","encoding_format":"base64"}"#)
        #expect(response.status == 200)
        let answer = try JSONDecoder().decode(Base64Embeddings.self, from: response.body)
        let packed = try #require(answer.data.first).embedding
        let bytes = try #require(Data(base64Encoded: packed))
        let values = bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count, by: 4).map { offset in
                Double(
                    Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
            }
        }
        #expect(ReferenceTexts.problem(values, for: reference[2]) == nil)
    }

    @Test("health, readiness, models, status and metrics answer")
    func surfaces() async throws {
        let client = try await UpStack.shared.value.client
        #expect(try await client.get("/healthz").status == 200)
        #expect(try await client.get("/readyz").status == 200)
        #expect(try await client.get("/health").text.contains("\"healthy\""))
        #expect(try await client.get("/v1/models").text.contains(ReferenceTexts.model))
        let status = try await client.get("/v1/configs/models/\(ReferenceTexts.model)/status")
        #expect(status.text.contains("\"all_bundles_acked\":true"))
        let metrics = try await client.get("/metrics")
        #expect(metrics.status == 200)
        #expect(metrics.headers["content-type"]?.hasPrefix("text/plain") == true)
    }
}
