import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport

/// SIEPools, and what gateways make of them.
extension OperatorStack {
    private var pools: String { "/apis/sie.dev/v1alpha1/namespaces/\(namespace)/siepools" }
    private var configMaps: String { "/api/v1/namespaces/\(namespace)/configmaps" }
    private var leases: String { "/apis/coordination.k8s.io/v1/namespaces/\(namespace)/leases" }

    /// Creates a pool of two workers on machines of the profile `l4`.
    func applyPool(_ name: String, spec extra: [JSONMember] = []) async throws {
        try await server.send(
            "POST", pools,
            [
                "apiVersion": "sie.dev/v1alpha1", "kind": "SIEPool", "metadata": ["name": .string(name)],
                "spec": .object(
                    [
                        JSONMember("gpus", [["machineProfile": "l4", "count": 2]]), JSONMember("ttlSeconds", 60),
                    ] + extra),
            ])
    }

    func changePool(_ name: String, spec: JSONValue) async throws {
        try await server.send("PATCH", "\(pools)/\(name)", ["spec": spec], type: "application/merge-patch+json")
    }

    func deletePool(_ name: String) async throws { try await server.send("DELETE", "\(pools)/\(name)") }

    func pool(_ name: String) async throws -> JSONValue? { try await find("\(pools)/\(name)") }

    func poolScale(_ name: String) async throws -> JSONValue {
        try await server.send("GET", "\(pools)/\(name)/scale")
    }

    /// Waits until a condition of a pool has a status and a reason, and gives its message.
    @discardableResult
    func waitForPool(
        _ name: String, _ type: String, _ status: String, _ reason: String, within limit: Duration = .seconds(20)
    ) async throws -> String {
        do {
            return try await eventually("\(name): \(type) \(status) \(reason)", within: limit) {
                let conditions = try await pool(name)?["status"]?["conditions"]?.arrayValue ?? []
                guard let condition = conditions.first(where: { $0["type"]?.stringValue == type }),
                    condition["status"]?.stringValue == status, condition["reason"]?.stringValue == reason
                else { return String?.none }
                return condition["message"]?.stringValue ?? ""
            }
        } catch {
            print(String(decoding: JSONWriter.encode(try await pool(name)?["status"] ?? .null), as: UTF8.self))
            throw error
        }
    }

    func poolConfigMap(_ pool: String) async throws -> JSONValue? { try await find("\(configMaps)/sie-pool-\(pool)") }

    func poolLease(_ pool: String) async throws -> JSONValue? { try await find("\(leases)/sie-pool-lease-\(pool)") }

    func deletePoolConfigMap(_ pool: String) async throws {
        try await server.send("DELETE", "\(configMaps)/sie-pool-\(pool)")
    }

    func deletePoolLease(_ pool: String) async throws {
        try await server.send("DELETE", "\(leases)/sie-pool-lease-\(pool)")
    }

    /// The pool as each gateway shows it, whatever it answers.
    func gatewayViews(of pool: String) async throws -> [(status: Int, body: JSONValue)] {
        var views: [(status: Int, body: JSONValue)] = []
        for gateway in gateways {
            let reply = try await HTTPTestClient(port: gateway.port).send(.GET, "/v1/pools/\(pool)")
            views.append((reply.status, (try? JSONReader.decode(reply.body.readableBytesView)) ?? .null))
        }
        return views
    }

    /// Nil where there is nothing.
    private func find(_ path: String) async throws -> JSONValue? {
        let reply = try await server.request("GET", path)
        // `nil` alone would be the null of JSON.
        return reply.status == 404 ? JSONValue?.none : reply.body
    }
}
