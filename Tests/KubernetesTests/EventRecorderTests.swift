import CurlClient
import JSONStream
import Kubernetes
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
        var options = KubernetesClient.Options()
        options.retries.retries = 0
        options.requestsPerSecond = 0
        return KubernetesClient(
            ClusterConfiguration(server: server.url, proxy: .none), curl: try CurlClient(), options: options)
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

    @Test("too much that waits leaves the oldest out, and a shutdown in good order writes what waits")
    func capacity() async throws {
        let server = try await FakeKubernetesAPIServer()
        var options = EventRecorder.Options()
        options.capacity = 3
        let recorder = EventRecorder(
            try fakeClient(server), controller: "c", instance: "i", options: options, logger: ClusterNamespace.logger)
        for index in 0..<5 { recorder.record(Self.object, reason: "R", action: "A", note: "\(index)") }
        #expect(recorder.dropped == 2)
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
    }
}
