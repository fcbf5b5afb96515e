import Foundation
import TestSupport

/// Runs the scripts in `Tests/Integration/Python` and `Tests/Integration/JavaScript` with unmodified clients.
enum SDKDriver {
    struct Item: Codable, Sendable {
        var id: String
        var text: String
    }

    struct EncodeReport: Decodable, Sendable {
        /// What came back for one call.
        enum Outcome: Decodable, Sendable {
            case items([EncodedItem])
            case failure(Failure)

            init(from decoder: any Decoder) throws {
                if let items = try? [EncodedItem](from: decoder) {
                    self = .items(items)
                } else {
                    self = .failure(try FailureReport(from: decoder).error)
                }
            }
        }

        struct EncodedItem: Decodable, Sendable {
            var id: String
            var dtype: String
            var shape: [Int]
            var dense: [Double]
        }

        struct Failure: Decodable, Sendable {
            var message: String
        }

        private struct FailureReport: Decodable {
            var error: Failure
        }

        var sdk: String
        var results: [Outcome]
    }

    struct SurfacesReport: Decodable, Sendable {
        struct Failure: Decodable, Sendable {
            var `class`: String
            var status: Int?
        }
        var models: [String]
        var singleId: String
        var unknownModel: Failure?
        var asyncShape: [Int]
    }

    struct PoolsReport: Decodable, Sendable {
        struct Failure: Decodable, Sendable {
            var `class`: String
            var message: String
        }
        var name: String
        var state: String
        var gpus: [String: Int]
        /// How many workers the pool was given.
        var workers: Int
        /// The shape of a vector that was encoded through the pool.
        var shape: [Int]
        /// What making a pool without a name brought.
        var nameless: Failure?
        var deleted: Bool
        var deletedAgain: Bool
        var isGone: Bool
        /// Whether the asynchronous client made, found and deleted a pool as well.
        var asynchronousToo: Bool
    }

    /// Encodes the calls, each a list of items, from that many threads.
    static func encode(
        _ calls: [[Item]], threads: Int = 1, url: String, sdk: Tools.SDK
    ) async throws -> EncodeReport {
        struct Job: Encodable {
            var url: String
            var model: String
            var threads: Int
            var calls: [[Item]]
        }
        return try await run(
            "sdk_encode.py", Job(url: url, model: ReferenceTexts.model, threads: threads, calls: calls), sdk)
    }

    static func surfaces(url: String, sdk: Tools.SDK) async throws -> SurfacesReport {
        try await run("sdk_surfaces.py", ["url": url, "model": ReferenceTexts.model], sdk)
    }

    static func pools(
        url: String, pool: String, profile: String, sdk: Tools.SDK
    ) async throws -> PoolsReport {
        try await run(
            "sdk_pools.py", ["url": url, "model": ReferenceTexts.model, "pool": pool, "profile": profile], sdk)
    }

    /// The two clients of a release.
    enum Client: String, CaseIterable, Sendable {
        case sync, async
    }

    struct MethodReport: Decodable, Sendable {
        var method: String
        /// What was wrong; nil where nothing was.
        var problem: String?
    }

    /// Calls every method that a gateway must serve, against the original worker.
    static func methods(
        of stack: OriginalWorkerStack, client: Client, sdk: Tools.SDK
    ) async throws -> [MethodReport] {
        try await run(
            "sdk_methods.py",
            [
                "url": stack.client.url, "client": client.rawValue, "model": OriginalWorkerStack.model,
                "worker_url": stack.workerURL, "profile": OriginalWorkerStack.profile,
                "pool": "held-\(sdk.rawValue.replacing(".", with: "-"))-\(client.rawValue)",
            ], sdk)
    }

    /// The module of the TypeScript SDK, which has to be fetched from npm by hand (CONTRIBUTING.md).
    static let typeScriptSDK: String? = {
        let module = ProcessInfo.processInfo.environment["SIE_TEST_TYPESCRIPT_SDK"]
        if module == nil {
            print("SKIPPED: the TypeScript SDK comes from npm; set SIE_TEST_TYPESCRIPT_SDK to its module")
        }
        return module
    }()

    /// Calls every method of the TypeScript SDK, against the original worker.
    static func methods(of stack: OriginalWorkerStack, typeScriptSDK: String) async throws -> [MethodReport] {
        // WebSockets are behind that switch in Node 20, and always there in later ones.
        try await run(
            "/usr/bin/env", ["node", "--experimental-websocket"], "JavaScript/sdk_methods.mjs", [typeScriptSDK],
            [
                "url": stack.client.url, "model": OriginalWorkerStack.model, "worker_url": stack.workerURL,
                "profile": OriginalWorkerStack.profile, "pool": "held-typescript",
            ])
    }

    struct WaitedReport: Decodable, Sendable {
        var dense: [Double]
        var seconds: Double
    }

    /// Encodes one text with a client that tries once; the gateway may let it wait.
    static func encodeOnce(_ text: String, url: String, sdk: Tools.SDK) async throws -> WaitedReport {
        try await run("sdk_once.py", ["url": url, "model": OriginalWorkerStack.model, "text": text], sdk)
    }

    struct OpenAIReport: Decodable, Sendable {
        struct Refusal: Decodable, Equatable, Sendable {
            var `class`: String
            var status: Int
            var code: String?
            var param: String?
        }

        var models: [String]
        var indexes: [Int]
        var packed: [[Double]]
        var floats: [[Double]]
        var model: String
        var promptTokens: Int
        var asyncWidth: Int
        var ownWidth: Int
        var unknown: Refusal?
        var empty: Refusal?
        var tokens: Refusal?
        var narrow: Refusal?
    }

    /// Embeds with an unmodified openai client.
    static func openAI(_ texts: [String], url: String) async throws -> OpenAIReport {
        struct Job: Encodable {
            var url: String
            var model: String
            var texts: [String]
        }
        return try await run(
            "openai_client.py", Job(url: url, model: ReferenceTexts.model, texts: texts), .current)
    }

    private static func run<Report: Decodable>(
        _ script: String, _ job: some Encodable, _ sdk: Tools.SDK
    ) async throws -> Report {
        try await run(try sdk.python(), [], "Python/\(script)", [], job)
    }

    private static func run<Report: Decodable>(
        _ program: String, _ options: [String], _ script: String, _ arguments: [String], _ job: some Encodable
    ) async throws -> Report {
        let path = Fixtures.repository.appending(path: "Tests/Integration/\(script)").path
        let process = try ProgramProcess(
            program, arguments: options + [path] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
            input: try JSONEncoder().encode(job))
        guard try await process.exitCode(within: .seconds(180)) == 0 else {
            throw ProgramProcess.Timeout(description: "\(script) failed: \(process.standardError)")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Report.self, from: Data(process.standardOutput.utf8))
    }
}
