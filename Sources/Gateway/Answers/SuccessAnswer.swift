import JSONStream
import MessagePack
import NIOCore
import NIOHTTP1
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

    package func answer(operation: WorkItem.Operation, messagePack: Bool) -> Answer {
        let body = messagePack ? messagePackBody(operation) : jsonBody(operation)
        return Answer(
            status: .ok, headers: headers(contentType: messagePack ? "application/x-msgpack" : "application/json"),
            body: ByteBuffer(bytes: body))
    }

    /// The headers of a 200: identity, and where the time went, in milliseconds.
    package func headers(contentType: String) -> HTTPHeaders {
        var headers = Answer.versionHeaders
        // What is added here, and what the server adds.
        headers.reserveCapacity(16)
        headers.add(name: "content-type", value: contentType)
        headers.add(name: "x-sie-request-id", value: requestID)
        headers.add(name: "x-sie-worker", value: "queue:\(requestID)")
        headers.add(name: "x-queue-publish-time", value: Self.milliseconds(timing.publish))
        headers.add(name: "x-queue-wait-time", value: Self.milliseconds(timing.wait))
        headers.add(name: "x-queue-time", value: FixedDecimal.text(results.slowest.queue ?? 0, decimals: 1))
        headers.add(name: "x-inference-time", value: FixedDecimal.text(results.slowest.inference ?? 0, decimals: 1))
        let optional = [
            ("x-tokenization-time", results.slowest.tokenization),
            ("x-postprocessing-time", results.slowest.postprocessing),
            ("x-payload-fetch-time", results.slowest.payloadFetch),
        ]
        for (name, time) in optional {
            if let time, time > 0 { headers.add(name: name, value: FixedDecimal.text(time, decimals: 1)) }
        }
        return headers
    }

    private static func milliseconds(_ time: TimeAmount) -> String {
        FixedDecimal.text(Double(time.nanoseconds) / 1e6, decimals: 1)
    }

    // MARK: MessagePack

    private func messagePackBody(_ operation: WorkItem.Operation) -> [UInt8] {
        let size = results.encoded.reduce(256 + model.utf8.count) { $0 + ($1?.count ?? 64) }
        var writer = MessagePackWriter(capacity: size)
        writer.writeMapHeader(results.failures.isEmpty ? 2 : 3)
        writer.write("model" as StaticString)
        writer.write(model)
        if operation == .score {
            writer.write("scores" as StaticString)
            writer.writeRaw(results.encoded.first.flatMap(\.self) ?? [0x90])
        } else {
            writer.write("items" as StaticString)
            writer.writeArrayHeader(results.encoded.count)
            var failures = results.failures[...]
            for encoded in results.encoded {
                if let encoded {
                    writer.writeRaw(encoded)
                } else if let failure = failures.popFirst() {
                    writer.writeMapHeader(1)
                    writer.write("error" as StaticString)
                    writer.writeMapHeader(2)
                    writer.write("code" as StaticString)
                    writer.write(failure.code ?? "INTERNAL_ERROR")
                    writer.write("message" as StaticString)
                    writer.write(failure.message)
                }
            }
        }
        guard !results.failures.isEmpty else { return writer.bytes }
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
        // A float32 takes 4 bytes packed and about 20 as text.
        var writer = JSONWriter(capacity: results.encoded.reduce(256) { $0 + 5 * ($1?.count ?? 64) })
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
                    writer.write(Self.placeholder(for: failure))
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

    private static func placeholder(for failure: ItemResults.Failure) -> JSONValue {
        ["error": ["code": .string(failure.code ?? "INTERNAL_ERROR"), "message": .string(failure.message)]]
    }
}
