import CurlClient
import Foundation
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import Observability
import ServiceLifecycle
import TestSupport
import Testing

/// Events on a real API server, and on one that fails.
@Suite("Event recorder", .timeLimit(.minutes(2)))
struct EventRecorderTests {
    private func run(_ recorder: EventRecorder, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await recorder.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func fakeClient(_ server: FakeKubernetesAPIServer) throws -> KubernetesClient {
        try client(server.url)
    }

    private func client(_ url: String) throws -> KubernetesClient {
        var options = KubernetesClient.Options()
        options.retries.retries = 0
        options.requestsPerSecond = 0
        return KubernetesClient(
            ClusterConfiguration(server: url, proxy: .none), curl: try CurlClient(), options: options)
    }

    private static let object = ObjectReference(
        apiVersion: "v1", kind: "ConfigMap", namespace: "n", name: "a", uid: "1")

    @Test(
        "what happens to an object is an event of it, and the same again a series, on a real API server",
        .enabled(if: KubernetesAPIServer.isInstalled))
    func real() async throws {
        let namespace = try await ClusterNamespace()
        let client = try namespace.client()
        let map = try await client.resources(ConfigMap.self, in: namespace.name).create(
            ConfigMap(metadata: ObjectMeta(name: "a")))
        let recorder = EventRecorder(
            client, controller: "example.com/tests", instance: "pod-1", logger: ClusterNamespace.logger)
        recorder.record(map.reference, reason: "Made", action: "Make", note: String(repeating: "ü", count: 600))
        try await run(recorder) {
            for _ in 0..<3 {
                recorder.record(map.reference, .warning, reason: "Broken", action: "Mend", note: "it is broken")
            }
            await recorder.flush(within: .seconds(20))
        }
        let type = try await client.discovery.firstServed(of: [
            Event.resourceType, Event.resourceType.at(version: "v1beta1"),
        ])
        let events = try await client.resources(Event.self, at: try #require(type), in: namespace.name).listAll().items
        #expect(events.count == 2)
        let broken = try #require(events.first { $0.reason == "Broken" })
        #expect(broken.regarding == map.reference)
        #expect(broken.type == "Warning")
        #expect(broken.action == "Mend")
        #expect(broken.note == "it is broken")
        #expect(broken.series?.count == 3)
        #expect(broken.reportingController == "example.com/tests")
        #expect(broken.reportingInstance == "pod-1")
        let made = try #require(events.first { $0.reason == "Made" })
        #expect(made.type == "Normal" && made.series == nil)
        #expect(made.note?.utf8.count == 1023)
        // The same events in the old words, which kubectl reads.
        let old = try await client.resources(CoreEvent.self, in: namespace.name).listAll().items
        #expect(Set(old.map(\.message)) == Set(events.map(\.note)))
        #expect(old.allSatisfy { $0.involvedObject == map.reference })
    }

    @Test("servers without the events group get events of the core group, and count in them")
    func core() async throws {
        let server = try await FakeKubernetesAPIServer()
        // It answers 404 where it is asked for the group.
        let recorder = EventRecorder(
            try fakeClient(server), controller: "c", instance: "i", logger: ClusterNamespace.logger)
        try await run(recorder) {
            for _ in 0..<2 { recorder.record(Self.object, reason: "R", action: "A", note: "text") }
            await recorder.flush(within: .seconds(20))
        }
        let writes = server.requests.filter { $0.method != "GET" }
        #expect(writes.map(\.method) == ["POST", "PATCH"])
        let name = try #require(writes.first?.body["metadata"]?["name"]?.stringValue)
        let event = try #require(server.object(name, in: "/api/v1/events", namespace: "n"))
        #expect(event["message"] == "text")
        #expect(event["count"] == 2)
        #expect(event["involvedObject"]?["uid"] == "1")
        #expect(event["source"]?["component"] == "c")
    }

    @Test("failures that pass are waited for, others leave the event out, and an event that is gone is written anew")
    func failures() async throws {
        let server = try await FakeKubernetesAPIServer()
        let recorder = EventRecorder(
            try fakeClient(server), controller: "c", instance: "i", logger: ClusterNamespace.logger)
        func names() -> [String] {
            server.requests.filter { $0.method == "POST" }.compactMap { $0.body["message"]?.stringValue }
        }
        try await run(recorder) {
            server.fail(.status(503, reason: "ServiceUnavailable")) { $0.method == "POST" }
            recorder.record(Self.object, reason: "R", action: "A", note: "waits")
            await recorder.flush(within: .seconds(20))
            #expect(names() == ["waits", "waits"])
            server.fail(.status(403, reason: "Forbidden")) { $0.method == "POST" }
            recorder.record(Self.object, reason: "R", action: "A", note: "refused")
            await recorder.flush(within: .seconds(20))
            #expect(names() == ["waits", "waits", "refused"])
            let written = server.requests.last { $0.method == "POST" && $0.body["message"] == "waits" }
            server.remove(
                try #require(written?.body["metadata"]?["name"]?.stringValue), in: "/api/v1/events", namespace: "n")
            recorder.record(Self.object, reason: "R", action: "A", note: "waits")
            await recorder.flush(within: .seconds(20))
            let last = try #require(server.requests.last)
            #expect(last.method == "POST" && last.body["count"] == 2)
        }
    }

    @Test("eight objects' events are written at the same time")
    func several() async throws {
        // Answers to writes are held back until there are eight.
        let held = NIOLockedValueBox<[CheckedContinuation<Void, Never>]>([])
        let server = try await LoopbackHTTPServer { request, _ in
            guard request.method == "POST" else { return .text("{}", status: 404) }
            return .stream { index in
                guard index == 0 else { return nil }
                // The first goes alone: it finds out where events are kept.
                if !request.text.contains("first") {
                    await withCheckedContinuation { continuation in
                        let complete = held.withLockedValue { held in
                            held.append(continuation)
                            guard held.count == 8 else { return [CheckedContinuation<Void, Never>]() }
                            defer { held = [] }
                            return held
                        }
                        for continuation in complete { continuation.resume() }
                    }
                }
                return Array(#"{"metadata":{},"involvedObject":{}}"#.utf8)
            }
        }
        let recorder = EventRecorder(
            try client(server.url), controller: "c", instance: "i", logger: ClusterNamespace.logger)
        try await run(recorder) {
            recorder.record(Self.object, reason: "R", action: "A", note: "first")
            await recorder.flush(within: .seconds(20))
            for index in 0..<16 {
                var object = Self.object
                object.name = "\(index)"
                recorder.record(object, reason: "R", action: "A", note: "note")
            }
            await recorder.flush(within: .seconds(20))
        }
        #expect(server.requests.count { $0.method == "POST" } == 17)
        #expect(held.withLockedValue { $0.isEmpty })
    }

    @Test("an event that waits for its next attempt keeps nobody but its own object waiting")
    func order() async throws {
        let server = try await FakeKubernetesAPIServer()
        let recorder = EventRecorder(
            try fakeClient(server), controller: "c", instance: "i", logger: ClusterNamespace.logger)
        var other = Self.object
        other.name = "b"
        try await run(recorder) {
            recorder.record(other, reason: "R", action: "A", note: "0")
            await recorder.flush(within: .seconds(20))
            server.fail(.status(503, reason: "ServiceUnavailable")) { $0.method == "POST" && $0.body["message"] == "1" }
            for note in ["1", "2", "1"] { recorder.record(Self.object, reason: "R", action: "A", note: note) }
            recorder.record(other, reason: "R", action: "A", note: "3")
            await recorder.flush(within: .seconds(20))
        }
        let writes = server.requests.filter { $0.method != "GET" }
        #expect(writes.compactMap { $0.body["message"]?.stringValue }.filter { $0 != "3" } == ["0", "1", "1", "2"])
        #expect(writes.last?.method == "PATCH" && writes.last?.body["count"] == 2)
        // Told last, and there before the one that had to wait.
        let messages = writes.map { $0.body["message"]?.stringValue ?? "" }
        let again = try #require(messages.lastIndex(of: "1"))
        #expect(try #require(messages.firstIndex(of: "3")) < again)
    }

    @Test("too much that waits leaves the oldest out, counted and logged once; a shutdown in order writes what waits")
    func capacity() async throws {
        let server = try await FakeKubernetesAPIServer()
        let pipe = Pipe()
        let output = LogOutput(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor)
        let logger = Logger(label: "l") {
            StructuredLogHandler(label: $0, level: .info, format: .json, output: output)
        }
        let registry = MetricsRegistry()
        var options = EventRecorder.Options()
        options.capacity = 3
        let recorder = EventRecorder(
            try fakeClient(server), controller: "c", instance: "i", options: options,
            metrics: EventMetrics(registry: registry), logger: logger)
        for index in 0..<5 { recorder.record(Self.object, reason: "R", action: "A", note: "\(index)") }
        let group = ServiceGroup(services: [recorder], logger: ClusterNamespace.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await eventually("the first event") { server.requests.contains { $0.method == "POST" } }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        let notes = server.requests.filter { $0.method == "POST" }.compactMap {
            ($0.body["note"] ?? $0.body["message"])?.stringValue
        }
        #expect(notes == ["2", "3", "4"])
        let metrics = String(decoding: registry.render(), as: UTF8.self)
        #expect(metrics.contains(#"event_recorder_events_total{result="dropped"} 2"#))
        #expect(metrics.contains(#"event_recorder_events_total{result="written"} 3"#))
        output.flush()
        try pipe.fileHandleForWriting.close()
        let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.count { $0.contains("Events are left out") } == 1, "\(lines)")
    }
}
