import JSONStream
import Kubernetes
import TestSupport
import Testing

@Suite("List decoder")
struct ListDecoderTests {
    private static func list(_ pieces: [[UInt8]]) async throws -> ObjectList<ConfigMap> {
        var decoder = ListDecoder<ConfigMap>()
        for piece in pieces { try await decoder.add(piece) }
        return try await decoder.finish()
    }

    private static func pieces(_ text: [UInt8], cut: Int) -> [[UInt8]] { [Array(text[..<cut]), Array(text[cut...])] }

    private static func names(_ list: ObjectList<ConfigMap>) -> [String] {
        list.items.map { "\($0.key)=\($0.data?["k"] ?? "")" } + list.unreadable.map { "\($0.metadata.name ?? "")!" }
    }

    private static let text = Array(
        #"""
        {"apiVersion":"v1","items":[ {"metadata":{"name":"a","namespace":"n"},"data":{"k":"],[{\"\\"}} ,
        {"metadata":{"name":"b","managedFields":[{"f:items":["x"]}]}},{"metadata":{"name":"c"},"data":{"k":5}}
        ],"kind":"ConfigMapList","metadata":{"resourceVersion":"7","continue":"next","items":[1,2]}}
        """#.utf8)

    @Test("a list cut at every byte reads the same")
    func everySplit() async throws {
        for cut in 0...Self.text.count {
            let list = try await Self.list(Self.pieces(Self.text, cut: cut))
            #expect(Self.names(list) == [#"n/a=],[{"\"#, "b=", "c!"], "cut at \(cut)")
            #expect(list.metadata.resourceVersion == "7" && list.nextPage == "next")
        }
        let list = try await Self.list(Self.text.map { [$0] })
        #expect(Self.names(list).count == 3)
    }

    @Test("lists of nothing, in every way that servers say it, and items in another place")
    func odd() async throws {
        for text in [#"{"items":[]}"#, #"{"items":null,"metadata":{}}"#, #"{"metadata":{}}"#, #" { "items" : [ ] } "#] {
            #expect(try await Self.list([Array(text.utf8)]).items.isEmpty, "\(text)")
        }
        // Written as no server does, and the same all the same.
        let escaped = #"{"\u0069tems":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"1"}}"#
        #expect(try await Self.list([Array(escaped.utf8)]).items.map(\.key.name) == ["a"])
    }

    @Test(
        "what is no list is refused, wherever it is cut",
        arguments: [
            "", "[]", #"{"items":[{}"#, #"{"items":[{}]"#, #"{"items":[{},]}"#, #"{"items":[,{}]}"#,
            #"{"items":[{} {}]}"#, #"{"items":[{"a":}]}"#, #"{"items":[{}],"metadata":5}"#, #"{"items":{}}"#,
            #"{"items":[{}]]}"#, #"{"items":[{}]}{}"#, #"{"items":["x]}"#,
        ])
    func refused(_ text: String) async throws {
        let text = Array(text.utf8)
        for cut in 0...text.count {
            await #expect(throws: (any Error).self) { try await Self.list(Self.pieces(text, cut: cut)) }
        }
    }

    @Test("thousands of items keep their order, and damaged lists never crash")
    func many() async throws {
        let filling = String(repeating: "x", count: 200)
        let items = (0..<3000).map { #"{"metadata":{"name":"o\#($0)"},"data":{"k":"\#(filling)"}}"# }
        let text = Array(#"{"metadata":{"resourceVersion":"1"},"items":[\#(items.joined(separator: ","))]}"#.utf8)
        var generator = SeededGenerator(seed: 11)
        var pieces: [[UInt8]] = []
        var rest = text[...]
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...20_000, using: &generator))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(try await Self.list(pieces).items.map { $0.key.name } == (0..<3000).map { "o\($0)" })
        for _ in 0..<2000 {
            var damaged = Self.text
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: damaged.indices, using: &generator)
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            let cut = Int.random(in: 0...damaged.count, using: &generator)
            let whole = try? await Self.list([damaged])
            let parts = try? await Self.list(Self.pieces(damaged, cut: cut))
            #expect(whole.map(Self.names) == parts.map(Self.names))
        }
    }
}
