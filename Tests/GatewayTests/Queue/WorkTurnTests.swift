import Gateway
import MessagePack
import NIOCore
import TestSupport
import Testing
import Wire

@Suite("What comes in one turn")
struct WorkTurnTests {
    static let now = NIODeadline.uptimeNanoseconds(7)

    static func address(_ model: String = "org/mini", profile: String = "default", pool: String = "a") -> WorkAddress {
        WorkAddress(
            Route(modelID: model, profileID: profile, bundle: "default", pool: pool), operation: .encode,
            routerID: "router")
    }

    static func append(_ text: String, to turn: inout WorkTurn, _ address: WorkAddress) {
        turn.append(requestID: text, to: address, bodyBytes: text.utf8.count, at: now) { $0.write(text) }
    }

    static func texts(_ lane: WorkTurn.Lane) -> [String] {
        lane.items.compactMap { item in
            lane.bytes[item.bytes].withUnsafeBytes { bytes in
                var reader = MessagePackReader(bytes)
                return try? reader.readString()
            }
        }
    }

    @Test("items lie one behind the other as they were encoded, in the order of their coming")
    func order() {
        var turn = WorkTurn()
        let address = Self.address()
        for text in ["one", "two", "three"] { Self.append(text, to: &turn, address) }
        let lanes = turn.end()
        #expect(lanes.count == 1)
        #expect(lanes.map(Self.texts) == [["one", "two", "three"]])
        #expect(lanes[0].items.map(\.requestID) == ["one", "two", "three"])
        #expect(lanes[0].items.allSatisfy { $0.takenAt == Self.now })
        #expect(lanes[0].items.map(\.bytes.lowerBound) == [0, 4, 8])
        #expect(lanes[0].items.last?.bytes.upperBound == lanes[0].bytes.count)
    }

    @Test("what shares a subject shares a lane, whatever its profile; another model or pool is another lane")
    func lanes() {
        var turn = WorkTurn()
        let (mini, large) = (Self.address(), Self.address("org/large"))
        let (other, sparse) = (Self.address(pool: "b"), Self.address(profile: "sparse"))
        for (text, address) in [("1", mini), ("2", large), ("3", other), ("4", sparse), ("5", mini), ("6", large)] {
            Self.append(text, to: &turn, address)
        }
        let lanes = turn.end()
        #expect(lanes.map(Self.texts) == [["1", "4", "5"], ["2", "6"], ["3"]])
        #expect(lanes[0].items.map { $0.address === sparse } == [false, true, false])
    }

    @Test("a turn that is over leaves nothing to the next, and memory that came back holds nothing old")
    func next() {
        var turn = WorkTurn()
        #expect(turn.isEmpty && turn.end().isEmpty)
        Self.append("old", to: &turn, Self.address())
        #expect(!turn.isEmpty)
        for lane in turn.end() { turn.reuse(lane) }
        #expect(turn.isEmpty && turn.end().isEmpty)
        Self.append("new", to: &turn, Self.address())
        Self.append("newer", to: &turn, Self.address("org/large"))
        let lanes = turn.end()
        #expect(lanes.map(Self.texts) == [["new"], ["newer"]])
        // Kept bytes are not written over by what comes later.
        turn.reuse(lanes[0])
        Self.append("xyz", to: &turn, Self.address())
        #expect(Self.texts(lanes[0]) == ["new"])
        #expect(turn.end().map(Self.texts) == [["xyz"]])
    }

    @Test("whatever comes in whatever order, every item is in one lane, once", arguments: 0..<20)
    func complete(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let addresses = (0..<5).map { Self.address("org/model-\($0)") }
        var turn = WorkTurn()
        for _ in 0..<50 {
            var expected: [String: [String]] = [:]
            for number in 0..<Int.random(in: 0...40, using: &random) {
                let place = Int.random(in: addresses.indices, using: &random)
                let text = String(repeating: "\(number)", count: Int.random(in: 1...300, using: &random))
                expected["org/model-\(place)", default: []].append(text)
                Self.append(text, to: &turn, addresses[place])
            }
            let lanes = turn.end()
            #expect(lanes.count == expected.count)
            #expect(Set(lanes.map(Self.texts)) == Set(expected.values))
            if let lane = lanes.randomElement(using: &random), Bool.random(using: &random) { turn.reuse(lane) }
        }
    }
}
