/// Unique identifiers for inboxes: 22 characters of base 62, a random prefix and a random start with random steps.
///
/// Shorter than a UUID, without the dots and wildcards that mean something in a subject.
public struct NUID: Sendable {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let prefixLength = 12
    private static let sequenceLength = 10
    /// 62^10, the number of different sequence parts.
    private static let sequenceCount: UInt64 = 839_299_365_868_340_224

    private var prefix: [UInt8]
    private var sequence: UInt64
    private var step: UInt64

    /// A generator with a prefix of its own.
    public init() {
        var random = SystemRandomNumberGenerator()
        self.prefix = (0..<Self.prefixLength).map { _ in Self.digits[Int.random(in: 0..<62, using: &random)] }
        self.sequence = .random(in: 0..<Self.sequenceCount, using: &random)
        self.step = .random(in: 33..<333, using: &random)
    }

    /// The next identifier of this generator.
    public mutating func next() -> String {
        sequence += step
        if sequence >= Self.sequenceCount { self = NUID() }
        var bytes = prefix
        var rest = sequence
        for _ in 0..<Self.sequenceLength {
            bytes.append(Self.digits[Int(rest % 62)])
            rest /= 62
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// One identifier from a fresh generator.
    public static func generate() -> String {
        var generator = NUID()
        return generator.next()
    }
}
