import Foundation
import JSONStream
import MessagePack
import NATSClient
import NIOCore
import TestSupport
import Testing
import Wire

@Suite("The worker as a program", .serialized, .enabled(if: RunningWorker.canRun), .timeLimit(.minutes(2)))
struct WorkerProcessTests {
    @Test("recorded reference texts become the reference vectors, with ids and timings, and nothing stays queued")
    func referenceVectors() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        let fixture = try JSONReader.decode(Array(try Fixtures.data("minilm/vectors_256.json")))
        let rows = try #require(fixture.arrayValue)
        let texts = try rows.map { try #require($0["text"]?.stringValue) }
        try await withSender(to: nats) { sender in
            try await sender.send(texts, request: "reference")
            let answers = try await sender.answers("reference", count: texts.count)
            for (answer, row) in zip(answers, rows) {
                let vector = try #require(answer.vector, "\(answer.result.outcome)")
                let values = try #require(row["embedding"]?.arrayValue)
                let reference = values.compactMap(\.doubleValue)
                let difference = zip(vector, reference).map { abs(Double($0) - $1) }.max() ?? .infinity
                #expect(vector.count == 384)
                #expect(difference <= 2e-6, "\(row["id"]?.stringValue ?? "")")
                #expect(answer.value?["id"]?.stringValue == "i\(answer.result.itemIndex)")
                #expect(answer.result.workerID == "worker-\(worker.port)")
                #expect((answer.result.timings.inference ?? 0) > 0)
            }
            try await sender.waitUntilStreamIsEmpty()
        }
    }

    @Test("stream and consumer are made with the worker's settings, and an old consumer is brought up to them")
    func lane() async throws {
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            var stream = StreamConfiguration(name: "WORK_POOL_default", subjects: ["sie.work.*.default"])
            stream.retention = .workQueue
            stream.storage = .memory
            stream.maxAge = .seconds(60)
            _ = try await sender.connection.jetStream.createStream(stream)
            var old = ConsumerConfiguration(durableName: "default_default", filterSubject: "sie.work.*.default")
            old.ackWait = .seconds(5)
            old.maxDeliver = 3
            _ = try await sender.connection.jetStream.createConsumer(stream: "WORK_POOL_default", old)

            let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
            try await worker.waitUntilReady()
            let info = try await sender.connection.jetStream.consumerInfo(
                stream: "WORK_POOL_default", name: "default_default")
            #expect(info.config.ackWait == .seconds(30))
            #expect(info.config.maxDeliver == 20)
            #expect(info.config.maxAckPending == 1000)
            // The stream belongs to whoever made it first.
            let kept = try await sender.connection.jetStream.streamInfo("WORK_POOL_default")
            #expect(kept.config.maxAge == .seconds(60))
        }
    }

    @Test("what cannot be done is answered with the contract's error and never delivered again")
    func refusals() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            let subject = Subjects.work(model: RunningWorker.model, pool: "default")
            try await sender.publish([0xc1, 0x00], subject: subject)
            try await sender.send(
                ["x"], request: "dtype", options: MessagePackWriter.encode(["output_dtype": "float128"]))
            try await sender.send(["x"], request: "profile", options: MessagePackWriter.encode(["profile": "none"]))
            try await sender.send(
                ["x"], request: "sparse", options: MessagePackWriter.encode(["output_types": ["sparse"]]))
            for request in ["dtype", "profile", "sparse"] {
                let answer = try await sender.answers(request, count: 1)[0]
                guard case .failure(let message, let code) = answer.result.outcome else {
                    Issue.record("\(request) succeeded")
                    continue
                }
                #expect(code == "inference_error")
                #expect(!message.isEmpty)
            }
            try await sender.waitUntilStreamIsEmpty()
        }
    }

    @Test("a model without weights is answered with MODEL_LOAD_FAILED, at once and each time")
    func missingWeights() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog(weights: "/nowhere"))
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            for request in ["first", "second"] {
                try await sender.send(["x", "y"], request: request)
                for answer in try await sender.answers(request, count: 2) {
                    guard case .failure(let message, let code) = answer.result.outcome else {
                        Issue.record("succeeded")
                        continue
                    }
                    #expect(code == "MODEL_LOAD_FAILED")
                    #expect(message.contains("/nowhere"))
                }
            }
            try await sender.waitUntilStreamIsEmpty()
        }
    }

    @Test("the queue's loss makes the worker not ready, its return ready, and work goes on")
    func serverRestart() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        nats.kill()
        var status: Int?
        for _ in 0..<500 where status != 503 {
            status = await worker.get("/readyz")?.status
            if status != 503 { try await Task.sleep(for: .milliseconds(10)) }
        }
        #expect(status == 503)
        #expect(await worker.get("/healthz")?.text == "ok")
        try await nats.start()
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.send(["after"], request: "after")
            #expect(try await sender.answers("after", count: 1)[0].vector?.count == 384)
        }
        #expect(await worker.get("/metrics")?.text.contains("sie_requests_total") == true)
    }

    @Test("an announced model is served without a restart, with its profile's template")
    func configurationDelta() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            let yaml = """
                sie_id: org/announced
                weights_path: \(try Tools.miniLM())
                tasks: {encode: {dense: {dim: 384}}}
                profiles:
                  default:
                    adapter_path: sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter
                    max_batch_tokens: 1024
                    adapter_options: {loadtime: {}, runtime: {doc_template: "passage: {text}"}}
                """
            let delta = ConfigDelta(
                producerID: "sie-config", bundleID: "default", epoch: 3, bundleConfigHash: "", modelID: "org/announced",
                profilesAdded: ["default"], modelConfig: yaml, affectedBundles: ["default"])
            try sender.connection.publish(
                Subjects.configDeltas(bundle: "default"), payload: .init(bytes: delta.encoded()))
            try await sender.connection.flush()
            try await sender.send(["x"], request: "announced", model: "org/announced")
            try await sender.send(["passage: x"], request: "plain")
            let announced = try await sender.answers("announced", count: 1)[0].vector
            #expect(announced != nil)
            // The profile's template applies on the queue path too.
            #expect(try await sender.answers("plain", count: 1)[0].vector == announced)
        }
    }

    @Test("settings that cannot be used are told by name, with a failing exit code")
    func badSettings() async throws {
        for (environment, word) in [
            (["SIE_NATS_URL": ""], "SIE_NATS_URL"), (["SIE_NAK_DELAY_S": "soon"], "SIE_NAK_DELAY_S"),
            (["SIE_NATS_URL": "nats://127.0.0.1:1", "SIE_POOL": "a.b"], "SIE_POOL"),
        ] {
            let program = try ProgramProcess(
                try Tools.product("sie-worker"), arguments: ["serve", "--port", "0"],
                environment: [
                    "SIE_NATS_URL": "nats://127.0.0.1:1",
                    "SIE_BUNDLES_DIR": Fixtures.repository.appending(path: "catalog/bundles").path,
                ].merging(environment) { $1 }.mapValues { Optional($0) })
            #expect(try await program.exitCode() != 0)
            #expect(program.standardError.contains(word))
        }
    }
}
