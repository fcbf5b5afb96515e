import FoundationEssentials
import HTTPService
import JSONStream
import NIOHTTP1

/// `/ws/cluster-status`: the picture of the cluster at once and then every second, until the reader leaves (gateway
/// contract 2.10).
package enum ClusterStream {
    package static let path = "/ws/cluster-status"

    /// - Parameters:
    ///   - documents: the present picture.
    ///   - access: who may read it.
    package static func route(
        documents: @escaping @Sendable () -> ClusterDocuments, access: AccessRule, interval: Duration = .seconds(1)
    ) -> WebSocketRoute {
        WebSocketRoute(
            path: path, readsMessages: false,
            authorize: { head in
                let verdict = access.verdict(
                    method: head.method.rawValue, path: path,
                    authorization: head.headers.first(name: "authorization"))
                return verdict.reply.map { .refuse($0) } ?? .accept([:])
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
}
