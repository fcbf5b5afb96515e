import Kubernetes
import Operator
import Testing

@Suite("Replicas of the gateway")
struct GatewayReplicaTests {
    private func endpoint(
        _ address: String, pod: String?, uid: String? = nil, ready: Bool? = true, terminating: Bool? = nil
    ) -> EndpointSlice.Endpoint {
        EndpointSlice.Endpoint(
            addresses: [address], conditions: .init(ready: ready, terminating: terminating),
            targetRef: pod.map { ObjectReference(kind: "Pod", name: $0, uid: uid ?? "uid-\($0)") })
    }

    private func slice(
        _ endpoints: [EndpointSlice.Endpoint], type: String = "IPv4",
        ports: [EndpointSlice.Port] = [.init(name: "metrics", port: 9090), .init(name: "http", port: 8080)]
    ) -> EndpointSlice {
        EndpointSlice(addressType: type, endpoints: endpoints, ports: ports)
    }

    private func replica(_ pod: String, _ address: String, isReady: Bool = true) -> GatewayReplica {
        GatewayReplica(id: "uid-\(pod)", pod: pod, address: address, port: 8080, isReady: isReady)
    }

    @Test("endpoints are replicas at the port named http; unknown counts as ready, and who is on the way out is none")
    func slices() {
        let replicas = GatewayReplica.replicas(in: [
            slice([
                endpoint("10.0.0.2", pod: "b", ready: nil), endpoint("10.0.0.1", pod: "a"),
                endpoint("10.0.0.3", pod: "c", ready: false), endpoint("10.0.0.4", pod: "d", terminating: true),
                endpoint("10.0.0.5", pod: nil),
            ])
        ])
        let nameless = GatewayReplica(id: "10.0.0.5", pod: "10.0.0.5", address: "10.0.0.5", port: 8080)
        #expect(
            replicas == [
                nameless, replica("a", "10.0.0.1"), replica("b", "10.0.0.2"), replica("c", "10.0.0.3", isReady: false),
            ])
    }

    @Test("a pod that several slices name is one replica, ready where one of them says so, by IPv4 where it has both")
    func duplicates() {
        let replicas = GatewayReplica.replicas(in: [
            slice([endpoint("fd00::1", pod: "a")], type: "IPv6"),
            slice([endpoint("10.0.0.1", pod: "a"), endpoint("10.0.0.2", pod: "b", ready: false)]),
            slice([endpoint("10.0.0.2", pod: "b")]),
            slice([endpoint("gateway.example.com", pod: "c")], type: "FQDN"),
        ])
        #expect(replicas == [replica("a", "10.0.0.1"), replica("b", "10.0.0.2")])
        let six = GatewayReplica.replicas(in: [slice([endpoint("fd00::1", pod: "a")], type: "IPv6")])
        #expect(six.map(\.url) == ["http://[fd00::1]:8080"])
    }

    @Test("the only port counts whatever its name; of several the one named http, or none")
    func ports() {
        let endpoints = [endpoint("10.0.0.1", pod: "a")]
        #expect(GatewayReplica.replicas(in: [slice(endpoints, ports: [.init(port: 80)])]).map(\.port) == [80])
        let others: [EndpointSlice.Port] = [.init(name: "x", port: 1), .init(name: "y", port: 2)]
        #expect(GatewayReplica.replicas(in: [slice(endpoints, ports: others)]) == [])
        #expect(GatewayReplica.replicas(in: [slice(endpoints, ports: [])]) == [])
    }

    @Test("Endpoints say the same")
    func endpoints() {
        let endpoints = Endpoints(subsets: [
            .init(
                addresses: [.init(ip: "10.0.0.1", targetRef: ObjectReference(name: "a", uid: "uid-a"))],
                notReadyAddresses: [.init(ip: "10.0.0.3", targetRef: ObjectReference(name: "c", uid: "uid-c"))],
                ports: [.init(name: "http", port: 8080)])
        ])
        #expect(
            GatewayReplica.replicas(in: endpoints) == [
                replica("a", "10.0.0.1"), replica("c", "10.0.0.3", isReady: false),
            ])
        #expect(GatewayReplica.replicas(in: nil) == [])
    }
}
