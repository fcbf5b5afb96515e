import MessagePack

/// The answer to one work item as it travels from worker to gateway (gateway contract 4.7, worker contract 2.11).
public struct WorkResult: Sendable, Equatable {
    /// How long the stages took, in milliseconds; nil where a stage was not reported.
    public struct Timings: Sendable, Equatable {
        /// From the gateway's publish to the start of the work; includes the difference of the two clocks.
        public var queue: Double?
        public var processing: Double?
        public var inference: Double?
        public var tokenization: Double?
        public var postprocessing: Double?
        public var payloadFetch: Double?

        public init() {}
    }

    public enum Outcome: Sendable, Equatable {
        /// The result as MessagePack: for encode one map, for score the list of entries, for extract one map.
        case success([UInt8])
        case failure(message: String, code: String?)
    }

    public var workItemID: String
    public var requestID: String
    public var itemIndex: Int
    public var outcome: Outcome
    public var timings: Timings
    public var workerID: String?

    public init(
        workItemID: String, requestID: String, itemIndex: Int, outcome: Outcome, timings: Timings = Timings(),
        workerID: String? = nil
    ) {
        self.workItemID = workItemID
        self.requestID = requestID
        self.itemIndex = itemIndex
        self.outcome = outcome
        self.timings = timings
        self.workerID = workerID
    }

    /// Decodes a result; only `request_id` must be there, unknown keys are passed over.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(MessagePackError) {
        var reader = MessagePackReader(bytes)
        self.init(workItemID: "", requestID: "", itemIndex: 0, outcome: .failure(message: "", code: nil))
        var success = false
        var blob: [UInt8] = []
        var message: String?
        var code: String?
        for _ in 0..<(try reader.readMapHeader()) {
            let key = try reader.readStringBytes()
            if key.matches("work_item_id") {
                workItemID = try reader.readStringOrNil() ?? ""
            } else if key.matches("request_id") {
                requestID = try reader.readString()
            } else if key.matches("item_index") {
                itemIndex = Int(clamping: try reader.readUInt())
            } else if key.matches("success") {
                success = try reader.readNilIfPresent() ? false : try reader.readBool()
            } else if key.matches("result_msgpack") {
                blob = try reader.readNilIfPresent() ? [] : [UInt8](try reader.readBinary())
            } else if key.matches("error") {
                message = try reader.readStringOrNil()
            } else if key.matches("error_code") {
                code = try reader.readStringOrNil()
            } else if key.matches("worker_id") {
                workerID = try reader.readStringOrNil()
            } else if try !timings.read(key, from: &reader) {
                try reader.skip()
            }
        }
        guard !requestID.isEmpty else { throw MessagePackError(.truncated, offset: reader.offset) }
        outcome = success ? .success(blob) : .failure(message: message ?? "", code: code)
    }

    /// Appends the message to `writer` in the reference's key order.
    public func write(to writer: inout MessagePackWriter) {
        switch outcome {
        case .success(let blob):
            let optional = [timings.tokenization, timings.postprocessing, timings.payloadFetch].compactMap(\.self)
            writer.writeMapHeader(9 + optional.count)
            writeIdentity(success: true, to: &writer)
            writer.write("result_msgpack" as StaticString)
            writer.writeBinary(blob)
            writer.write("queue_ms" as StaticString)
            writer.write(timings.queue ?? 0)
            writer.write("processing_ms" as StaticString)
            writer.write(timings.processing ?? 0)
            writer.write("worker_id" as StaticString)
            writer.write(workerID ?? "")
            writer.write("inference_ms" as StaticString)
            writer.write(timings.inference ?? 0)
            if let tokenization = timings.tokenization {
                writer.write("tokenization_ms" as StaticString)
                writer.write(tokenization)
            }
            if let postprocessing = timings.postprocessing {
                writer.write("postprocessing_ms" as StaticString)
                writer.write(postprocessing)
            }
            if let payloadFetch = timings.payloadFetch {
                writer.write("payload_fetch_ms" as StaticString)
                writer.write(payloadFetch)
            }
        case .failure(let message, let code):
            writer.writeMapHeader(7)
            writeIdentity(success: false, to: &writer)
            writer.write("error" as StaticString)
            writer.write(message)
            writer.write("error_code" as StaticString)
            writer.write(optional: code)
            writer.write("worker_id" as StaticString)
            writer.write(workerID ?? "")
        }
    }

    private func writeIdentity(success: Bool, to writer: inout MessagePackWriter) {
        writer.write("work_item_id" as StaticString)
        writer.write(workItemID)
        writer.write("request_id" as StaticString)
        writer.write(requestID)
        writer.write("item_index" as StaticString)
        writer.write(itemIndex)
        writer.write("success" as StaticString)
        writer.write(success)
    }

    /// The bytes of `request_id` in an encoded result, found without decoding the rest; nil where there is none.
    public static func requestID(in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var reader = MessagePackReader(bytes)
        guard let count = try? reader.readMapHeader() else { return nil }
        for _ in 0..<count {
            guard let key = try? reader.readStringBytes() else { return nil }
            if key.matches("request_id") { return try? reader.readStringBytes() }
            guard (try? reader.skip()) != nil else { return nil }
        }
        return nil
    }
}

extension WorkResult.Timings {
    /// Reads the value of a key that names a stage.
    /// - Returns: false, with nothing read, where it names none.
    fileprivate mutating func read(
        _ key: UnsafeRawBufferPointer, from reader: inout MessagePackReader
    ) throws(MessagePackError) -> Bool {
        if key.matches("queue_ms") {
            queue = try reader.readDoubleOrNil()
        } else if key.matches("processing_ms") {
            processing = try reader.readDoubleOrNil()
        } else if key.matches("inference_ms") {
            inference = try reader.readDoubleOrNil()
        } else if key.matches("tokenization_ms") {
            tokenization = try reader.readDoubleOrNil()
        } else if key.matches("postprocessing_ms") {
            postprocessing = try reader.readDoubleOrNil()
        } else if key.matches("payload_fetch_ms") {
            payloadFetch = try reader.readDoubleOrNil()
        } else {
            return false
        }
        return true
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are the ASCII text `name`; compared in place, as keys are on the hot path.
    package func matches(_ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != name.utf8Start[index] { return false }
        return true
    }
}
