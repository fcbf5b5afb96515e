import AsyncHTTPClient
import Foundation
import Glibc
import JSONStream
import Logging
import MessagePack
import NATSClient
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Wire

/// The real `sie-worker`, serving all-MiniLM-L6-v2.
final class RunningWorker: Sendable {
    static let model = "sentence-transformers/all-MiniLM-L6-v2"

    let program: ProgramProcess
    let port: Int

    /// Whether the checkpoint is installed, with a loud line where it is not.
    static var canRun: Bool {
        guard (try? Tools.miniLM()) != nil else {
            print("SKIPPED: no checkpoint of all-MiniLM-L6-v2; run scripts/test")
            return false
        }
        return NATSServerProcess.Release.current.path != nil
    }

    init(nats: NATSServerProcess, catalog: URL, environment: [String: String] = [:]) throws {
        port = try NATSServerProcess.freePort()
        let settings = [
            "SIE_NATS_URL": nats.url, "SIE_POOL": "default", "SIE_MACHINE_PROFILE": "cpu", "HOSTNAME": "worker-\(port)",
            "SIE_BUNDLES_DIR": Fixtures.repository.appending(path: "catalog/bundles").path,
            "SIE_MODELS_DIR": catalog.path, "SIE_WORKER_HOST": "127.0.0.1", "SIE_INFERENCE_THREADS": "2",
        ].merging(environment) { $1 }
        program = try ProgramProcess(
            try Tools.product("sie-worker"), arguments: ["serve", "--port", "\(port)"],
            environment: settings.mapValues { Optional($0) })
    }

    /// A folder with the shipped model's file, its weights being those of `.tools`.
    static func catalog(weights: String? = nil) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let name = "sentence-transformers__all-MiniLM-L6-v2.yaml"
        let shipped = Fixtures.repository.appending(path: "catalog/models/\(name)")
        let text = String(decoding: try Data(contentsOf: shipped), as: UTF8.self)
        try Data("\(text)\nweights_path: \(try weights ?? Tools.miniLM())\n".utf8).write(
            to: folder.appending(path: name))
        return folder
    }

    /// The status and body of `GET path`; nil while nobody listens.
    func get(_ path: String) async -> (status: Int, text: String)? {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(5)),
            let body = try? await response.body.collect(upTo: 1 << 20)
        else { return nil }
        return (Int(response.status.code), String(buffer: body))
    }

    func waitUntilReady() async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while await get("/readyz")?.status != 200 {
            guard program.isRunning, ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(
                    description: "not ready\n\(program.standardOutput)\n\(program.standardError)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// Publishes work as a gateway does and collects the answers.
final class WorkSender: Sendable {
    struct Answer: Sendable {
        var result: WorkResult
        /// The decoded blob of a success.
        var value: MessagePackValue?
        var vector: [Float]? {
            guard case .binary(let bytes) = value?["dense"]?["values"]?["data"] else { return nil }
            return stride(from: 0, to: bytes.count, by: 4).map { start in
                Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
            }
        }
    }

    let connection: NATSConnection
    private let answers = Mutex<[String: [Answer]]>([:])
    private let messages = Mutex(0)

    init(_ connection: NATSConnection, inbox: String) async throws {
        self.connection = connection
        try await connection.subscribe("_INBOX.test.>") { [weak self] message in self?.collect(message) }
        if inbox != "_INBOX.test.>" {
            try await connection.subscribe(inbox) { [weak self] message in self?.collect(message) }
        }
        try await connection.flush()
    }

    private func collect(_ message: NATSMessage) {
        let results = message.payload.withUnsafeReadableBytes { bytes -> [WorkResult] in
            if WorkResultBatch.isBatch(bytes) { return (try? WorkResultBatch(decoding: bytes))?.results ?? [] }
            return (try? WorkResult(decoding: bytes)).map { [$0] } ?? []
        }
        messages.withLock { $0 += 1 }
        for result in results {
            var value: MessagePackValue?
            if case .success(let blob) = result.outcome { value = try? MessagePackReader.decode(blob) }
            answers.withLock { $0[result.requestID, default: []].append(Answer(result: result, value: value)) }
        }
    }

    /// The messages that brought the answers.
    var answerMessages: Int { messages.withLock { $0 } }

    /// Publishes one encode item a text, as one request.
    func send(
        _ texts: [String], request: String, model: String = RunningWorker.model, pool: String = "default",
        options: [UInt8]? = nil
    ) async throws {
        var work = WorkItem()
        work.requestID = request
        work.totalItems = texts.count
        work.modelID = model
        work.pool = pool
        work.options = options
        work.replySubject = "_INBOX.test.\(request)"
        work.timestamp = Date().timeIntervalSince1970
        let items = WorkItemWriter(work)
        for (index, text) in texts.enumerated() {
            var writer = MessagePackWriter()
            let item = MessagePackWriter.encode(["id": .string("i\(index)"), "text": .string(text)])
            item.withUnsafeBytes { items.write(.item($0), index: index, to: &writer) }
            try await publish(writer.bytes, subject: Subjects.work(model: model, pool: pool))
        }
    }

    func publish(_ bytes: [UInt8], subject: String) async throws {
        _ = try await connection.jetStream.publish(subject, payload: ByteBuffer(bytes: bytes))
    }

    func received(_ request: String) -> [Answer] { answers.withLock { $0[request] ?? [] } }

    /// Waits for an answer to each of `count` items and returns the first of each, in order.
    func answers(_ request: String, count: Int, within limit: Duration = .seconds(60)) async throws -> [Answer] {
        let deadline = ContinuousClock.now + limit
        while true {
            var byIndex: [Int: Answer] = [:]
            for answer in received(request) where byIndex[answer.result.itemIndex] == nil {
                byIndex[answer.result.itemIndex] = answer
            }
            if byIndex.count >= count { return byIndex.sorted { $0.key < $1.key }.map(\.value) }
            guard ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(description: "\(byIndex.count) of \(count) answers to \(request)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until the stream holds nothing: every message was acknowledged or removed.
    func waitUntilStreamIsEmpty(_ stream: String = "WORK_POOL_default") async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try await connection.jetStream.streamInfo(stream).state.messages > 0 {
            guard ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(description: "the stream keeps messages")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

func withSender<Value>(
    to server: NATSServerProcess, inbox: String = "_INBOX.test.>", _ body: (WorkSender) async throws -> Value
) async throws -> Value {
    let connection = NATSConnection(
        configuration: try NATSConfiguration(servers: [server.url]),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await connection.start()
    do {
        try await connection.waitUntilConnected(timeout: .seconds(10))
        let value = try await body(try await WorkSender(connection, inbox: inbox))
        await connection.close()
        return value
    } catch {
        await connection.close()
        throw error
    }
}
