import HTTPService
import JSONStream
import MessagePack
import NIOCore
import Wire

/// The 200 answer of encode, score and extract.
///
/// Results are spliced into a MessagePack answer unread, and written number by number into a JSON one. An item that
/// failed keeps its place: a map with only an `error`, because clients match items by position. The `errors` list names
/// it too.
package struct SuccessAnswer {
    /// The model as the caller named it, without a bundle in front.
    package var model: String
    package var requestID: String
    package var results: ItemResults
    package var timing: QueueTiming

    package init(model: String, requestID: String, results: ItemResults, timing: QueueTiming) {
        self.model = model
        self.requestID = requestID
        self.results = results
        self.timing = timing
    }

    /// The body, MessagePack or JSON, in pieces.
    package func body(operation: WorkItem.Operation, messagePack: Bool) -> [[UInt8]] {
        messagePack ? messagePackBody(operation) : [jsonBody(operation)]
    }

    /// What the `x-sie-worker` field says.
    package var worker: String { "queue:\(requestID)" }

    private static let versionLines = HTTPFieldWriter.lines(Answer.versionHeaders)

    /// Writes the fields of a 200: identity, and where the time went, in milliseconds.
    package func writeFields(contentType: StaticString, to fields: inout HTTPFieldWriter) {
        fields.add(lines: Self.versionLines)
        fields.add("content-type", contentType)
        fields.add("x-sie-request-id", requestID)
        fields.add("x-sie-worker", "queue:", requestID)
        fields.add("x-queue-publish-time", Self.milliseconds(timing.publish))
        fields.add("x-queue-wait-time", Self.milliseconds(timing.wait))
        fields.add("x-queue-time", FixedDecimal.text(results.slowest.queue ?? 0, decimals: 1))
        fields.add("x-inference-time", FixedDecimal.text(results.slowest.inference ?? 0, decimals: 1))
        if let time = results.slowest.tokenization, time > 0 {
            fields.add("x-tokenization-time", FixedDecimal.text(time, decimals: 1))
        }
        if let time = results.slowest.postprocessing, time > 0 {
            fields.add("x-postprocessing-time", FixedDecimal.text(time, decimals: 1))
        }
        if let time = results.slowest.payloadFetch, time > 0 {
            fields.add("x-payload-fetch-time", FixedDecimal.text(time, decimals: 1))
        }
    }

    private static func milliseconds(_ time: TimeAmount) -> String {
        FixedDecimal.text(Double(time.nanoseconds) / 1e6, decimals: 1)
    }

    // MARK: MessagePack

    /// Results are pieces as they came, with what stands between them.
    private func messagePackBody(_ operation: WorkItem.Operation) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        pieces.reserveCapacity(results.encoded.count + 2)
        var writer = MessagePackWriter(capacity: 64 + model.utf8.count)
        writer.writeMapHeader(results.failures.isEmpty ? 2 : 3)
        writer.write("model" as StaticString)
        writer.write(model)
        if operation == .score {
            writer.write("scores" as StaticString)
            pieces += [writer.bytes, results.encoded.first.flatMap(\.self) ?? [0x90]]
        } else {
            writer.write("items" as StaticString)
            writer.writeArrayHeader(results.encoded.count)
            pieces.append(writer.bytes)
            var failures = results.failures[...]
            for encoded in results.encoded {
                if let encoded {
                    pieces.append(encoded)
                } else if let failure = failures.popFirst() {
                    pieces.append(Self.placeholder(for: failure))
                }
            }
        }
        if !results.failures.isEmpty { pieces.append(errors()) }
        return pieces
    }

    private static func placeholder(for failure: ItemResults.Failure) -> [UInt8] {
        var writer = MessagePackWriter(capacity: 64 + failure.message.utf8.count)
        writer.writeMapHeader(1)
        writer.write("error" as StaticString)
        writer.writeMapHeader(2)
        writer.write("code" as StaticString)
        writer.write(failure.code ?? "INTERNAL_ERROR")
        writer.write("message" as StaticString)
        writer.write(failure.message)
        return writer.bytes
    }

    private func errors() -> [UInt8] {
        var writer = MessagePackWriter(capacity: 16 + 96 * results.failures.count)
        writer.write("errors" as StaticString)
        writer.writeArrayHeader(results.failures.count)
        for failure in results.failures {
            writer.writeMapHeader(2)
            writer.write("item_index" as StaticString)
            writer.write(failure.itemIndex)
            writer.write("error" as StaticString)
            writer.write(failure.message)
        }
        return writer.bytes
    }

    // MARK: JSON

    private func jsonBody(_ operation: WorkItem.Operation) -> [UInt8] {
        // A float32 takes 4 bytes packed and up to 24 as text.
        var writer = JSONWriter(capacity: results.encoded.reduce(256) { $0 + 6 * ($1?.count ?? 64) })
        writer.beginObject()
        writer.key("model")
        writer.write(model)
        if operation == .score {
            writer.key("scores")
            writeScores(to: &writer)
        } else {
            writer.key("items")
            writer.beginArray()
            var failures = results.failures[...]
            for encoded in results.encoded {
                if let encoded {
                    write(encoded, to: &writer)
                } else if let failure = failures.popFirst() {
                    writer.write(Self.jsonPlaceholder(for: failure))
                }
            }
            writer.endArray()
        }
        if !results.failures.isEmpty {
            writer.key("errors")
            writer.beginArray()
            for failure in results.failures {
                writer.write(
                    ["item_index": .int(Int64(failure.itemIndex)), "error": .string(failure.message)] as JSONValue)
            }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    private func writeScores(to writer: inout JSONWriter) {
        let encoded = results.encoded.first.flatMap(\.self) ?? [0x90]
        let isArray = encoded.withUnsafeBytes { (try? MessagePackReader($0).peek()) == .array }
        if !isArray { writer.beginArray() }
        write(encoded, to: &writer)
        if !isArray { writer.endArray() }
    }

    private func write(_ encoded: [UInt8], to writer: inout JSONWriter) {
        encoded.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            // `ItemResults` has walked the value, so reading it again cannot fail.
            try? writer.write(next: &reader)
        }
    }

    private static func jsonPlaceholder(for failure: ItemResults.Failure) -> JSONValue {
        ["error": ["code": .string(failure.code ?? "INTERNAL_ERROR"), "message": .string(failure.message)]]
    }
}
