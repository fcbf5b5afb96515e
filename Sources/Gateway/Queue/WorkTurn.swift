import MessagePack
import NIOCore

/// The work items of the requests that reached the queue in one turn of its event loop and may share messages: encoded as
/// they came, so that no request's body is kept, one behind the other for each subject.
package struct WorkTurn {
    /// The only work item of a request.
    package struct Item {
        package var requestID: String
        package var address: WorkAddress
        /// Where it lies in its lane's bytes.
        package var bytes: Range<Int>
        package var takenAt: NIODeadline
    }

    /// What goes to the same workers under the same subject.
    package struct Lane {
        package let address: WorkAddress
        package fileprivate(set) var items: [Item] = []
        fileprivate var writer: MessagePackWriter

        package var bytes: [UInt8] { writer.bytes }
    }

    /// The largest body whose item waits for others: what a message costs is nothing beside the bytes of larger ones.
    package static let maximumBodyBytes = 64 << 10

    /// Room for the item itself, beside what a body becomes of it.
    private static let itemHeadroomBytes = 1024
    /// The most bytes that are kept for the next turn.
    private static let maximumSpareBytes = 256 << 10

    private var lanes: [Lane] = []
    private var places: [String: Int] = [:]
    private var spare: MessagePackWriter?
    /// About what a lane takes: the most of the last turns.
    private var usualLaneBytes = 0

    package init() {}

    package var isEmpty: Bool { lanes.isEmpty }

    /// Takes a work item.
    ///
    /// - Parameters:
    ///   - bodyBytes: about how long it will be.
    ///   - encode: appends the item.
    package mutating func append(
        requestID: String, to address: WorkAddress, bodyBytes: Int, at now: NIODeadline,
        encode: (inout MessagePackWriter) -> Void
    ) {
        let place = place(of: address, bodyBytes: bodyBytes)
        let start = lanes[place].writer.count
        encode(&lanes[place].writer)
        lanes[place].items.append(
            Item(requestID: requestID, address: address, bytes: start..<lanes[place].writer.count, takenAt: now))
    }

    private mutating func place(of address: WorkAddress, bodyBytes: Int) -> Int {
        // Most turns know one model.
        if let last = lanes.last, last.address === address { return lanes.count - 1 }
        if let place = places[address.batchSubject] { return place }
        // Growing from one item to the length of many would copy each of them more than once.
        var writer =
            spare.take() ?? MessagePackWriter(capacity: max(bodyBytes + Self.itemHeadroomBytes, usualLaneBytes))
        writer.removeAll()
        lanes.append(Lane(address: address, writer: writer))
        places[address.batchSubject] = lanes.count - 1
        return lanes.count - 1
    }

    /// The turn is over: hands out what came in it, and begins the next one.
    package mutating func end() -> [Lane] {
        defer {
            lanes = []
            places.removeAll(keepingCapacity: true)
        }
        let longest = lanes.reduce(0) { max($0, $1.writer.count) }
        // A long turn is remembered for a while; a short one makes it be forgotten bit by bit.
        usualLaneBytes = min(max(longest, usualLaneBytes - usualLaneBytes / 8), Self.maximumSpareBytes)
        return lanes
    }

    /// Takes back the memory of a lane whose bytes nobody keeps.
    package mutating func reuse(_ lane: Lane) {
        if spare == nil, lane.writer.count <= Self.maximumSpareBytes { spare = lane.writer }
    }
}
