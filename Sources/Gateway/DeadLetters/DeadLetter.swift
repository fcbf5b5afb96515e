import NATSClient
import NIOCore
import Wire

/// A work item that no worker finished, as it is stored: under the model's name, with the item itself as payload and, in
/// its headers, what it was and how it ended.
package struct DeadLetter: Equatable, Sendable {
    package enum Header {
        package static let stream = "Sie-Stream"
        package static let consumer = "Sie-Consumer"
        package static let sequence = "Sie-Stream-Sequence"
        package static let deliveries = "Sie-Deliveries"
        package static let subject = "Sie-Subject"
        package static let model = "Sie-Model"
        package static let pool = "Sie-Pool"
        package static let requestID = "Sie-Request-Id"
        package static let itemIndex = "Sie-Item-Index"
    }

    /// A message as the work stream kept it.
    package struct Message: Sendable {
        package var subject: String
        package var payload: ByteBuffer

        package init(subject: String, payload: ByteBuffer) {
            self.subject = subject
            self.payload = payload
        }
    }

    package let subject: String
    /// The same for every gateway that hears of it, so that the stream keeps one.
    package let messageID: String
    package let headers: NATSHeaders
    package let payload: ByteBuffer

    /// The letters about a message that was given up: one for each item of a coalesced one, whose items are different
    /// callers', else one for the whole.
    package static func letters(
        _ advisory: DeadLetterAdvisory, stored: Message?, announced: ByteBuffer
    ) -> [DeadLetter] {
        let items = stored?.payload.withUnsafeReadableBytes { bytes -> [ByteBuffer]? in
            guard CoalescedItems.isCoalesced(bytes) else { return nil }
            return try? CoalescedItems.split(bytes).map { ByteBuffer(bytes: $0) }
        }
        guard let stored, let items, Subjects.modelToken(ofBatchSubject: stored.subject) != nil else {
            return [DeadLetter(advisory, stored: stored, announced: announced)]
        }
        return items.enumerated().map { place, item in
            DeadLetter(
                advisory, stored: Message(subject: stored.subject, payload: item), place: place, announced: announced)
        }
    }

    /// - Parameters:
    ///   - stored: the message that was given up; nil where the stream no longer has it, which leaves the advisory to be
    ///     stored.
    ///   - place: which of a message's items it is, where each has a letter.
    ///   - announced: the advisory as it came.
    package init(_ advisory: DeadLetterAdvisory, stored: Message?, place: Int? = nil, announced: ByteBuffer) {
        messageID = "\(advisory.stream).\(advisory.sequence)" + (place.map { ".\($0)" } ?? "")
        var headers: NATSHeaders = [
            Header.stream: advisory.stream, Header.consumer: advisory.consumer,
            Header.sequence: "\(advisory.sequence)", Header.deliveries: "\(advisory.deliveries)",
        ]
        payload = stored?.payload ?? announced
        guard let stored else {
            subject = "sie.dlq.\(advisory.stream).\(advisory.consumer).\(advisory.sequence)"
            self.headers = headers
            return
        }
        headers[Header.subject] = stored.subject
        let item = stored.payload.withUnsafeReadableBytes { try? WorkItem(decoding: $0) }
        // The subject was made from the model's name; the item holds the name itself.
        let token =
            (Subjects.modelToken(ofWorkSubject: stored.subject)
            ?? Subjects.modelToken(ofBatchSubject: stored.subject)).map(String.init)
        subject = "sie.dlq.\(token ?? messageID)"
        headers[Header.model] = Self.line(item?.modelID) ?? token.map { Subjects.model(fromToken: $0) }
        headers[Header.pool] = Self.line(item?.pool) ?? Self.pool(ofStream: advisory.stream)
        headers[Header.requestID] = Self.line(item?.requestID)
        headers[Header.itemIndex] = item.map { "\($0.itemIndex)" }
        self.headers = headers
    }

    /// The pool whose work a stream holds; nil for streams that are none of ours.
    package static func pool(ofStream stream: String) -> String? {
        for prefix in [Subjects.workStream(pool: ""), Subjects.batchStream(pool: "")]
        where stream.utf8.starts(with: prefix.utf8) && stream.utf8.count > prefix.utf8.count {
            return String(stream.dropFirst(prefix.count))
        }
        return nil
    }

    /// A value that fits a header line. Items come from the queue, where anybody may have put them.
    private static func line(_ text: String?) -> String? {
        guard let text, !text.isEmpty, text.utf8.count <= 256, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { return nil }
        return text
    }
}
