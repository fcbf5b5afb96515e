import Kubernetes

/// The workers behind a Service, as the objects name them that say where it leads: one base URL a worker.
///
/// What is not ready gets no new work, and neither does what is on its way out. A worker that has addresses of several
/// families is one worker still; its IPv4 address comes first. Ports in the objects do not count (gateway contract 8).
package enum ServiceEndpoints {
    /// The ready endpoints of all slices of a Service.
    package static func urls(of slices: some Sequence<EndpointSlice>, port: Int) -> Set<String> {
        var workers = Workers(port: port)
        for slice in slices {
            for endpoint in slice.endpoints where endpoint.isReady && !endpoint.isTerminating {
                // The addresses after the first one lead to the same place.
                guard let address = endpoint.addresses.first else { continue }
                workers.add(address, endpoint.targetRef)
            }
        }
        return workers.urls
    }

    /// The ready addresses of an Endpoints object, in which nothing appears that is on its way out.
    package static func urls(of endpoints: some Sequence<Endpoints>, port: Int) -> Set<String> {
        var workers = Workers(port: port)
        for address in endpoints.flatMap({ $0.subsets ?? [] }).flatMap({ $0.addresses ?? [] }) {
            workers.add(address.ip, address.targetRef)
        }
        return workers.urls
    }

    /// The base URL of an address; IPv6 stands in brackets.
    package static func url(address: String, port: Int) -> String {
        isIPv6(address) ? "http://[\(address)]:\(port)" : "http://\(address):\(port)"
    }

    private static func isIPv6(_ address: String) -> Bool { address.utf8.contains(UInt8(ascii: ":")) }

    private struct Workers {
        let port: Int
        /// By the pod, or by the address where no pod is named.
        private var addresses: [String: String] = [:]

        init(port: Int) { self.port = port }

        var urls: Set<String> { Set(addresses.values.map { url(address: $0, port: port) }) }

        mutating func add(_ address: String, _ target: ObjectReference?) {
            guard !address.isEmpty else { return }
            let worker = target?.uid ?? target?.name.map { "\(target?.namespace ?? "")/\($0)" } ?? address
            guard let known = addresses[worker] else {
                addresses[worker] = address
                return
            }
            // The same choice whatever the order in which the slices come.
            if (isIPv6(address) ? 1 : 0, address) < (isIPv6(known) ? 1 : 0, known) { addresses[worker] = address }
        }
    }
}
