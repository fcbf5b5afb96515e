import Foundation
import Glibc
import JSONStream
import Logging
import NATSClient
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import YAML

/// Plays the steps of a scenario against a real service, with a real nats-server where the scenario has one.
final class ScenarioReplay: Sendable {
    private let folder: URL
    private let environment: [String: String]
    private let service: Mutex<ProductProcess?>
    private let nats: NATSServerProcess?
    private let listener: NATSConnection?
    private let published = PublishedDeltas()

    init(_ scenario: RecordedScenario) async throws {
        let setup = scenario.setup
        folder = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var environment: [String: String] = [:]
        for (key, variable) in [
            ("bundles", "SIE_BUNDLES_DIR"), ("models", "SIE_MODELS_DIR"), ("store", "SIE_CONFIG_STORE_DIR"),
        ] {
            let files = setup[key]?.objectValue
            if files == nil, key == "store" { continue }
            environment[variable] = folder.appending(path: key).path
            for file in files ?? [] {
                try Self.write(file.value.stringValue ?? "", to: folder.appending(path: "\(key)/\(file.key)"))
            }
            if let files, files.isEmpty {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: key), withIntermediateDirectories: true)
            }
        }
        switch setup["nats"] {
        case .string("down"):
            nats = nil
            environment["SIE_NATS_URL"] = "nats://127.0.0.1:\(try NATSServerProcess.freePort())"
        case nil, .null:
            nats = nil
        case let configuration?:
            let server = try await NATSServerProcess(configuration: configuration["conf"]?.stringValue ?? "")
            nats = server
            environment["SIE_NATS_URL"] = server.url
        }
        for variable in setup["env"]?.objectValue ?? [] { environment[variable.key] = variable.value.stringValue }
        self.environment = environment
        service = Mutex(nil)
        listener = try nats.map {
            NATSConnection(
                configuration: try NATSConfiguration(servers: [$0.url]), logger: Logger(label: "listener"))
        }
        if let listener {
            try await listener.start()
            try await listener.waitUntilConnected(timeout: .seconds(5))
            try await listener.subscribe("sie.config.>") { [published] message in
                published.append(message.subject, message.payload.readableBytesView)
            }
            try await listener.flush()
        }
        try await start()
        if nats != nil { try await waitForMessaging() }
    }

    /// Performs a step.
    ///
    /// - Returns: what differs from the recording.
    func perform(_ step: RecordedScenario.Step) async throws -> [String] {
        switch step.json["action"]?.stringValue {
        case nil:
            return try await request(step)
        case "restart":
            var additions: [String: String] = [:]
            for variable in step.json["env"]?.objectValue ?? [] { additions[variable.key] = variable.value.stringValue }
            let status = try await stop()
            try await start(additions)
            return status == 0 ? [] : ["the service ended with \(status.map(String.init) ?? "no") status"]
        case "nats_stop":
            nats?.kill()
            try await wait(until: "sie_config_nats_connected 0")
        case "nats_start":
            try await nats?.start()
            try await waitForMessaging()
        case "store_put":
            try Self.write(
                step.json["text"]?.stringValue ?? "",
                to: folder.appending(path: "store/\(step.json["file"]?.stringValue ?? "")"))
        case "store_break":
            let models = folder.appending(path: "store/models")
            try FileManager.default.removeItem(at: models)
            try Self.write("", to: models)
        case "store_check":
            return storeProblems(step.json["expect"]?["files"] ?? [:])
        case "repeat", "parallel":
            return try await many(step)
        case let action?:
            return ["unknown action \(action)"]
        }
        return []
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    // MARK: Service

    private func start(_ additions: [String: String] = [:]) async throws {
        let process = try await ProductProcess("sie-config", environment: environment.merging(additions) { $1 }) {
            port in
            ["serve", "--host", "127.0.0.1", "--port", "\(port)"]
        }
        service.withLock { $0 = process }
    }

    private func stop() async throws -> Int32? {
        let process = service.withLock { $0.take() }
        process?.signal(SIGTERM)
        return try await process?.exitStatus(within: .seconds(10))
    }

    private var client: HTTPTestClient { HTTPTestClient(port: service.withLock { $0?.port } ?? 0) }

    // MARK: Requests

    private func request(_ step: RecordedScenario.Step) async throws -> [String] {
        published.clear()
        let response = try await send(step.json["request"] ?? .null)
        let expect = step.json["expect"] ?? .null
        var problems: [String] = []
        if response.status != expect["status"]?.intValue {
            problems.append("status \(response.status), not \(expect["status"] ?? .null): \(response.text)")
        }
        if let type = expect["content_type"]?.stringValue,
            !(response.headers.first(name: "content-type") ?? "").hasPrefix(type)
        {
            problems.append("content type \(response.headers.first(name: "content-type") ?? "none"), not \(type)")
        }
        for method in expect["allow_includes"]?.arrayValue?.compactMap(\.stringValue) ?? []
        where !(response.headers.first(name: "allow") ?? "").contains(method) {
            problems.append("allow header \(response.headers.first(name: "allow") ?? "none") lacks \(method)")
        }
        if let body = expect["body"], !body.isNull {
            let json = (try? JSONReader.decode(response.body.readableBytesView)) ?? .string(response.text)
            problems += [JSONPattern.mismatch(json, body)].compactMap { $0 }
        }
        if let body = expect["body_yaml"] {
            let node = try? YAMLNode(parsing: response.body.readableBytesView)
            let json = node.flatMap { try? JSONValue($0, nonStringKeys: .convert) } ?? .string(response.text)
            problems += [JSONPattern.mismatch(json, body)].compactMap { $0 }
        }
        if let text = expect["body_text"]?.stringValue, response.text != text {
            problems.append("body \(response.text.debugDescription), not \(text.debugDescription)")
        }
        let samples = Set(response.text.split(separator: "\n").map(Self.sample))
        for line in expect["body_lines"]?.arrayValue?.compactMap(\.stringValue) ?? []
        where !samples.contains(Self.sample(line[...])) {
            problems.append("no line \(line) in:\n\(response.text)")
        }
        if let files = expect["store_files"] { problems += storeProblems(files) }
        if let deltas = step.deltas { problems += try await deltaProblems(deltas) }
        return problems
    }

    private func send(_ request: JSONValue, index: Int? = nil) async throws -> HTTPTestClient.Reply {
        func filled(_ text: String) -> String {
            index.map { text.replacingOccurrences(of: "{i}", with: "\($0)") } ?? text
        }
        var body: [UInt8] = []
        if let text = request["body"]?.stringValue {
            body = Array(filled(text).utf8)
        } else if let hex = request["body_hex"]?.stringValue {
            var digits = Array(hex)[...]
            while let high = digits.popFirst(), let low = digits.popFirst() {
                body.append(UInt8(String([high, low]), radix: 16) ?? 0)
            }
        } else if let recipe = request["body_gen"] {
            body = Array((recipe["prefix"]?.stringValue ?? "").utf8)
            let fill = Array((recipe["fill"]?.stringValue ?? "x").utf8)
            let total = recipe["total_bytes"]?.intValue ?? 0
            while body.count < total { body += fill.prefix(total - body.count) }
        }
        return try await client.send(
            HTTPMethod(rawValue: request["method"]?.stringValue ?? ""), request["path"]?.stringValue ?? "",
            headers: HTTPHeaders(
                (request["headers"]?.objectValue ?? []).map { ($0.key, filled($0.value.stringValue ?? "")) }),
            body: ByteBuffer(bytes: body))
    }

    private func many(_ step: RecordedScenario.Step) async throws -> [String] {
        let count = step.json["count"]?.intValue ?? 0
        let request = step.json["request"] ?? .null
        let isParallel = step.json["action"] == "parallel"
        var responses: [HTTPTestClient.Reply] = []
        if isParallel {
            responses = try await withThrowingTaskGroup(of: HTTPTestClient.Reply.self) { group in
                for index in 0..<count { group.addTask { try await self.send(request, index: index) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        } else {
            for index in 0..<count { responses.append(try await send(request, index: index)) }
        }
        let expect = step.json["expect"] ?? .null
        var problems: [String] = []
        let statuses = Set(responses.map(\.status))
        if statuses != Set(expect["status_set"]?.arrayValue?.compactMap(\.intValue) ?? []) {
            problems.append("statuses \(statuses), not \(expect["status_set"] ?? .null)")
        }
        if let pattern = expect["same_body"] {
            problems += Set(responses.map(\.text)).compactMap { text in
                JSONPattern.mismatch((try? JSONReader.decode(Array(text.utf8))) ?? .null, pattern)
            }
        }
        return problems
    }

    // MARK: Store

    private func storeProblems(_ expected: JSONValue) -> [String] {
        let store = folder.appending(path: "store").path
        var problems: [String] = []
        var found: Set<String> = []
        for name in FileManager.default.enumerator(atPath: store)?.compactMap({ $0 as? String }) ?? [] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: "\(store)/\(name)", isDirectory: &isFolder), !isFolder.boolValue {
                // The journal is this service's own; the original reads and writes the files beside it.
                if name != ".journal" { found.insert(name) }
            }
        }
        let files = expected.objectValue ?? []
        if found != Set(files.map(\.key)) {
            problems.append("the store holds \(found.sorted()), not \(files.map(\.key))")
        }
        for file in files {
            let text = FileManager.default.contents(atPath: "\(store)/\(file.key)").map {
                String(decoding: $0, as: UTF8.self)
            }
            if let exact = file.value["text"]?.stringValue, text != exact {
                problems.append("\(file.key) is \(text.debugDescription), not \(exact.debugDescription)")
            }
            if let pattern = file.value["yaml"] {
                let node = text.flatMap { try? YAMLNode(parsing: $0) }
                let json = node.flatMap { try? JSONValue($0, nonStringKeys: .convert) } ?? .null
                problems += [JSONPattern.mismatch(json, pattern, at: file.key)].compactMap { $0 }
            }
        }
        return problems
    }

    private static func write(_ text: String, to url: URL) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    // MARK: NATS

    /// Compares what was published with what was recorded, once as much has come as was recorded and the server has
    /// delivered all that it held for the listener.
    private func deltaProblems(_ expected: [JSONValue]) async throws -> [String] {
        guard let listener, listener.status == .connected else { return [] }
        let start = ContinuousClock.now
        while published.all.count < expected.count, .now - start < .seconds(2) {
            try await Task.sleep(for: .milliseconds(2))
        }
        try await listener.flush()
        let messages = published.all
        var problems: [String] = []
        if messages.count != expected.count {
            problems.append("\(messages.count) messages, not \(expected.count): \(messages.map(\.subject))")
        }
        for (message, delta) in zip(messages, expected) {
            if message.subject != delta["subject"]?.stringValue {
                problems.append("a message to \(message.subject), not \(delta["subject"] ?? .null)")
            }
            problems += [JSONPattern.mismatch(message.payload, delta["payload"] ?? .null)].compactMap { $0 }
        }
        return problems
    }

    private func waitForMessaging() async throws { try await wait(until: "sie_config_nats_connected 1") }

    private func wait(until line: String) async throws {
        let start = ContinuousClock.now
        while .now - start < .seconds(10) {
            let metrics = try await client.send(.GET, "/metrics").text
            if metrics.split(separator: "\n").contains(line[...]) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        let log = service.withLock { $0?.log } ?? ""
        throw ProductProcess.Failure.didNotStart("sie-config", log: "never saw \(line)\n\(log)")
    }

    /// A line of Prometheus text with its value as a number, since `1` and `1.0` are one.
    private static func sample(_ line: Substring) -> String {
        guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
            return String(line)
        }
        return "\(line[..<space]) \(value)"
    }
}
