import FoundationEssentials
import JSONStream
import Testing

@Suite("Typed values in and out of JSON trees")
struct CodableTests {
    private struct Inner: Codable, Equatable {
        var name: String
        var count: Int?
        var ratio: Double
    }

    private enum Choice: Codable, Equatable {
        case one(Int)
        case none
    }

    private final class Base: Codable {
        var number = 7
    }

    private struct Outer: Codable, Equatable {
        var inner: Inner
        var list: [Inner?]
        var map: [String: UInt64]
        var bytes: [UInt8]
        var flag: Bool
        var choice: Choice
        var tree: JSONValue
    }

    private let outer = Outer(
        inner: Inner(name: "a", count: nil, ratio: 0.1), list: [Inner(name: "b", count: 3, ratio: -1), nil],
        map: ["max": .max, "small": 1], bytes: [0, 255], flag: true, choice: .one(5),
        tree: ["a": [nil, 2.5, -7], "z": 1])

    @Test("what is encoded decodes to the same, members in the order of the type")
    func roundTrip() throws {
        let tree = try JSONValue(encoding: outer)
        #expect(try tree.decode(Outer.self) == outer)
        #expect(tree.objectValue?.map(\.key) == ["inner", "list", "map", "bytes", "flag", "choice", "tree"])
        #expect(tree["inner"]?["count"] == nil)
        #expect(tree["map"]?["max"] == .uint(.max))
        #expect(tree["map"]?["small"] == .int(1))
        #expect(tree["tree"] == outer.tree)
    }

    @Test("Foundation's coders read and write the same documents")
    func peer() throws {
        var outer = outer
        // Members of a tree have an order, which Foundation's coders draw anew in each process: one member has one order.
        outer.tree = ["a": [nil, 2.5, -7]]
        let tree = try JSONValue(encoding: outer)
        let data = try JSONEncoder().encode(outer)
        #expect(try JSONReader.decode(data).decode(Outer.self) == outer)
        #expect(try JSONDecoder().decode(Outer.self, from: Data(JSONWriter.encode(tree))) == outer)
        let ordinary: JSONValue = ["a": [true, -1, 0.5, "x", nil, ["b": []]]]
        #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(ordinary)) == ordinary)
    }

    @Test("the last of two equal members counts, in small objects and in large ones", arguments: [1, 40])
    func duplicates(extra: Int) throws {
        var members = [JSONMember("a", 1), JSONMember("a", 2)]
        for index in 0..<extra { members.append(JSONMember("k\(index)", 0)) }
        let map = try JSONValue.object(members).decode([String: Int].self)
        #expect(map["a"] == 2)
        #expect(map.count == extra + 1)
    }

    @Test("an error names the path of the member at fault")
    func errors() throws {
        let broken: JSONValue = ["inner": ["name": "a", "ratio": 1], "list": [nil, ["name": 3, "ratio": 1]]]
        struct Part: Decodable { var list: [Inner?] }
        let error = #expect(throws: DecodingError.self) { try broken.decode(Part.self) }
        guard case .typeMismatch(_, let context) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(context.codingPath.map(\.stringValue) == ["list", "1", "name"])
        #expect(context.debugDescription == "expected string, found integer")
    }

    @Test("numbers that the type cannot hold are errors, whole doubles are integers")
    func numbers() throws {
        #expect(try JSONValue.double(2).decode(Int.self) == 2)
        #expect(try JSONValue.int(2).decode(Double.self) == 2)
        #expect(throws: DecodingError.self) { try JSONValue.double(2.5).decode(Int.self) }
        #expect(throws: DecodingError.self) { try JSONValue.int(300).decode(UInt8.self) }
        #expect(throws: DecodingError.self) { try JSONValue.int(-1).decode(UInt.self) }
        #expect(throws: DecodingError.self) { try JSONValue.string("1").decode(Int.self) }
        #expect(throws: EncodingError.self) { try JSONValue(encoding: Double.nan) }
    }

    @Test("a value that encodes nothing is an empty object")
    func empty() throws {
        struct Nothing: Codable {}
        #expect(try JSONValue(encoding: Nothing()) == .object([]))
        #expect(try JSONValue(encoding: Base()).decode(Base.self).number == 7)
    }
}
