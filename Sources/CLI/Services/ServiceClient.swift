import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// Calls one service over HTTP or HTTPS with a bearer token.
///
/// Every call is bounded in time and in the size of the answer, and redirects are never followed: the token must not
/// travel to another host.
package struct ServiceClient: Sendable {
    /// Larger than any answer that is read.
    private static let maximumAnswerBytes = 64 << 20

    /// The service's URL without a slash at its end.
    let url: String
    /// Sent with every call; never logged.
    private let token: String?
    private let http: HTTPClient

    init(url: String, token: String?, http: HTTPClient) {
        self.url = url
        self.token = token
        self.http = http
    }

    /// A client whose connections take at most ten seconds to open.
    ///
    /// - Parameter certificates: a file with the certificates to trust (PEM) in place of the system's.
    static func connections(certificates: String?) -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(10))
        if let certificates {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(certificates)
            configuration.tlsConfiguration = tls
        }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func get(_ path: String, within limit: Duration) async -> ServiceAnswer {
        await send(request(.GET, path), within: limit)
    }

    func post(
        _ path: String, headers: [(String, String)], body: [UInt8], within limit: Duration
    ) async -> ServiceAnswer {
        var request = request(.POST, path)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return await send(request, within: limit)
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        return request
    }

    private func send(_ request: HTTPClientRequest, within limit: Duration) async -> ServiceAnswer {
        // The client's own deadline ends with the answer's head; this one covers its body too.
        await withTaskGroup(of: ServiceAnswer?.self) { group in
            group.addTask { await exchange(request) }
            group.addTask {
                guard (try? await Task.sleep(for: limit)) != nil else { return nil }
                return ServiceAnswer(problem: "no answer within \(limit.components.seconds) s")
            }
            var first: ServiceAnswer?
            while first == nil, let answer = await group.next() { first = answer }
            group.cancelAll()
            return first ?? ServiceAnswer(problem: "the call was cancelled")
        }
    }

    private func exchange(_ request: HTTPClientRequest) async -> ServiceAnswer {
        do {
            let response = try await http.execute(request, deadline: .distantFuture)
            let body = try await response.body.collect(upTo: Self.maximumAnswerBytes)
            return ServiceAnswer(
                status: Int(response.status.code),
                retryAfterSeconds: response.headers.first(name: "retry-after").flatMap { Int($0) },
                body: Array(body.readableBytesView))
        } catch {
            return ServiceAnswer(problem: "\(error)")
        }
    }

    /// Percent-encodes what may not stand in a path; slashes stay.
    package static func path(_ text: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
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
