import JSONStream
import Synchronization

/// The messages that a listener saw, in order.
final class PublishedDeltas: Sendable {
    struct Message: Sendable {
        var subject: String
        var payload: JSONValue
    }

    private let messages = Mutex<[Message]>([])

    var all: [Message] { messages.withLock { $0 } }

    func append(_ subject: String, _ payload: some Sequence<UInt8>) {
        let json = (try? JSONReader.decode(payload)) ?? .null
        messages.withLock { $0.append(Message(subject: subject, payload: json)) }
    }

    func clear() { messages.withLock { $0 = [] } }
}
