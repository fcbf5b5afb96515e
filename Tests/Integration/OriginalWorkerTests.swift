import Foundation
import JSONStream
import TestSupport
import Testing

/// The original worker behind our gateway, asked by every client.
@Suite(.serialized) struct OriginalWorkerTests {
    private struct Running: Sendable {
        let stack: OriginalWorkerStack
        let worker: ProgramProcess
    }

    private static let shared = Task {
        let stack = try await OriginalWorkerStack(besideOurs: true)
        let worker = try stack.startWorker()
        try await stack.waitUntilServing(worker)
        return Running(stack: stack, worker: worker)
    }

    @Test(
        "every method that a gateway must serve, with every client, as the table of the documentation says",
        arguments: Tools.SDK.allCases, SDKDriver.Client.allCases)
    func methods(sdk: Tools.SDK, client: SDKDriver.Client) async throws {
        let reports = try await SDKDriver.methods(of: try await Self.shared.value.stack, client: client, sdk: sdk)
        let table = try Self.check(reports, againstTable: "Methods of the SDKs")
        let column = try #require(table.header.firstIndex(of: "\(sdk.rawValue) \(client.rawValue)"))
        #expect(table.rows.allSatisfy { $0[column] == "yes" })
    }

    @Test(
        "every method of the TypeScript SDK, as the table of the documentation says",
        .enabled(if: SDKDriver.typeScriptSDK != nil))
    func typeScript() async throws {
        let sdk = try #require(SDKDriver.typeScriptSDK)
        let reports = try await SDKDriver.methods(of: try await Self.shared.value.stack, typeScriptSDK: sdk)
        _ = try Self.check(reports, againstTable: "Methods of the TypeScript SDK")
    }

    /// Every method went well, and they are those of a table of the documentation, in its order.
    private static func check(
        _ reports: [SDKDriver.MethodReport], againstTable heading: String
    ) throws -> DocumentedTable {
        for report in reports { #expect(report.problem == nil, "\(report.method)") }
        let table = try DocumentedTable(page: "docs/conformance.md", heading: heading)
        #expect(table.rows.map { $0[0].filter { $0 != "`" } } == reports.map(\.method))
        return table
    }

    private static func post(_ path: String, _ body: String) async throws -> JSONValue {
        let reply = try await shared.value.stack.client.postJSON(path, body)
        #expect(reply.status == 200, "\(reply.text)")
        return try reply.body.withUnsafeBytes { try JSONReader.decode($0) }
    }

    @Test("plain HTTP gets its vectors, scores and entities as JSON")
    func json() async throws {
        let vectors = try await Self.post(
            "/v1/encode/tests/word-counts",
            #"{"items":[{"text":"Hello big world"}],"params":{"output_types":["dense","sparse","multivector"],"#
                + #""instruction":"abc","options":{"is_query":true}}}"#)
        let item = try #require(vectors["items"]?.arrayValue?.first)
        #expect(item["dense"]?["values"] == [13.0, 3.0, 3.0, 1.0])
        #expect(item["sparse"] == ["indices": [3, 5], "values": [1.0, 2.0]])
        #expect(item["multivector"]?["values"] == [[0.0, 5.0], [1.0, 3.0], [2.0, 5.0]])
        let scores = try await Self.post(
            "/v1/score/tests%2FWord-Counts",
            #"{"query":{"text":"big cat"},"items":[{"id":"d","text":"a dog"},{"text":"the big cat"}]}"#)
        #expect(
            scores["scores"] == [
                ["item_id": "item-1", "score": 2.0, "rank": 0], ["item_id": "d", "score": 0.0, "rank": 1],
            ])
        let found = try await Self.post(
            "/v1/extract/tests/Word-Counts",
            #"{"items":[{"text":"nothing"},{"text":"the big cat"}],"params":{"labels":["cat"]}}"#)
        #expect(found["items"]?.arrayValue?.map { $0["entities"]?.arrayValue?.count } == [0, 1])
        let openAI = try await Self.post(
            "/v1/embeddings", #"{"model":"tests/Word-Counts","input":["a","bb cc"]}"#)
        #expect(
            openAI["data"]?.arrayValue?.map { $0["embedding"] } == [[1.0, 1.0, 0.0, 0.0], [4.0, 2.0, 0.0, 0.0]])
    }

    @Test("the original worker and ours serve beside each other, each in its pool; many items keep their order")
    func besideEachOther() async throws {
        let client = try await Self.shared.value.stack.client
        let reference = Array(try ReferenceTexts.all().prefix(8))
        async let ours = client.encode(reference.map(\.text))
        let items = (1...500).map { #"{"text":"\#(String(repeating: "x", count: $0))"}"# }.joined(separator: ",")
        let many = try await Self.post("/v1/encode/tests/Word-Counts", #"{"items":[\#(items)]}"#)
        #expect(
            many["items"]?.arrayValue?.map { $0["dense"]?["values"]?.arrayValue?.first?.doubleValue }
                == (1...500).map { Double($0) })
        for (item, entry) in zip(try EncodeAnswer(try await ours).items, reference) {
            #expect(ReferenceTexts.problem(item.dense.values, for: entry) == nil)
        }
        let health = try await client.get("/health").text
        #expect(health.contains(#""gpu":"python""#) && health.contains(#""gpu":"cpu""#))
    }

    @Test("a text too large for a message goes through the payload store to the original worker")
    func payload() async throws {
        let long = String(repeating: "x", count: 2 << 20)
        let reply = try await Self.post("/v1/encode/tests/Word-Counts", #"{"items":[{"text":"\#(long)"}]}"#)
        #expect(reply["items"]?.arrayValue?.first?["dense"]?["values"]?.arrayValue?.first?.doubleValue == 2_097_152)
    }

    @Test("requests that come before the worker wait in the gateway until it is there")
    func worksLater() async throws {
        let stack = try await OriginalWorkerStack(gatewayEnvironment: ["SIE_GATEWAY_DEFAULT_WAIT": "60"])
        let url = stack.client.url
        async let old = SDKDriver.encodeOnce("abc de", url: url, sdk: .contemporary)
        async let new = SDKDriver.encodeOnce("abc de", url: url, sdk: .current)
        let start = ContinuousClock.now
        while try await !stack.client.get("/v1/demand").text.contains(#""bundle":"python""#) {
            try #require(.now - start < .seconds(30), "no demand is recorded")
            try await Task.sleep(for: .milliseconds(20))
        }
        let worker = try stack.startWorker()
        let reports = try await [old, new]
        #expect(reports.map(\.dense) == [[5, 2, 0, 0], [5, 2, 0, 0]])
        withExtendedLifetime(worker) {}
    }
}
