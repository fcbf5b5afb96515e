import MessagePack
import NIOCore
import Wire

/// Encodes the work items of requests, one at a time, into memory that it keeps.
struct WorkItemEncoder {
    /// What the reply subjects of all requests begin with.
    private let replyPrefix: String
    private var scratch = MessagePackWriter(capacity: 16 * 1024)

    init(routerID: String) {
        replyPrefix = Subjects.results(router: routerID, request: "")
    }

    /// The message encoded last.
    var item: [UInt8] { scratch.bytes }

    /// What encodes the items of one request.
    func writer(for queued: QueuedRequest) -> WorkItemWriter {
        WorkItemWriter(
            requestID: queued.id, totalItems: queued.request.workItemCount,
            parameters: queued.request.hasDefaultParameters ? .none : queued.request.parameters.encoded,
            reply: (prefix: replyPrefix, rest: queued.id),
            timestamp: queued.timestamp, traceParent: queued.traceParent, template: queued.address.template)
    }

    /// Encodes one work item.
    ///
    /// - Parameter bytes: those of the request's body.
    mutating func encode(
        _ queued: QueuedRequest, item index: Int, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter
    ) {
        scratch.removeAll()
        Self.append(queued, item: index, of: bytes, with: writer, to: &scratch)
    }

    /// Appends one work item to memory that somebody else keeps.
    static func append(
        _ queued: QueuedRequest, item index: Int, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter,
        to output: inout MessagePackWriter
    ) {
        if queued.request.operation == .score {
            if let key = queued.payloadKeys?[index] {
                writer.write(.scoreReference(key), index: 0, to: &output)
            } else {
                appendScore(queued.request, of: bytes, with: writer, to: &output)
            }
        } else if let key = queued.payloadKeys?[index] {
            writer.write(.itemReference(key), index: index, to: &output)
        } else {
            let item = UnsafeRawBufferPointer(rebasing: bytes[queued.request.items[index]])
            writer.write(.item(item), index: index, to: &output)
        }
    }

    /// Encodes some work items of a request, which is not for scores, into one message.
    mutating func encode(
        _ queued: QueuedRequest, batch part: Range<Int>, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter
    ) {
        scratch.removeAll()
        let payloads = part.map { index -> (index: Int, payload: WorkItemWriter.Payload) in
            if let key = queued.payloadKeys?[index] { return (index, .itemReference(key)) }
            return (index, .item(UnsafeRawBufferPointer(rebasing: bytes[queued.request.items[index]])))
        }
        writer.write(batch: payloads, to: &scratch)
    }

    /// The one work item of a score request: its query (an empty map where the caller sent none) and its candidates.
    private static func appendScore(
        _ request: InferenceRequest, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter,
        to output: inout MessagePackWriter
    ) {
        var items = MessagePackWriter()
        items.writeArrayHeader(request.items.count)
        for item in request.items { items.writeRaw(UnsafeRawBufferPointer(rebasing: bytes[item])) }
        let emptyMap: [UInt8] = [0x80]
        items.bytes.withUnsafeBytes { items in
            emptyMap.withUnsafeBytes { emptyMap in
                let query = request.query.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) } ?? emptyMap
                writer.write(.score(query: query, items: items), index: 0, to: &output)
            }
        }
    }
}

extension InferenceRequest.Parameters {
    /// As work items hold them.
    fileprivate var encoded: WorkItemParameters {
        WorkItemParameters(
            outputTypes: outputTypes, instruction: instruction, isQuery: isQuery, options: options, labels: labels,
            outputSchema: outputSchema)
    }
}
