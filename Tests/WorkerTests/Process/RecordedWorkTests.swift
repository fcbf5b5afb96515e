import Foundation
import JSONStream
import MessagePack
import NATSClient
import NIOCore
import TestSupport
import Testing
import Wire

/// The recorded messages of a gateway, through the real queue, to the real worker.
@Suite("Recorded work items", .serialized, .enabled(if: RunningWorker.canRun), .timeLimit(.minutes(2)))
struct RecordedWorkTests {
    private static let request = "0192f7a0-0000-7000-8000-000000000001"
    private static let subject = "sie.work.test__model.l4-default"

    /// A catalogue with the model that the recordings name.
    private static func catalog() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let yaml = """
            sie_id: test/model
            weights_path: \(try Tools.miniLM())
            tasks: {encode: {dense: {dim: 384}}}
            profiles:
              default:
                adapter_path: sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter
                max_batch_tokens: 1024
                adapter_options: {loadtime: {}, runtime: {}}
            """
        try Data(yaml.utf8).write(to: folder.appending(path: "test__model.yaml"))
        return folder
    }

    /// The texts whose vectors are the answer, and the error codes of the rest; nil where nothing is published.
    private static let expected: [(name: String, text: String?, code: String?)] = [
        ("encode_text_gateway_shape", "hello world", nil), ("encode_text_minimal", "hello world", nil),
        // Asks for a sparse vector too, which this model has not.
        ("encode_with_id_and_options", nil, "inference_error"), ("encode_batch_item_2_of_3", "second", nil),
        ("encode_sdk_content_alias", "legacy field", nil), ("encode_image_item", nil, "inference_error"),
        ("encode_payload_ref", "offloaded text", nil), ("score_inline", nil, "inference_error"),
        ("score_payload_ref", nil, "inference_error"), ("extract_labels", nil, "inference_error"),
        ("extract_document_and_schema", nil, "inference_error"), ("extract_relation_metadata", nil, "inference_error"),
        ("unknown_operation", nil, "unknown_operation"), ("bad_reply_subject", nil, nil),
    ]

    @Test("every recorded work item is answered as the contract says, and acknowledged")
    func recorded() async throws {
        let rows = try #require(
            try JSONReader.decode(Array(try Fixtures.data("worker/work_items.json"))).arrayValue)
        #expect(rows.compactMap { $0["name"]?.stringValue } == Self.expected.map(\.name))
        let payloads = FileManager.default.temporaryDirectory.appending(path: "payloads-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: payloads, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: payloads) }
        let objects = try JSONReader.decode(Array(try Fixtures.data("worker/payload_objects.json"))).arrayValue ?? []
        let object = try #require(objects.first { $0["name"]?.stringValue == "item_payload" }?["hex"]?.stringValue)
        try Data(try #require(Hex.bytes(object))).write(to: payloads.appending(path: "\(Self.request)_0.bin"))

        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(
            nats: nats, catalog: try Self.catalog(),
            environment: [
                "SIE_POOL": "l4-default", "SIE_MACHINE_PROFILE": "l4", "SIE_PAYLOAD_STORE_URL": payloads.path,
            ])
        try await worker.waitUntilReady()
        try await withSender(to: nats, inbox: "_INBOX.gw-0.>") { sender in
            var answered = 0
            for (row, expected) in zip(rows, Self.expected) {
                let hex = try #require(row["hex"]?.stringValue)
                try await sender.publish(try #require(Hex.bytes(hex)), subject: Self.subject)
                try await sender.waitUntilStreamIsEmpty("WORK_POOL_l4-default")
                // The answer is published before the acknowledgement that emptied the stream.
                try await sender.connection.flush()
                let answers = sender.received(Self.request)
                guard expected.text != nil || expected.code != nil else {
                    #expect(answers.count == answered, "\(expected.name)")
                    continue
                }
                answered += 1
                let answer = try #require(answers.count == answered ? answers.last : nil, "\(expected.name)")
                switch answer.result.outcome {
                case .success:
                    let text = try #require(expected.text, "\(expected.name)")
                    try await sender.send([text], request: expected.name, model: "test/model", pool: "l4-default")
                    let vector = try await sender.answers(expected.name, count: 1)[0].vector
                    #expect(answer.vector == vector && vector?.count == 384, "\(expected.name)")
                case .failure(let message, let code):
                    #expect(code == expected.code && !message.isEmpty, "\(expected.name)")
                }
                #expect(answer.result.itemIndex == row["decoded"]?["item_index"]?.intValue, "\(expected.name)")
            }
            #expect(answered == Self.expected.count - 1)
        }
    }

    @Test("an item whose payload is gone is answered with payload_error")
    func payloadGone() async throws {
        let rows = try JSONReader.decode(Array(try Fixtures.data("worker/work_items.json"))).arrayValue ?? []
        let hex = try #require(rows.first { $0["name"]?.stringValue == "encode_payload_ref" }?["hex"]?.stringValue)
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(
            nats: nats, catalog: try Self.catalog(),
            environment: ["SIE_POOL": "l4-default", "SIE_PAYLOAD_STORE_URL": "/nowhere"])
        try await worker.waitUntilReady()
        try await withSender(to: nats, inbox: "_INBOX.gw-0.>") { sender in
            try await sender.publish(try #require(Hex.bytes(hex)), subject: Self.subject)
            let answer = try await sender.answers(Self.request, count: 1)[0]
            guard case .failure(let message, let code) = answer.result.outcome else {
                Issue.record("succeeded")
                return
            }
            #expect(code == "payload_error")
            #expect(message == "Failed to resolve item payload")
        }
    }
}
