/// What the reply subject of a JetStream message says about its delivery (NATS ADR-15).
public struct JetStreamMetadata: Sendable, Hashable {
    /// The stream it is stored in.
    public var stream: String
    /// The consumer that delivered it.
    public var consumer: String
    /// How often it was delivered, this time included.
    public var deliveryCount: UInt64
    /// Its sequence in the stream.
    public var streamSequence: UInt64
    /// The consumer's count of deliveries.
    public var consumerSequence: UInt64
    /// When it was stored, in nanoseconds since 1970.
    public var timestampNanoseconds: Int64
    /// How many messages the consumer has still to deliver.
    public var pendingCount: UInt64

    /// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, or the later form with
    /// domain and account hash before the stream and a random token at the end.
    init?(replySubject: some Sequence<UInt8>) {
        var tokens: [[UInt8]] = [[]]
        for byte in replySubject {
            if byte == UInt8(ascii: ".") { tokens.append([]) } else { tokens[tokens.count - 1].append(byte) }
        }
        let first: Int
        switch tokens.count {
        case 9: first = 2
        case 11...: first = 4
        default: return nil
        }
        func number<Number: FixedWidthInteger>(_ index: Int) -> Number? {
            Number(String(decoding: tokens[first + index], as: UTF8.self))
        }
        guard tokens[0].elementsEqual("$JS".utf8), tokens[1].elementsEqual("ACK".utf8),
            let deliveryCount: UInt64 = number(2), let streamSequence: UInt64 = number(3),
            let consumerSequence: UInt64 = number(4), let timestamp: Int64 = number(5),
            let pendingCount: UInt64 = number(6)
        else { return nil }
        self.stream = String(decoding: tokens[first], as: UTF8.self)
        self.consumer = String(decoding: tokens[first + 1], as: UTF8.self)
        self.deliveryCount = deliveryCount
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.timestampNanoseconds = timestamp
        self.pendingCount = pendingCount
    }
}
