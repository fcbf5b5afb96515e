/// A position in a run of bytes, shown as scalars so that matchers read as the patterns they stand for.
struct ByteCursor {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }
    /// The next byte as a scalar; a byte of a longer UTF-8 sequence gives one outside ASCII, which matches nothing.
    var peek: Unicode.Scalar? { index < bytes.count ? Unicode.Scalar(bytes[index]) : nil }

    mutating func advance() { index += 1 }

    @discardableResult
    mutating func skip(_ isWanted: (Unicode.Scalar) -> Bool) -> Bool {
        guard let scalar = peek, isWanted(scalar) else { return false }
        index += 1
        return true
    }

    @discardableResult
    mutating func skipAll(_ isWanted: (Unicode.Scalar) -> Bool) -> Int {
        let start = index
        while let scalar = peek, isWanted(scalar) { index += 1 }
        return index - start
    }

    /// Reads from `minimum` to `maximum` decimal digits.
    mutating func digits(_ minimum: Int, _ maximum: Int) -> Int? {
        var number = 0
        var count = 0
        while count < maximum, let digit = peek, Self.isDigit(digit) {
            number = number * 10 + Int(digit.value - 0x30)
            count += 1
            index += 1
        }
        return count >= minimum ? number : nil
    }

    func rest(equals word: String) -> Bool { bytes[index...].elementsEqual(word.utf8) }
    func restSatisfies(_ isWanted: (Unicode.Scalar) -> Bool) -> Bool {
        bytes[index...].allSatisfy { isWanted(Unicode.Scalar($0)) }
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    static func isDigitOrUnderscore(_ scalar: Unicode.Scalar) -> Bool { isDigit(scalar) || scalar == "_" }
    static func isHexDigit(_ scalar: Unicode.Scalar) -> Bool {
        isDigit(scalar) || ("a"..."f").contains(scalar) || ("A"..."F").contains(scalar)
    }
}
