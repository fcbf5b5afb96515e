import HTTPService
import Wire

/// An inference route, as a request target names it.
enum InferenceEndpoint: Equatable, Sendable {
    /// `POST /v1/encode/{model}` and its kin. The model part of the path, which may be missing, is not decoded: it lies
    /// in these bytes of the target.
    case operation(WorkItem.Operation, model: Range<Int>)
    /// `POST /v1/embeddings`.
    case embeddings

    /// Where a request target belongs; nil for every other route.
    init?(target: UnsafeRawBufferPointer) {
        let path =
            target.firstIndex(of: UInt8(ascii: "?")).map { UnsafeRawBufferPointer(rebasing: target[..<$0]) } ?? target
        guard path.count > 4, path.begins("/v1/", at: 0) else { return nil }
        if path.count == 14, path.begins("embeddings", at: 4) {
            self = .embeddings
        } else if path.begins("encode/", at: 4) {
            self = .operation(.encode, model: 11..<path.count)
        } else if path.begins("score/", at: 4) {
            self = .operation(.score, model: 10..<path.count)
        } else if path.begins("extract/", at: 4) {
            self = .operation(.extract, model: 12..<path.count)
        } else {
            return nil
        }
    }

    init?(_ head: RequestHead) {
        guard let endpoint = head.withURIBytes({ InferenceEndpoint(target: $0) }) else { return nil }
        self = endpoint
    }

    var operation: WorkItem.Operation {
        switch self {
        case .operation(let operation, _): operation
        case .embeddings: .encode
        }
    }

    /// The `endpoint` label of request metrics.
    var label: String {
        switch self {
        case .operation(let operation, _): operation.rawValue
        case .embeddings: "embeddings"
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func begins(_ word: StaticString, at offset: Int) -> Bool {
        guard count - offset >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where self[offset + index] != word.utf8Start[index] { return false }
        return true
    }
}

extension String {
    /// The path of a request target: all before the query.
    var pathOfRequestTarget: Substring {
        utf8.firstIndex(of: UInt8(ascii: "?")).map { self[..<$0] } ?? self[...]
    }
}
