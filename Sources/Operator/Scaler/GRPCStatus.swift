/// How a call ends that is not answered (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
package struct GRPCStatus: Error, Sendable, Hashable {
    package enum Code: Int, Sendable {
        case ok = 0
        case invalidArgument = 3
        case resourceExhausted = 8
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }

    /// The message as a header has it: everything but printable ASCII in percent signs.
    package var headerMessage: String {
        var text = ""
        for byte in message.utf8.prefix(1024) {
            if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }
}
