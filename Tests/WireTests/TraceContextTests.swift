import MessagePack
import TestSupport
import Testing
import Wire

@Suite("Trace context")
struct TraceContextTests {
    static let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("a header is read and written back")
    func roundTrip() throws {
        let context = try #require(TraceContext(header: Self.header))
        #expect(context.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.spanID == "b7ad6b7169203331")
        #expect(context.flags == "01")
        #expect(context.header == Self.header)
    }

    @Test("a child keeps the trace and its flags and has a span of its own")
    func child() throws {
        var generator = SeededGenerator(seed: 5)
        let context = try #require(TraceContext(header: Self.header))
        for _ in 0..<100 {
            let child = context.child(using: &generator)
            #expect(child.traceID == context.traceID && child.flags == "01" && child.spanID != context.spanID)
            #expect(TraceContext(header: child.header) == child)
        }
    }

    @Test(
        "what the specification does not allow is ignored",
        arguments: [
            "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "é0-0af7651916cd43dd8448eb211c80319c-b7ad6b716",
        ])
    func invalid(header: String) {
        #expect(TraceContext(header: header) == nil)
    }

    @Test("a newer version is read as far as it is known")
    func newerVersion() {
        let newer = TraceContext(header: "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes")
        #expect(newer?.header == Self.header)
    }

    @Test("a work item carries its trace only where there is one, and all other keys are the same")
    func workItem() throws {
        var shared = WorkItem()
        shared.requestID = "r"
        func written(_ shared: WorkItem) -> [UInt8] {
            var writer = MessagePackWriter()
            let item: [UInt8] = [0x80]
            item.withUnsafeBytes { WorkItemWriter(shared).write(.item($0), index: 0, to: &writer) }
            return writer.bytes
        }
        let plain = written(shared)
        shared.traceParent = Self.header
        let traced = written(shared)
        #expect(plain[0..<3] == [0xde, 0, 24])
        #expect(traced[0..<3] == [0xde, 0, 25])
        #expect(traced[3..<plain.count] == plain[3...])
        let decoded = try traced.withUnsafeBytes { try WorkItem(decoding: $0) }
        #expect(decoded.traceParent == Self.header)
        #expect(try plain.withUnsafeBytes { try WorkItem(decoding: $0) }.traceParent == nil)
    }
}
