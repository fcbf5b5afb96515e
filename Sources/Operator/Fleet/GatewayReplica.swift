import Kubernetes

/// One replica of the gateway, as the addresses behind its Service tell.
package struct GatewayReplica: Sendable, Hashable {
    /// The pod's uid, or the address where it is nobody's pod.
    package var id: String
    /// The pod's name, or the address: for people.
    package var pod: String
    /// An IP address, without brackets.
    package var address: String
    package var port: Int
    /// Whether requests go there: one that is not ready is shown and not counted.
    package var isReady: Bool

    package init(id: String, pod: String, address: String, port: Int, isReady: Bool = true) {
        self.id = id
        self.pod = pod
        self.address = address
        self.port = port
        self.isReady = isReady
    }

    /// `http://10.0.0.1:8080`
    package var url: String {
        address.utf8.contains(UInt8(ascii: ":")) ? "http://[\(address)]:\(port)" : "http://\(address):\(port)"
    }
}

extension GatewayReplica {
    /// The name of the Service's port.
    package static let portName = "http"

    /// The replicas that slices of one Service tell of, each once, by pod names. Pods on their way out are none.
    package static func replicas(in slices: some Sequence<EndpointSlice>) -> [GatewayReplica] {
        merged(
            slices.filter { $0.addressType != "FQDN" }.sorted { $0.addressType < $1.addressType }.flatMap { slice in
                guard let port = port(of: slice.ports) else { return [GatewayReplica]() }
                return slice.endpoints.compactMap { endpoint in
                    guard !endpoint.isTerminating, let address = endpoint.addresses.first else { return nil }
                    return replica(address, endpoint.targetRef, port, isReady: endpoint.isReady)
                }
            })
    }

    /// The same from the older kind, where the server has no slices.
    package static func replicas(in endpoints: Endpoints?) -> [GatewayReplica] {
        merged(
            (endpoints?.subsets ?? []).flatMap { subset in
                guard let port = port(of: subset.ports ?? []) else { return [GatewayReplica]() }
                let ready = (subset.addresses ?? []).map { replica($0.ip, $0.targetRef, port, isReady: true) }
                return ready
                    + (subset.notReadyAddresses ?? []).map { replica($0.ip, $0.targetRef, port, isReady: false) }
            })
    }

    /// The port named `http`, or the only one there is.
    private static func port(of ports: [EndpointSlice.Port]) -> Int? {
        (ports.first { $0.name == portName } ?? (ports.count == 1 ? ports.first : nil))?.port
    }

    private static func replica(
        _ address: String, _ target: ObjectReference?, _ port: Int, isReady: Bool
    ) -> GatewayReplica {
        GatewayReplica(
            id: target?.uid ?? address, pod: target?.name ?? address, address: address, port: port, isReady: isReady)
    }

    /// A pod may be in several slices, of which one may be behind: ready in one of them counts.
    private static func merged(_ all: [GatewayReplica]) -> [GatewayReplica] {
        var known: [String: GatewayReplica] = [:]
        for replica in all where known[replica.id].map({ !$0.isReady && replica.isReady }) ?? true {
            known[replica.id] = replica
        }
        return known.values.sorted { ($0.pod, $0.id) < ($1.pod, $1.id) }
    }
}
