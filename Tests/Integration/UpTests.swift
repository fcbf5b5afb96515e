import Foundation
import Glibc
import TestSupport
import Testing

/// `sie up` itself: it starts, stops, and fails as it says.
@Suite struct UpTests {
    /// A folder for the stack's temporary files, so that a test sees what is left of them.
    private final class TemporaryFolder: Sendable {
        let path = FileManager.default.temporaryDirectory.appending(path: "up-\(UUID().uuidString)").path
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var entries: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    }

    @Test("Ctrl-C and SIGTERM leave no process and no temporary directory", arguments: [SIGINT, SIGTERM])
    func stop(signal: Int32) async throws {
        let folder = try TemporaryFolder()
        let stack = try await UpStack(environment: ["TMPDIR": folder.path])
        let children = try stack.children()
        #expect(Set(children.keys) == ["nats-server", "sie-config", "sie-gateway", "sie-worker"])
        #expect(folder.entries.count == 1)
        stack.process.signal(signal)
        #expect(try await stack.process.exitCode() == 0)
        #expect(children.values.filter(ProcessTree.isRunning) == [])
        #expect(folder.entries == [])
    }

    @Test("the output names the address and three examples; logs carry their process's name")
    func output() async throws {
        let process = try await UpStack.shared.value.process
        for part in ["/v1/encode/", "/v1/embeddings", "from sie_sdk import SIEClient"] {
            #expect(process.standardOutput.contains(part))
        }
        for part in ["sie up: starting nats", "nats     | ", "sie up: everything is up"] {
            #expect(process.standardError.contains(part))
        }
    }

    @Test("when a process dies, the stack says which, shows its last lines, ends with 1 and leaves nothing")
    func childDies() async throws {
        let folder = try TemporaryFolder()
        let stack = try await UpStack(arguments: ["--quiet"], environment: ["TMPDIR": folder.path])
        let children = try stack.children()
        let worker = try #require(children["sie-worker"])
        kill(worker, SIGKILL)
        #expect(try await stack.process.exitCode() == 1)
        #expect(stack.process.standardError.contains("worker-1 was ended by signal 9"))
        #expect(stack.process.standardError.contains("The last lines of worker-1"))
        #expect(children.values.filter(ProcessTree.isRunning) == [])
        #expect(folder.entries == [])
    }

    @Test("no process outlives a sie that is killed with SIGKILL; the next start removes its directory")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let stack = try await UpStack(environment: ["TMPDIR": folder.path])
        let children = try stack.children()
        stack.process.signal(SIGKILL)
        try await stack.process.exitCode()
        let deadline = ContinuousClock.now + .seconds(5)
        while children.values.contains(where: ProcessTree.isRunning), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(children.values.filter(ProcessTree.isRunning) == [])
        #expect(folder.entries.count == 1)
        let next = try await UpStack(environment: ["TMPDIR": folder.path])
        #expect(folder.entries.count == 1)
        #expect(try await next.interrupt() == 0)
        #expect(folder.entries == [])
    }

    @Test("two workers both serve")
    func twoWorkers() async throws {
        let stack = try await UpStack(arguments: ["--workers", "2"])
        #expect(try stack.children().keys.filter { $0.hasPrefix("sie-worker") }.count == 2)
        let status = try await stack.client.get("/v1/configs/models/\(ReferenceTexts.model)/status")
        #expect(status.text.contains("worker-1") && status.text.contains("worker-2"))
        #expect(try await stack.interrupt() == 0)
    }

    @Test("--data-dir is kept, and used again")
    func dataDirectory() async throws {
        let folder = try TemporaryFolder()
        for _ in 0..<2 {
            let stack = try await UpStack(arguments: ["--data-dir", "\(folder.path)/data"])
            #expect(try await stack.client.encode(["hello"]).status == 200)
            #expect(try await stack.interrupt() == 0)
            #expect(folder.entries == ["data"])
        }
    }

    /// Runs `sie up` to its end, which must be exit code 1.
    private func failure(
        _ arguments: [String], environment: [String: String?] = [:], model: Bool = true
    ) async throws -> String {
        let process = try UpStack.start(arguments: arguments, environment: environment, model: model)
        #expect(try await process.exitCode() == 1)
        return process.standardError
    }

    @Test("a port in use, a missing model, a broken model and a missing nats-server say what to do")
    func failures() async throws {
        let busy = try await UpStack.shared.value.client.url.split(separator: ":").last.map(String.init)
        let port = try #require(busy)
        let inUse = try await failure(["--port", port])
        #expect(inUse.contains("port \(port) on 127.0.0.1 is in use") && inUse.contains("--port"))

        let missing = try await failure(["--model-dir", "/nonexistent"], model: false)
        #expect(missing.contains("/nonexistent does not exist") && missing.contains("model.safetensors"))

        let none = try await failure([], environment: ["HF_HOME": "/nonexistent", "SIE_MODEL_DIR": nil], model: false)
        #expect(none.contains("no model") && none.contains("--model-dir"))

        let folder = try TemporaryFolder()
        let broken = try await failure(["--model-dir", folder.path], model: false)
        #expect(broken.contains("config.json is missing"))
    }
}
