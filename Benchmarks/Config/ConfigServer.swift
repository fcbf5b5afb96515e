import Foundation
import Glibc
import NIOCore
import TestSupport

/// A config service under measurement, in a process of its own.
final class ConfigServer {
    struct DidNotStart: Error, CustomStringConvertible {
        var description: String
    }

    let port: Int
    /// From the start of the process until it was ready.
    let secondsToReady: Double
    private let process: ChildProcess

    /// Starts a service over a folder of `ConfigWorkload` and waits until it is ready.
    init(_ program: String, folder: URL, port: Int) async throws {
        self.port = port
        let start = NIODeadline.now()
        process = try ChildProcess(
            program, arguments: ["serve", "--host", "127.0.0.1", "--port", String(port), "--log-level", "WARNING"],
            environment: ProcessInfo.processInfo.environment.merging([
                "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
                "SIE_MODELS_DIR": folder.appending(path: "models").path,
                "SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
                "SIE_ADMIN_TOKEN": ConfigWorkload.token,
            ]) { $1 })
        let probe = HTTPLoad(port: port, request: ConfigWorkload.get("/readyz"))
        while true {
            if let outcome = try? await probe.run(connections: 1, duration: .nanoseconds(0)), outcome.failures == 0 {
                break
            }
            guard process.isRunning, NIODeadline.now() - start < .seconds(120) else {
                throw DidNotStart(description: "\(program) did not become ready")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        secondsToReady = Double((NIODeadline.now() - start).nanoseconds) / 1e9
    }

    /// Resident memory in MiB.
    var residentMebibytes: Double {
        ProcessMemory.residentMebibytes(of: process.identifier)
    }

    /// Ends the process.
    func stop() async throws {
        process.signal(SIGTERM)
        let start = NIODeadline.now()
        while process.isRunning {
            if NIODeadline.now() - start > .seconds(20) { process.signal(SIGKILL) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
