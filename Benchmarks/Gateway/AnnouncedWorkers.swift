import Foundation
import Logging
import NATSClient
import NIOCore
import Wire

/// Workers that exist only by their reports on `sie.health.*`.
final class AnnouncedWorkers: Sendable {
    private let connection: NATSConnection
    private let reporting: Task<Void, Never>

    init(count: Int, url: String, eventLoop: any EventLoop) async throws {
        let connection = NATSConnection(
            configuration: try NATSConfiguration(servers: [url]), eventLoop: eventLoop,
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        let reports = (0..<count).map { index in
            var status = WorkerStatus()
            status.ready = true
            status.name = "worker-\(index)"
            status.machineProfile = "profile-\(index % 8)"
            status.poolName = "pool-\(index % 100)"
            status.bundle = "default"
            status.loadedModels = ["bench/model"]
            return (subject: "sie.health.worker-\(index)", bytes: status.encodedJSON())
        }
        reporting = Task {
            repeat {
                for report in reports {
                    try? connection.publish(report.subject, payload: ByteBuffer(bytes: report.bytes))
                }
            } while (try? await Task.sleep(for: .seconds(5))) != nil
        }
        self.connection = connection
    }

    func stop() async {
        reporting.cancel()
        await reporting.value
        await connection.drain()
    }
}
