/// What the reader of a transfer gets, in this order: one head, any number of bytes, an end; or a failure at any time.
package enum TransferElement: Sendable, Equatable {
    case head(CurlResponseHead)
    case bytes([UInt8])
    case end
    case failure(CurlError)
}
