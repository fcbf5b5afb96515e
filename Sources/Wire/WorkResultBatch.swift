import MessagePack

/// The answers to several items in one message, as answers to a ``WorkItemBatch`` or to ``CoalescedItems``.
///
/// It is an array where a single result is a map. For items of one request it holds the request id, the worker id, and
/// the results, each `[index, result, [queue, processing, inference, tokenization, postprocessing, payload fetch]]` with
/// the result as binary and the times in milliseconds or nil, or `[index, message, code]` with the message as string. For
/// items of several requests it holds the worker id and the results, each with its request id in front of its index.
public struct WorkResultBatch: Sendable, Equatable {
    /// Results by one worker. Their work item ids are not carried.
    public var results: [WorkResult]

    public init(_ results: [WorkResult]) {
        self.results = results
    }

    /// Whether the bytes begin like a batch of results and not like a single one.
    public static func isBatch(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.first == ofOneRequest || bytes.first == ofSeveralRequests
    }

    /// What the two forms begin with: arrays of three, and of two.
    private static let ofOneRequest: UInt8 = 0x93
    private static let ofSeveralRequests: UInt8 = 0x92

    /// Decodes a batch whole: where one result cannot be read, none is.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(MessagePackError) {
        var reader = MessagePackReader(bytes)
        let length = try reader.readArrayHeader()
        guard length == 2 || length == 3 else { throw MessagePackError(.truncated, offset: 0) }
        let sharedID = length == 3 ? try reader.readRequestID() : nil
        let workerID = try reader.readStringOrNil()
        let count = try reader.readArrayHeader()
        guard count <= WorkItemBatch.maximumItems else {
            throw MessagePackError(.integerOverflow, offset: reader.offset)
        }
        results = []
        results.reserveCapacity(count)
        for _ in 0..<count {
            let start = reader.offset
            guard try reader.readArrayHeader() == (sharedID == nil ? 4 : 3) else {
                throw MessagePackError(.truncated, offset: start)
            }
            let requestID: String
            if let sharedID { requestID = sharedID } else { requestID = try reader.readRequestID() }
            var result = WorkResult(
                workItemID: "", requestID: requestID, itemIndex: 0, outcome: .success([]), workerID: workerID)
            try result.readEntry(from: &reader)
            results.append(result)
        }
        try reader.expectEnd()
    }

    /// Appends the message to `writer`.
    public func write(to writer: inout MessagePackWriter) {
        let requestID = results.first?.requestID ?? ""
        let isOfOneRequest = results.allSatisfy { $0.requestID == requestID }
        writer.writeArrayHeader(isOfOneRequest ? 3 : 2)
        if isOfOneRequest { writer.write(requestID) }
        writer.write(optional: results.first?.workerID)
        writer.writeArrayHeader(results.count)
        for result in results {
            writer.writeArrayHeader(isOfOneRequest ? 3 : 4)
            if !isOfOneRequest { writer.write(result.requestID) }
            result.writeEntry(to: &writer)
        }
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
        case .success(let blob): blob.count + requestID.utf8.count + 84
        case .failure(let message, let code):
            message.utf8.count + (code?.utf8.count ?? 0) + requestID.utf8.count + 36
        }
    }

    /// Writes what stands behind the request id.
    fileprivate func writeEntry(to writer: inout MessagePackWriter) {
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

extension MessagePackReader {
    fileprivate mutating func readRequestID() throws(MessagePackError) -> String {
        let start = offset
        let id = try readString()
        guard !id.isEmpty else { throw MessagePackError(.truncated, offset: start) }
        return id
    }
}
