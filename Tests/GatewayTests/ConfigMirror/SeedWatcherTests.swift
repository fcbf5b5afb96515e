import Catalog
import Foundation
import Gateway
import Logging
import Observability
import ServiceLifecycle
import Synchronization
import Testing
import Wire

@Suite("Seeds that change", .timeLimit(.minutes(1)))
struct SeedWatcherTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    static let bundle = "name: default\nadapters: [st]\n"

    static func model(_ id: String) -> String { "sie_id: \(id)\nprofiles: {default: {adapter_path: 'st:A'}}\n" }

    /// Two directories with one bundle and one model, for the length of `body`.
    static func withSeeds(_ body: (SeedDirectories) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "seeds-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in [("bundles/default.yaml", bundle), ("models/a.yaml", model("a"))] {
            try write(text, to: folder.appending(path: path).path)
        }
        try await body(
            SeedDirectories(
                bundles: folder.appending(path: "bundles").path, models: folder.appending(path: "models").path))
    }

    static func write(_ text: String, to path: String) throws {
        let url = URL(filePath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url, options: .atomic)
    }

    /// Runs a watcher; `body` gets what it loads.
    static func watching(
        _ seeds: SeedDirectories, comparesContents: Bool,
        body: (inout AsyncStream<Registry>.AsyncIterator) async throws -> Void
    ) async throws {
        let (loaded, continuation) = AsyncStream.makeStream(of: Registry.self)
        let watcher = SeedWatcher(
            directories: seeds, schedule: .init(interval: .milliseconds(10), comparesContents: comparesContents),
            logger: logger, reload: { continuation.yield($0) })
        let group = ServiceGroup(configuration: .init(services: [.init(service: watcher)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            // The watcher takes what it sees first for what is loaded.
            try await Task.sleep(for: .milliseconds(50))
            var iterator = loaded.makeAsyncIterator()
            try await body(&iterator)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test("new, changed and removed files are picked up", arguments: [false, true])
    func followed(comparesContents: Bool) async throws {
        try await Self.withSeeds { seeds in
            try await Self.watching(seeds, comparesContents: comparesContents) { loaded in
                try Self.write(Self.model("b"), to: "\(seeds.models)/b.yaml")
                #expect(await loaded.next()?.modelIDs == ["a", "b"])
                try Self.write(Self.model("c"), to: "\(seeds.models)/b.yaml")
                #expect(await loaded.next()?.modelIDs == ["a", "c"])
                try FileManager.default.removeItem(atPath: "\(seeds.models)/a.yaml")
                #expect(await loaded.next()?.modelIDs == ["c"])
                try Self.write("name: more\nadapters: [x]\n", to: "\(seeds.bundles)/more.yaml")
                #expect(await loaded.next()?.bundles.map(\.id) == ["default", "more"])
            }
        }
    }

    @Test("a file with a mistake changes nothing until it is mended")
    func mistakes() async throws {
        try await Self.withSeeds { seeds in
            try await Self.watching(seeds, comparesContents: false) { loaded in
                try Self.write("{[", to: "\(seeds.models)/b.yaml")
                try await Task.sleep(for: .milliseconds(80))
                try Self.write(Self.model("b"), to: "\(seeds.models)/b.yaml")
                #expect(await loaded.next()?.modelIDs == ["a", "b"])
            }
            #expect(throws: CatalogError.self) {
                try Seeds.loadStrictly(SeedDirectories(bundles: seeds.bundles, models: "\(seeds.models)/none"))
            }
        }
    }

    @Test("the volume of a ConfigMap is told by its link called ..data; a switched link is a change")
    func mounts() async throws {
        try await Self.withSeeds { seeds in
            #expect(!seeds.areMounted)
            #expect(!SeedDirectories(bundles: "/none", models: "/none").areMounted)
            let data = "\(seeds.models)/..data"
            try Self.write("a file", to: data)
            #expect(!seeds.areMounted)
            try FileManager.default.removeItem(atPath: data)
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
            #expect(!seeds.areMounted)
            try FileManager.default.removeItem(atPath: data)

            for (version, id) in [("..1", "one"), ("..2", "two")] {
                try Self.write(Self.model(id), to: "\(seeds.models)/\(version)/m.yaml")
            }
            try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: "..1")
            try FileManager.default.createSymbolicLink(
                atPath: "\(seeds.models)/m.yaml", withDestinationPath: "..data/m.yaml")
            #expect(seeds.areMounted)
            for comparesContents in [false, true] {
                let before = seeds.fingerprint(comparingContents: comparesContents)
                #expect(before == seeds.fingerprint(comparingContents: comparesContents))
                try FileManager.default.removeItem(atPath: data)
                try FileManager.default.createSymbolicLink(
                    atPath: data, withDestinationPath: comparesContents ? "..1" : "..2")
                #expect(before != seeds.fingerprint(comparingContents: comparesContents))
            }
            let every5 = SeedWatcher.Schedule(interval: .seconds(5), comparesContents: true)
            #expect(SeedWatcher.Schedule(for: seeds, forcesPolling: false) == every5)
            let plain = SeedDirectories(bundles: seeds.bundles, models: seeds.bundles)
            #expect(SeedWatcher.Schedule(for: plain, forcesPolling: true) == every5)
            #expect(
                SeedWatcher.Schedule(for: plain, forcesPolling: false)
                    == .init(interval: .seconds(1), comparesContents: false))
        }
    }

    @Test("changes from many sides at once lose nothing", arguments: [(16, 25), (32, 1)])
    func concurrentAdds(writers: Int, each: Int) async throws {
        let published = Mutex(0)
        let mirror = ConfigMirror(
            seeds: Registry(bundles: [Bundle(id: "default", adapters: ["st"])]), client: nil, connection: nil,
            trust: ProducerTrust(producers: []), metrics: ConfigMetrics(registry: MetricsRegistry()),
            logger: Self.logger, publish: { registry in published.withLock { $0 = registry.models.count } })
        await withTaskGroup(of: Void.self) { tasks in
            for writer in 0..<writers {
                tasks.addTask {
                    for index in 0..<each {
                        let id = "m\(writer)-\(index)"
                        mirror.apply(
                            ConfigDelta(
                                producerID: "p", bundleID: "default", epoch: UInt64(writer * each + index + 1),
                                bundleConfigHash: "", modelID: id,
                                modelConfig: "{sie_id: \(id), profiles: {default: {adapter_path: 'st:A'}}}"))
                    }
                }
            }
        }
        #expect(mirror.current.registry.models.count == writers * each)
        #expect(published.withLock { $0 } == writers * each, "the last catalogue published is the whole one")
        #expect(mirror.current.epoch == UInt64(writers * each))
    }
}
