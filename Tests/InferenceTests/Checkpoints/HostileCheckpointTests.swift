import FoundationEssentials
import Inference
import TestSupport
import Testing

@Suite("Checkpoints that cannot be used")
struct HostileCheckpointTests {
    private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "sie-\(UUID().uuidString).safetensors")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url.path)
    }

    private func file(header: String, data: Int = 0) -> [UInt8] {
        let text = Array(header.utf8)
        return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
            + [UInt8](repeating: 0, count: data)
    }

    @Test("a missing file is named")
    func missing() {
        do throws(CheckpointError) {
            _ = try SafetensorsFile(path: "/nowhere/model.safetensors")
            Issue.record("opened")
        } catch {
            #expect(error.file == "/nowhere/model.safetensors")
        }
    }

    @Test(
        "headers that lie are refused",
        arguments: [
            "[]", "{", #"{"a":1}"#, #"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
            // Two tensors on the same bytes, a hole between tensors, bytes after the last.
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        ])
    func lies(header: String) throws {
        try withFile(file(header: header, data: 8)) { path in
            #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test(
        "a header length beyond the file is refused",
        arguments: [
            [], [1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 127], [9, 0, 0, 0, 0, 0, 0, 0, 123],
        ] as [[UInt8]])
    func headerLength(bytes: [UInt8]) throws {
        try withFile(bytes) { path in
            #expect(throws: CheckpointError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test("random damage to a good file is refused or harmless, never a crash")
    func fuzz() throws {
        let good = file(
            header: #"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"__metadata__":{"x":"y"}}"#, data: 16)
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<500 {
            var bytes = good
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            try withFile(bytes) { path in _ = try? SafetensorsFile(path: path) }
        }
    }

    @Test("a wrong type or shape names the tensor")
    func tensorErrors() throws {
        try withFile(file(header: #"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, data: 8)) { path in
            let weights = try SafetensorsFile(path: path)
            do throws(CheckpointError) {
                _ = try weights.tensor("ids", shape: [1])
                Issue.record("read")
            } catch {
                #expect(error.description.contains("'ids'") && error.description.contains("I64"))
            }
            #expect(throws: CheckpointError.self) { try weights.tensor("absent", shape: [1]) }
        }
    }
}
