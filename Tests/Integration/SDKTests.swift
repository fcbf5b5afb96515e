import TestSupport
import Testing

/// Unmodified clients against the whole stack.
@Suite struct SDKTests {
    private let reference: [ReferenceTexts.Entry]

    init() throws { reference = try ReferenceTexts.all() }

    /// Encodes, and checks that every call came back whole: ids and order, type, shape, and every vector.
    private func check(calls: [[Int]], threads: Int, sdk: Tools.SDK) async throws {
        let stack = try await UpStack.shared.value
        let report = try await SDKDriver.encode(
            calls.enumerated().map { number, call in
                call.enumerated().map { .init(id: "\(number)-\($0)", text: reference[$1].text) }
            }, threads: threads, url: stack.client.url, sdk: sdk)
        #expect(report.sdk == sdk.rawValue)
        #expect(report.results.count == calls.count)
        for (number, (call, outcome)) in zip(calls, report.results).enumerated() {
            guard case .items(let items) = outcome else {
                Issue.record("call \(number): \(outcome)")
                continue
            }
            #expect(items.map(\.id) == call.indices.map { "\(number)-\($0)" })
            for (index, item) in zip(call, items) {
                #expect(item.dtype == "float32")
                #expect(item.shape == [ReferenceTexts.dimension])
                #expect(ReferenceTexts.problem(item.dense, for: reference[index]) == nil)
            }
        }
    }

    @Test("one text becomes its vector", arguments: Tools.SDK.allCases)
    func one(sdk: Tools.SDK) async throws {
        try await check(calls: reference.indices.map { [$0] }, threads: 1, sdk: sdk)
    }

    @Test("500 texts of one request keep ids and order", arguments: Tools.SDK.allCases)
    func many(sdk: Tools.SDK) async throws {
        try await check(calls: [(0..<500).map { $0 * 7 % reference.count }], threads: 1, sdk: sdk)
    }

    @Test("64 threads get their own vectors", arguments: Tools.SDK.allCases)
    func threads(sdk: Tools.SDK) async throws {
        let calls = (0..<256).map { call in (0...(call % 5)).map { (call * 11 + $0) % reference.count } }
        try await check(calls: calls, threads: 64, sdk: sdk)
    }

    @Test("a pool is held, serves its holder and is given back", arguments: Tools.SDK.allCases)
    func pools(sdk: Tools.SDK) async throws {
        let name = "held-\(sdk.rawValue.replacing(".", with: "-"))"
        let report = try await SDKDriver.pools(
            url: try await UpStack.shared.value.client.url, pool: name, profile: "cpu", sdk: sdk)
        #expect(report.name == name && report.state == "active")
        #expect(report.gpus == ["cpu": 1] && report.workers == 1)
        #expect(report.shape == [ReferenceTexts.dimension])
        #expect(report.nameless?.class == "PoolError")
        #expect(report.nameless?.message.hasSuffix("Pool name is required") == true)
        #expect(report.deleted && !report.deletedAgain && report.isGone)
        #expect(report.asynchronousToo)
    }

    @Test("the model list, the asynchronous client and the error of an unknown model", arguments: Tools.SDK.allCases)
    func surfaces(sdk: Tools.SDK) async throws {
        let report = try await SDKDriver.surfaces(url: try await UpStack.shared.value.client.url, sdk: sdk)
        #expect(report.models.contains(ReferenceTexts.model))
        #expect(report.singleId == "only")
        #expect(report.asyncShape == [ReferenceTexts.dimension])
        #expect(report.unknownModel?.class == "RequestError")
        #expect(report.unknownModel?.status == 404)
    }

    @Test("an openai client lists models and embeds, in base64 and in floats, and understands what is refused")
    func openAI() async throws {
        // OpenAI's API takes no empty text.
        let reference = reference.filter { !$0.text.isEmpty }.prefix(5)
        let texts = reference.map(\.text)
        let report = try await SDKDriver.openAI(texts, url: try await UpStack.shared.value.client.url)
        #expect(report.models.contains(ReferenceTexts.model))
        #expect(report.model == ReferenceTexts.model && report.indexes == [0, 1, 2, 3, 4])
        for vectors in [report.packed, report.floats] {
            #expect(vectors.count == 5)
            for (entry, vector) in zip(reference, vectors) {
                #expect(ReferenceTexts.problem(vector, for: entry) == nil)
            }
        }
        #expect(report.promptTokens == texts.reduce(0) { $0 + max(1, $1.unicodeScalars.count / 4) })
        #expect(report.asyncWidth == ReferenceTexts.dimension && report.ownWidth == ReferenceTexts.dimension)
        #expect(
            report.unknown == .init(class: "NotFoundError", status: 404, code: "model_not_found", param: nil))
        for (refusal, parameter) in [(report.empty, "input"), (report.tokens, "input"), (report.narrow, "dimensions")] {
            #expect(
                refusal == .init(class: "BadRequestError", status: 400, code: "invalid_input", param: parameter))
        }
    }
}
