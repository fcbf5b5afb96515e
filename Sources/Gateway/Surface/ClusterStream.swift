import FoundationEssentials
import HTTPService
import JSONStream
import NIOHTTP1

/// `/ws/cluster-status`: the picture of the cluster at once and then every second, until the reader leaves (gateway
/// contract 2.10).
package enum ClusterStream {
    package static let path = "/ws/cluster-status"
    /// What a client names that speaks in subprotocols, and gets back.
    package static let subprotocol = "sie.cluster-status"
    /// Followed by a token in base64url without padding. For browsers, which cannot send `Authorization` with a
    /// WebSocket; unlike a query it appears in no log of requests.
    package static let tokenSubprotocolPrefix = "sie.bearer."

    /// - Parameters:
    ///   - documents: the present picture.
    ///   - access: who may read it.
    package static func route(
        documents: @escaping @Sendable () -> ClusterDocuments, access: AccessRule, interval: Duration = .seconds(1)
    ) -> WebSocketRoute {
        WebSocketRoute(
            path: path, readsMessages: false,
            authorize: { head in
                let offered = head.headers[canonicalForm: "sec-websocket-protocol"].map { String($0) }
                let verdict = access.verdict(
                    method: head.method.rawValue, path: path,
                    authorization: head.headers.first(name: "authorization") ?? token(offeredIn: offered))
                if let refusal = verdict.reply { return .refuse(refusal) }
                return .accept(offered.contains(subprotocol) ? ["sec-websocket-protocol": subprotocol] : [:])
            }
        ) { connection in
            while !Task.isCancelled {
                do {
                    let status = documents().clusterStatus(at: Date().timeIntervalSince1970)
                    try await connection.send(.text(String(decoding: JSONWriter.encode(status), as: UTF8.self)))
                    try await Task.sleep(for: interval)
                } catch {
                    return
                }
            }
        }
    }

    /// The token among the subprotocols that a client offers.
    package static func token(offeredIn subprotocols: [String]) -> String? {
        let prefix = tokenSubprotocolPrefix
        guard let coded = subprotocols.first(where: { $0.utf8.starts(with: prefix.utf8) }) else { return nil }
        var base64 = coded.dropFirst(prefix.count).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        base64 += Array(repeating: "=", count: (4 - base64.count % 4) % 4)
        return Data(base64Encoded: String(base64)).map { String(decoding: $0, as: UTF8.self) }
    }
}
