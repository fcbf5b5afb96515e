import JSONStream

/// Reads a list as it comes: some items at a time, on as many cores as there are, while the server still sends. Neither the
/// text of the whole lies in memory nor a tree of it.
package struct ListDecoder<Object: KubernetesObject>: AnswerReader {
    /// Items that are read in one go.
    private struct Batch: Sendable {
        var text: [UInt8] = []
        /// Where each item ends.
        var ends: [Int] = []

        func decoded() throws -> ObjectList<Object> {
            var list = ObjectList<Object>()
            try text.withUnsafeBytes { bytes in
                var start = 0
                for end in ends {
                    var reader = JSONReader(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                    let document = try reader.readDocument(of: Object.self)
                    try reader.expectEnd()
                    list.add(document)
                    start = end
                }
            }
            return list
        }
    }

    /// Enough that handing them over costs nothing beside reading them.
    private static var batchBytes: Int { 128 << 10 }
    /// Batches that are read or wait for it; more stay with the server.
    private static var mostBatches: Int { 8 }

    private var splitter = ListSplitter()
    private var batch = Batch()
    private var reading: [Task<ObjectList<Object>, any Error>] = []
    private var list = ObjectList<Object>()

    package init() {}

    package mutating func add(_ piece: [UInt8]) async throws {
        try piece.withUnsafeBytes { bytes in
            try splitter.add(bytes) { item in
                batch.text += item
                batch.ends.append(batch.text.count)
            }
        }
        if batch.text.count >= Self.batchBytes { try await handOver() }
    }

    package mutating func finish() async throws -> ObjectList<Object> {
        try await handOver()
        while !reading.isEmpty { try await takeFirst() }
        try splitter.rest.withUnsafeBytes { try list.read($0) }
        return list
    }

    private mutating func handOver() async throws {
        guard !batch.ends.isEmpty else { return }
        reading.append(Task { [batch] in try batch.decoded() })
        batch = Batch()
        if reading.count >= Self.mostBatches { try await takeFirst() }
    }

    /// In the order of the list.
    private mutating func takeFirst() async throws {
        list.append(try await reading.removeFirst().value)
    }
}
