import JSONStream
import MessagePack
import TestSupport
import Testing
import Wire
import Worker

@Suite("What a message from the work queue asks for")
struct WorkIntakeTests {
    static func recorded(_ name: String) throws -> [UInt8] {
        let json = try JSONReader.decode(Array(try Fixtures.data("worker/work_items.json")))
        let row = try #require(json.arrayValue?.first { $0["name"]?.stringValue == name })
        let hex = try #require(row["hex"]?.stringValue)
        return try #require(Hex.bytes(hex))
    }

    static func intake(_ bytes: [UInt8], subject: String = "sie.work.test__model.l4-default") -> WorkIntake {
        bytes.withUnsafeBytes { WorkIntake(subject: subject, payload: $0) }
    }

    @Test(
        "recorded encode items are read: their text, their id and their options",
        arguments: [
            ("encode_text_gateway_shape", "hello world"), ("encode_text_minimal", "hello world"),
            ("encode_with_id_and_options", "Crème brûlée 🍮"), ("encode_batch_item_2_of_3", "second"),
            ("encode_sdk_content_alias", "legacy field"),
        ])
    func encodeItems(_ name: String, _ text: String) throws {
        guard case .encode(let work, let item) = Self.intake(try Self.recorded(name)) else {
            Issue.record("\(name) is not taken as encode")
            return
        }
        #expect(work.modelID == "test/model")
        #expect(item.text == text)
        #expect(item.id == (name == "encode_with_id_and_options" ? "doc-7" : nil))
    }

    @Test("an image is an encode item without a text")
    func image() throws {
        guard case .encode(_, let item) = Self.intake(try Self.recorded("encode_image_item")) else {
            Issue.record("not taken as encode")
            return
        }
        #expect(item.text == nil)
    }

    @Test(
        "recorded items that cannot be answered here are refused with the contract's code",
        arguments: [
            ("score_inline", "inference_error"),
            ("score_payload_ref", "inference_error"), ("extract_labels", "inference_error"),
            ("extract_document_and_schema", "inference_error"), ("unknown_operation", "unknown_operation"),
        ])
    func refusals(_ name: String, _ expected: String) throws {
        guard case .refuse(let work, let code, let message) = Self.intake(try Self.recorded(name)) else {
            Issue.record("\(name) is not refused")
            return
        }
        #expect(code == expected)
        #expect(!message.isEmpty)
        #expect(work.replySubject?.hasPrefix("_INBOX.") == true)
    }

    @Test("an item that was too large for the queue is to be fetched under its name")
    func payloadReference() throws {
        guard case .fetch(let work, let reference) = Self.intake(try Self.recorded("encode_payload_ref")) else {
            Issue.record("not fetched")
            return
        }
        #expect(work.modelID == "test/model")
        #expect(reference == "0192f7a0-0000-7000-8000-000000000001_0.bin")
    }

    @Test("an answer never goes to a subject that is no inbox")
    func foreignReplySubject() throws {
        guard case .drop = Self.intake(try Self.recorded("bad_reply_subject")) else {
            Issue.record("not dropped")
            return
        }
    }

    @Test("the subject decides the model; the item's own name only tells apart what the subject cannot")
    func modelOfSubject() throws {
        let bytes = try Self.recorded("encode_text_minimal")
        guard case .encode(let other, _) = Self.intake(bytes, subject: "sie.work.org__other.p") else {
            Issue.record("not taken as encode")
            return
        }
        #expect(other.modelID == "org/other")
    }

    @Test("bytes cut anywhere are no work item and are never delivered again")
    func truncated() throws {
        let bytes = try Self.recorded("encode_with_id_and_options")
        for length in 0..<bytes.count {
            guard case .terminate = Self.intake(Array(bytes[..<length])) else {
                Issue.record("\(length) bytes are taken as a work item")
                return
            }
        }
    }

    @Test("damaged bytes never stop the worker", arguments: 0..<8)
    func damaged(_ seed: Int) throws {
        var bytes = try Self.recorded("encode_with_id_and_options")
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<500 {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            let before = bytes[index]
            bytes[index] = .random(in: 0...255, using: &random)
            switch Self.intake(bytes) {
            case .encode(let work, _), .refuse(let work, _, _), .fetch(let work, _): #expect(!work.requestID.isEmpty)
            case .drop(let reason), .terminate(let reason): #expect(!reason.isEmpty)
            }
            bytes[index] = before
        }
    }

    @Test("a subject of another form is not work")
    func foreignSubject() throws {
        let bytes = try Self.recorded("encode_text_minimal")
        for subject in ["sie.work.model", "sie.work..pool", "other.work.model.pool", "sie.work.a.b.c"] {
            guard case .terminate = Self.intake(bytes, subject: subject) else {
                Issue.record("\(subject) is taken as work")
                continue
            }
        }
    }
}
