import AsyncHTTPClient
import Catalog
import JSONStream
import NIOCore
import NIOHTTP1
import YAML

/// `GET /v1/configs/export` of `sie-config`: every model the control plane knows. Workers ask for it at start and after a
/// lost connection, because announcements over NATS are not repeated.
package struct ConfigExport: Sendable {
    /// Why the export could not be had.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package var description: String
    }

    package var epoch: UInt64
    package var models: [ModelConfig]
    /// Models that could not be read, with the reason.
    package var rejected: [String]

    /// The longest body accepted; a catalogue of thousands of models is far smaller.
    package static let maximumBodyBytes = 64 << 20
    package static let timeout = TimeAmount.seconds(10)

    package static func fetch(
        from baseURL: String, token: String?, http: HTTPClient
    ) async throws(Failure) -> ConfigExport {
        var request = HTTPClientRequest(url: baseURL + "/v1/configs/export")
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        let body: ByteBuffer
        do {
            let response = try await http.execute(request, timeout: timeout)
            guard response.status == .ok else { throw Failure(description: "status \(response.status.code)") }
            body = try await response.body.collect(upTo: maximumBodyBytes)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(error)")
        }
        return try ConfigExport(decoding: body)
    }

    package init(decoding body: ByteBuffer) throws(Failure) {
        let json: JSONValue
        do {
            json = try body.withUnsafeReadableBytes { try JSONReader.decode($0) }
        } catch {
            throw Failure(description: "\(error)")
        }
        guard json.objectValue != nil else { throw Failure(description: "not a JSON object") }
        switch json["epoch"] {
        case .int(let number): epoch = UInt64(exactly: number) ?? 0
        case .uint(let number): epoch = number
        default: epoch = 0
        }
        models = []
        rejected = []
        for entry in json["models"]?.arrayValue ?? [] {
            do {
                if let text = entry["raw_yaml"]?.stringValue, !text.allSatisfy(\.isWhitespace) {
                    models.append(try ModelConfig(try YAMLNode(parsing: text)))
                } else if let config = entry["model_config"], !config.isNull {
                    models.append(try ModelConfig(YAMLNode(json: config)))
                }
            } catch {
                rejected.append("\(entry["model_id"]?.stringValue ?? "?"): \(error)")
            }
        }
    }
}
