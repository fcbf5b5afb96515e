import MessagePack

/// The answers to several items of one request in one message, as answers to a ``WorkItemBatch``.
///
/// It is an array where a single result is a map: request id, worker id, and the results, each
/// `[index, result, [queue, processing, inference, tokenization, postprocessing, payload fetch]]` with the result as
/// binary and the times in milliseconds or nil, or `[index, message, code]` with the message as string.
public struct WorkResultBatch: Sendable, Equatable {
    /// Results of one request by one worker. Their work item ids are not carried.
    public var results: [WorkResult]

    public init(_ results: [WorkResult]) {
        self.results = results
    }

    /// Whether the bytes begin like a batch of results and not like a single one.
    public static func isBatch(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.first == 0x93
    }

    /// Decodes a batch whole: where one result cannot be read, none is.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(MessagePackError) {
        var reader = MessagePackReader(bytes)
        guard try reader.readArrayHeader() == 3 else { throw MessagePackError(.truncated, offset: 0) }
        let requestID = try reader.readString()
        guard !requestID.isEmpty else { throw MessagePackError(.truncated, offset: reader.offset) }
        let workerID = try reader.readStringOrNil()
        let count = try reader.readArrayHeader()
        guard count <= WorkItemBatch.maximumItems else {
            throw MessagePackError(.integerOverflow, offset: reader.offset)
        }
        results = []
        results.reserveCapacity(count)
        for _ in 0..<count {
            var result = WorkResult(
                workItemID: "", requestID: requestID, itemIndex: 0, outcome: .success([]), workerID: workerID)
            try result.readEntry(from: &reader)
            results.append(result)
        }
        try reader.expectEnd()
    }

    /// Appends the message to `writer`.
    public func write(to writer: inout MessagePackWriter) {
        writer.writeArrayHeader(3)
        writer.write(results.first?.requestID ?? "")
        writer.write(optional: results.first?.workerID)
        writer.writeArrayHeader(results.count)
        for result in results { result.writeEntry(to: &writer) }
    }

    /// The results in as few messages as may be of about `bytes` each; one result larger than that has a message of its
    /// own.
    public static func messages(of results: [WorkResult], bytes: Int) -> [WorkResultBatch] {
        var messages: [WorkResultBatch] = []
        var size = 0
        for result in results {
            let next = result.entryBytes
            if messages.isEmpty || size + next > bytes
                || messages[messages.count - 1].results.count
                    == WorkItemBatch.maximumItems
            {
                messages.append(WorkResultBatch([]))
                size = 0
            }
            messages[messages.count - 1].results.append(result)
            size += next
        }
        return messages
    }
}

extension WorkResult {
    /// About what an entry takes, never less.
    fileprivate var entryBytes: Int {
        switch outcome {
        case .success(let blob): blob.count + 80
        case .failure(let message, let code): message.utf8.count + (code?.utf8.count ?? 0) + 32
        }
    }

    fileprivate func writeEntry(to writer: inout MessagePackWriter) {
        writer.writeArrayHeader(3)
        writer.write(itemIndex)
        switch outcome {
        case .success(let blob):
            writer.writeBinary(blob)
            writer.writeArrayHeader(6)
            for time in [
                timings.queue, timings.processing, timings.inference, timings.tokenization, timings.postprocessing,
                timings.payloadFetch,
            ] {
                if let time { writer.write(time) } else { writer.writeNil() }
            }
        case .failure(let message, let code):
            writer.write(message)
            writer.write(optional: code)
        }
    }

    fileprivate mutating func readEntry(from reader: inout MessagePackReader) throws(MessagePackError) {
        let start = reader.offset
        guard try reader.readArrayHeader() == 3 else { throw MessagePackError(.truncated, offset: start) }
        itemIndex = Int(clamping: try reader.readUInt())
        guard try reader.peek() == .binary else {
            outcome = .failure(message: try reader.readString(), code: try reader.readStringOrNil())
            return
        }
        outcome = .success([UInt8](try reader.readBinary()))
        guard try reader.readArrayHeader() == 6 else { throw MessagePackError(.truncated, offset: reader.offset) }
        timings.queue = try reader.readDoubleOrNil()
        timings.processing = try reader.readDoubleOrNil()
        timings.inference = try reader.readDoubleOrNil()
        timings.tokenization = try reader.readDoubleOrNil()
        timings.postprocessing = try reader.readDoubleOrNil()
        timings.payloadFetch = try reader.readDoubleOrNil()
    }
}
