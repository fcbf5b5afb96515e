import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Sends requests to a gateway as curl would.
struct GatewayClient: Sendable {
    struct Response: Sendable {
        var status: Int
        var headers: [String: String]
        var body: Data

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let url: String

    func get(_ path: String) async throws -> Response {
        try await send("GET", path, headers: [:], body: nil)
    }

    func postJSON(_ path: String, _ body: String) async throws -> Response {
        try await send(
            "POST", path, headers: ["content-type": "application/json", "accept": "application/json"],
            body: .bytes(ByteBuffer(string: body)))
    }

    func post(_ path: String, type: String, _ body: [UInt8]) async throws -> Response {
        try await send(
            "POST", path, headers: ["content-type": type, "accept": "application/json"],
            body: .bytes(ByteBuffer(bytes: body)))
    }

    /// Encodes texts as JSON; the vectors come in the order of the texts.
    func encode(_ texts: [String], model: String = ReferenceTexts.model) async throws -> Response {
        try await postJSON("/v1/encode/\(model)", Self.encodeBody(texts))
    }

    static func encodeBody(_ texts: [String]) throws -> String {
        struct Item: Encodable {
            var id: String
            var text: String
        }
        let items = texts.enumerated().map { Item(id: "\($0)", text: $1) }
        return String(decoding: try JSONEncoder().encode(["items": items]), as: UTF8.self)
    }

    private func send(
        _ method: String, _ path: String, headers: [String: String], body: HTTPClientRequest.Body?
    ) async throws -> Response {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = body
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        let bytes = try await response.body.collect(upTo: 512 << 20)
        return Response(
            status: Int(response.status.code),
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
            body: Data(bytes.readableBytesView))
    }
}

/// The answer to `POST /v1/encode`, as JSON.
struct EncodeAnswer: Decodable {
    struct Item: Decodable {
        struct Dense: Decodable {
            var dims: Int
            var dtype: String
            var values: [Double]
        }
        var id: String
        var dense: Dense
    }
    var model: String
    var items: [Item]

    init(_ response: GatewayClient.Response) throws {
        self = try JSONDecoder().decode(EncodeAnswer.self, from: response.body)
    }
}
