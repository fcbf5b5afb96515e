import MessagePack
import Wire

/// The results of a request, sorted into what can be answered and what went wrong.
package struct ItemResults: Sendable {
    package struct Failure: Equatable, Sendable {
        package var itemIndex: Int
        package var message: String
        package var code: String?
    }

    /// Each item's encoded result, nil where it failed.
    package var encoded: [[UInt8]?] = []
    package var failures: [Failure] = []
    /// The largest time of each stage over the items that succeeded, in milliseconds.
    package var slowest = WorkResult.Timings()

    package init(_ results: [WorkResult]) {
        encoded.reserveCapacity(results.count)
        for (index, result) in results.enumerated() {
            switch result.outcome {
            case .success(let bytes):
                // Whatever a worker packed is spliced unread, so it must at least be one whole value; nesting is
                // bounded here for all who read it later.
                guard Self.isOneValue(bytes) else {
                    fail(index, message: "the worker's result cannot be decoded", code: "internal_error")
                    continue
                }
                encoded.append(bytes)
                slowest.formMaximum(with: result.timings)
            case .failure(let message, let code):
                fail(index, message: message, code: code)
            }
        }
    }

    package var allFailed: Bool { failures.count == encoded.count }

    private mutating func fail(_ index: Int, message: String, code: String?) {
        encoded.append(nil)
        failures.append(Failure(itemIndex: index, message: message, code: code))
    }

    private static func isOneValue(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            return (try? reader.skip()) != nil && reader.isAtEnd
        }
    }
}

extension WorkResult.Timings {
    fileprivate mutating func formMaximum(with other: Self) {
        Self.raise(&queue, to: other.queue)
        Self.raise(&processing, to: other.processing)
        Self.raise(&inference, to: other.inference)
        Self.raise(&tokenization, to: other.tokenization)
        Self.raise(&postprocessing, to: other.postprocessing)
        Self.raise(&payloadFetch, to: other.payloadFetch)
    }

    private static func raise(_ largest: inout Double?, to time: Double?) {
        if let time { largest = max(largest ?? 0, time) }
    }
}
