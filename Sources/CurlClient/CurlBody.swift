/// The body of an answer as it comes, in pieces of any size, for one reader.
///
/// The transfer pauses while the reader is behind, and ends when nobody holds the body any more.
public struct CurlBody: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = CurlError

    /// Ends the transfer with the last reference to the body.
    fileprivate final class Lease: Sendable {
        let transfer: Transfer

        init(_ transfer: Transfer) { self.transfer = transfer }
        deinit { transfer.cancel() }

        func next() async throws(CurlError) -> [UInt8]? {
            switch await transfer.next() {
            case .head, .end: nil
            case .bytes(let bytes): bytes
            case .failure(let error): throw error
            }
        }
    }

    private let lease: Lease

    init(_ transfer: Transfer) {
        lease = Lease(transfer)
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let lease: Lease

        public mutating func next() async throws(CurlError) -> [UInt8]? {
            try await lease.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CurlError) -> [UInt8]? {
            let lease = lease
            return try await lease.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(lease: lease) }
}
