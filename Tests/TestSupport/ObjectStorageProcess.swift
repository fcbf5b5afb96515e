import Foundation
import NIOHTTP1

/// A server of object storage that others wrote, with one bucket, in memory, on a port of its own. It goes with the last
/// reference; its objects go when it is stopped.
package final class ObjectStorageProcess: Sendable {
    package enum Kind: String, Sendable, CaseIterable, CustomStringConvertible {
        /// moto, which speaks S3, IAM and STS.
        case s3
        /// gcp-storage-emulator.
        case googleCloud

        package var description: String { rawValue }
    }

    package static let bucket = "models"

    package let kind: Kind
    package let port: Int
    private let program: ProgramProcess

    /// Starts a server and makes its bucket.
    package init(_ kind: Kind, port: Int? = nil) async throws {
        self.kind = kind
        self.port = try port ?? NATSServerProcess.freePort()
        let number = String(self.port)
        let arguments =
            switch kind {
            case .s3: ["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", number]
            case .googleCloud:
                ["-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", number, "-q", "-M"]
                    + ["--default-bucket", Self.bucket]
            }
        program = try ProgramProcess(try Tools.SDK.current.python(), arguments: arguments)
        let start = ContinuousClock.now
        while !LoopbackSocket.accepts(port: self.port) {
            guard program.isRunning, .now - start < .seconds(30) else {
                throw ProgramProcess.Timeout(description: "\(kind) did not start:\n\(program.standardError)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        if kind == .s3 {
            let client = HTTPTestClient(port: self.port)
            let reply = try await client.send(
                .PUT, "/\(Self.bucket)",
                headers: ["authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"])
            guard reply.status == 200 else {
                throw ProgramProcess.Timeout(description: "moto makes no bucket: \(reply.text)")
            }
        }
    }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// A location in the bucket.
    package func location(_ prefix: String) -> String {
        "\(kind == .s3 ? "s3" : "gs")://\(Self.bucket)/\(prefix)"
    }

    /// What a process needs to reach the server.
    package var environment: [String: String] {
        switch kind {
        case .s3:
            [
                "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
            ]
        case .googleCloud: ["STORAGE_EMULATOR_HOST": url]
        }
    }

    /// Kills the server.
    package func stop() async throws {
        program.signal(9)
        _ = try await program.exitCode(within: .seconds(10))
    }
}
