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

    /// - Parameters:
    ///   - operation: what was asked for, which says what shape a result has.
    ///   - candidates: what was to be scored, each of which has an entry in the result; nil for anything.
    package init(_ results: [WorkResult], of operation: WorkItem.Operation, candidates: ScoreCandidates? = nil) {
        encoded.reserveCapacity(results.count)
        for (index, result) in results.enumerated() {
            switch result.outcome {
            case .success(let bytes):
                // Whatever a worker packed is spliced unread, so it must at least be one whole value, and one that
                // clients can look into; nesting is bounded here for all who read it later.
                guard let type = Self.typeOfOneValue(bytes) else {
                    fail(index, message: "the worker's result cannot be decoded", code: "internal_error")
                    continue
                }
                guard type == .map || type == .array && operation == .score else {
                    fail(index, message: "the worker's result is not a map", code: "internal_error")
                    continue
                }
                if let objection = candidates?.objection(to: bytes) {
                    fail(index, message: objection, code: "internal_error")
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

    private static func typeOfOneValue(_ bytes: [UInt8]) -> MessagePackType? {
        bytes.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            guard let type = try? reader.peek(), (try? reader.skip()) != nil, reader.isAtEnd else { return nil }
            return type
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
