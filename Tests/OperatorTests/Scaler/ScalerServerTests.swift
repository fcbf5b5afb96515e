import Foundation
import JSONStream
import Logging
import NIOPosix
import Operator
import ServiceLifecycle
import TestSupport
import Testing

/// The server as KEDA calls it: by gRPC's own library, with messages of protobuf's own library.
@Suite("Server of the scaler", .timeLimit(.minutes(1)))
struct ScalerServerTests {
    private static let group = WorkerGroupName(bundle: "default", machineProfile: "l4")
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Serves a feed around a test, and shuts down in good order after it.
    private func serve(
        _ feed: DemandFeed, tls: ScalerTLS? = nil, _ body: (_ port: Int, _ group: ServiceGroup) async throws -> Void
    ) async throws {
        let server = ScalerServer(
            host: "127.0.0.1", port: 0, feed: feed, tls: tls, group: MultiThreadedEventLoopGroup.singleton,
            logger: Self.logger)
        let port = try await server.bind()
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [.init(service: server)], logger: Self.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            defer { tasks.cancelAll() }
            try await body(port, services)
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func tell(_ feed: DemandFeed, pending: Bool = false, depth: Int = 0) {
        feed.update { book, now in
            book.follow(["a": "gateway-a"], now: now)
            book.take(
                GatewayDemand(
                    pending: pending ? [.init(Self.group)] : [], workers: [.init("w0", Self.group, queueDepth: depth)]),
                of: "a", now: now)
        }
    }

    @Test(
        "KEDA learns the targets, is refused while nothing is known, wakes up at once, and is sent away at the end",
        .enabled(if: PythonProcess.isInstalled))
    func keda() async throws {
        let feed = DemandFeed()
        try await serve(feed) { port, services in
            let client = try PythonProcess(
                try Fixtures.text("operator/externalscaler.py") + Fixtures.text("operator/keda_client.py"),
                arguments: ["127.0.0.1:\(port)", "default", "l4"])
            var seen: [String] = []
            var woken: ContinuousClock.Instant?
            var wake = Duration.zero
            for await line in client.lines {
                seen.append(line)
                let said = try JSONReader.decode(Array(line.utf8))
                if said["poll"]?["failure"]?["code"] == "UNAVAILABLE" {
                    #expect(
                        said["poll"]?["failure"]?["details"] == "no replica of the gateway is known yet")
                    tell(feed)
                } else if let poll = said["poll"], poll["isActive"] == false {
                    #expect(poll["metrics"] == ["sie_queue": [0, 0.0], "sie_capacity": [0, 0.0]])
                    woken = .now
                    tell(feed, pending: true, depth: 25)
                } else if said["stream"] == true {
                    wake = woken.map { $0.duration(to: .now) } ?? .seconds(99)
                } else if let poll = said["poll"], poll["isActive"] == true {
                    #expect(poll["metrics"] == ["sie_queue": [25, 25.0], "sie_capacity": [1, 1.0]])
                    await services.triggerGracefulShutdown()
                } else if let end = said["streamEnd"] {
                    #expect(end["code"] == "UNAVAILABLE" && end["details"] == "this operator shuts down")
                }
            }
            #expect(client.errors.isEmpty, "\(client.errors)")
            #expect(seen.first == #"{"specs": {"sie_queue": [10, 10.0], "sie_capacity": [1, 1.0]}}"#)
            #expect(seen.contains { $0.contains("optional") && $0.contains("UNIMPLEMENTED") })
            #expect(seen.contains(#"{"stream": true}"#) && seen.contains { $0.contains("streamEnd") }, "\(seen)")
            #expect(wake < .seconds(1), "\(wake)")
        }
    }

    // MARK: TLS

    /// What a call over TLS gets.
    private func call(_ port: Int, _ files: String...) async throws -> JSONValue? {
        let client = try PythonProcess(
            try Fixtures.text("operator/externalscaler.py") + Fixtures.text("operator/scaler_call.py"),
            arguments: ["127.0.0.1:\(port)", "default", "l4"] + files)
        var answer: JSONValue?
        for await line in client.lines { answer = try JSONReader.decode(Array(line.utf8)) }
        return answer
    }

    @Test(
        "with a certificate only TLS is spoken, clients show theirs where it is wanted, and replaced files count at once",
        .enabled(if: PythonProcess.isInstalled))
    func tls() async throws {
        let (first, second) = (try TestCertificates(), try TestCertificates())
        let files = ScalerTLS.Files(
            certificate: first.path("server.pem"), key: first.path("server.key"),
            clientAuthorities: first.path("ca.pem"))
        let tls = try ScalerTLS(files, interval: .zero, logger: Self.logger)
        try await serve(DemandFeed(), tls: tls) { port, _ in
            let told: JSONValue = ["specs": ["sie_queue", "sie_capacity"]]
            let identity = (first.path("client.pem"), first.path("client.key"))
            #expect(try await call(port, first.path("ca.pem"), identity.0, identity.1) == told)
            #expect(try await call(port, first.path("ca.pem"))?["failure"] == "UNAVAILABLE")
            #expect(try await call(port, second.path("ca.pem"), identity.0, identity.1)?["failure"] == "UNAVAILABLE")
            // A key that does not fit yet leaves the last pair in force.
            try Self.replace(first.path("server.pem"), with: second.path("server.pem"))
            #expect(try await call(port, first.path("ca.pem"), identity.0, identity.1) == told)
            try Self.replace(first.path("server.key"), with: second.path("server.key"))
            #expect(try await call(port, second.path("ca.pem"), identity.0, identity.1) == told)
        }
    }

    @Test("files that are no certificate are refused at the start")
    func noCertificate() throws {
        let certificates = try TestCertificates()
        for (certificate, key) in [("none.pem", "server.key"), ("server.pem", "client.key"), ("ca.key", "server.key")] {
            let files = ScalerTLS.Files(certificate: certificates.path(certificate), key: certificates.path(key))
            #expect(throws: (any Error).self) { try ScalerTLS(files, logger: Self.logger) }
        }
    }

    private static func replace(_ path: String, with other: String) throws {
        try Data(contentsOf: URL(filePath: other)).write(to: URL(filePath: path), options: .atomic)
    }
}
