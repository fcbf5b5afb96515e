import CurlClient

/// The events of one watch, for one reader. The connection pauses while the reader is behind, and closes when nobody
/// holds the stream any more.
public struct WatchStream<Object: KubernetesObject>: AsyncSequence, Sendable {
    public typealias Element = WatchEvent<Object>
    public typealias Failure = KubernetesError

    private let body: CurlBody
    private let operation: String

    init(_ body: CurlBody, operation: String) {
        self.body = body
        self.operation = operation
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var pieces: CurlBody.AsyncIterator
        fileprivate let operation: String
        fileprivate var decoder = WatchDecoder<Object>()

        public mutating func next() async throws(KubernetesError) -> WatchEvent<Object>? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(KubernetesError) -> WatchEvent<Object>? {
            while true {
                do throws(WatchDecoder<Object>.Failure) {
                    if let event = try decoder.next() { return event }
                } catch {
                    throw .malformed("the watch cannot be read: \(error)", operation: operation)
                }
                let piece: [UInt8]?
                do throws(CurlError) {
                    piece = try await pieces.next(isolation: actor)
                } catch {
                    throw .transport(error, operation: operation)
                }
                guard let piece else {
                    guard decoder.endsWithinEvent else { return nil }
                    throw .transport(.connectionLost("the watch ends within an event"), operation: operation)
                }
                decoder.add(piece)
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pieces: body.makeAsyncIterator(), operation: operation)
    }
}
