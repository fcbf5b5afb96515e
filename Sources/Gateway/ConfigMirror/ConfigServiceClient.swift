import AsyncHTTPClient
import Catalog
import JSONStream
import NIOCore
import NIOHTTP1
import YAML

/// Reads from `sie-config` over HTTP: the calls a gateway needs to follow it.
package struct ConfigServiceClient: Sendable {
    package struct EpochState: Equatable, Sendable {
        package var epoch: UInt64
        package var bundlesHash: String

        package init(epoch: UInt64, bundlesHash: String) {
            self.epoch = epoch
            self.bundlesHash = bundlesHash
        }
    }

    /// Everything the control plane knows about models at one epoch.
    package struct Export: Sendable {
        package struct Model: Sendable {
            package var id: String
            /// The model's document; nil where the export holds none.
            package var document: Result<YAMLNode, Failure>?

            package init(id: String, document: Result<YAMLNode, Failure>?) {
                self.id = id
                self.document = document
            }
        }

        package var epoch: UInt64
        package var models: [Model]

        package init(epoch: UInt64, models: [Model]) {
            self.epoch = epoch
            self.models = models
        }
    }

    /// Why a call did not bring what it should.
    package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    /// The longest body accepted; a catalogue of thousands of models is far smaller.
    package static let maximumBodyBytes = 64 << 20
    package static let timeout = TimeAmount.seconds(10)

    private let baseURL: String
    private let token: String?
    private let http: HTTPClient

    /// - Parameters:
    ///   - baseURL: without a slash at its end.
    ///   - token: sent as a bearer token with every call; never logged.
    package init(baseURL: String, token: String?, http: HTTPClient) {
        self.baseURL = baseURL
        self.token = token
        self.http = http
    }

    /// `GET /v1/configs/epoch`.
    package func epoch() async throws(Failure) -> EpochState {
        let body = try await json("/v1/configs/epoch")
        return EpochState(
            epoch: Self.unsigned(body["epoch"]) ?? 0, bundlesHash: body["bundles_hash"]?.stringValue ?? "")
    }

    /// `GET /v1/configs/bundles`, and each bundle it lists. One that cannot be had fails the whole: routing by half of
    /// the bundles would send work to the wrong workers.
    package func bundles() async throws(Failure) -> [Bundle] {
        let list = try await json("/v1/configs/bundles")
        var bundles: [Bundle] = []
        for entry in list["bundles"]?.arrayValue ?? [] {
            guard let id = entry["bundle_id"]?.stringValue, !id.isEmpty else { continue }
            let path = "/v1/configs/bundles/\(Self.pathSegment(id))"
            let text = try await get(path)
            do {
                bundles.append(try Bundle(try YAMLNode(parsing: text.readableBytesView), fallbackID: id))
            } catch {
                throw Failure(description: "GET \(path): \(error)")
            }
        }
        return bundles
    }

    /// `GET /v1/configs/export`.
    package func export() async throws(Failure) -> Export {
        let body = try await json("/v1/configs/export")
        guard body.objectValue != nil else { throw Failure(description: "GET /v1/configs/export: not a JSON object") }
        let models = (body["models"]?.arrayValue ?? []).map { model in
            Export.Model(id: model["model_id"]?.stringValue ?? "", document: Self.document(of: model))
        }
        return Export(epoch: Self.unsigned(body["epoch"]) ?? 0, models: models)
    }

    private static func document(of model: JSONValue) -> Result<YAMLNode, Failure>? {
        if let raw = model["raw_yaml"]?.stringValue, !raw.allSatisfy(\.isWhitespace) {
            do throws(YAMLError) {
                return .success(try YAMLNode(parsing: raw))
            } catch {
                return .failure(Failure(description: "\(error)"))
            }
        }
        guard let config = model["model_config"], !config.isNull else { return nil }
        return .success(YAMLNode(json: config))
    }

    private static func unsigned(_ value: JSONValue?) -> UInt64? {
        switch value {
        case .int(let number): UInt64(exactly: number)
        case .uint(let number): number
        default: nil
        }
    }

    // MARK: HTTP

    private func json(_ path: String) async throws(Failure) -> JSONValue {
        let body = try await get(path)
        do {
            return try body.withUnsafeReadableBytes { try JSONReader.decode($0) }
        } catch {
            throw Failure(description: "GET \(path): \(error)")
        }
    }

    private func get(_ path: String) async throws(Failure) -> ByteBuffer {
        var request = HTTPClientRequest(url: baseURL + path)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        do {
            let response = try await http.execute(request, timeout: Self.timeout)
            let body = try await response.body.collect(upTo: Self.maximumBodyBytes)
            guard (200..<300).contains(response.status.code) else {
                let start = String(decoding: body.readableBytesView.prefix(200), as: UTF8.self)
                throw Failure(description: "GET \(path): \(response.status.code) \(start)")
            }
            return body
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "GET \(path): \(error)")
        }
    }

    /// Percent-encodes what may not stand in one segment of a path.
    package static func pathSegment(_ text: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@".utf8)
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            if plain.contains(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
