import Gateway
import Kubernetes
import Testing

@Suite("The workers behind a Service")
struct ServiceEndpointsTests {
    static func slice(_ endpoints: [EndpointSlice.Endpoint], type: String = "IPv4") -> EndpointSlice {
        EndpointSlice(addressType: type, endpoints: endpoints)
    }

    static func endpoint(
        _ address: String, ready: Bool? = true, terminating: Bool? = nil, pod: String? = nil
    ) -> EndpointSlice.Endpoint {
        EndpointSlice.Endpoint(
            addresses: [address], conditions: .init(ready: ready, terminating: terminating),
            targetRef: pod.map { ObjectReference(kind: "Pod", namespace: "n", name: $0, uid: "uid-\($0)") })
    }

    @Test("ready endpoints of all slices are workers, at the port that is configured")
    func ready() {
        let urls = ServiceEndpoints.urls(
            of: [
                Self.slice([Self.endpoint("10.0.0.1"), Self.endpoint("10.0.0.2", ready: false)]),
                Self.slice([Self.endpoint("10.0.0.3", ready: nil), Self.endpoint("10.0.0.1")]),
                Self.slice([]),
            ], port: 8080)
        #expect(urls == ["http://10.0.0.1:8080", "http://10.0.0.3:8080"])
    }

    @Test("what is on its way out gets no new work, even while the object calls it ready")
    func terminating() {
        let urls = ServiceEndpoints.urls(
            of: [
                Self.slice([
                    Self.endpoint("10.0.0.1", terminating: true),
                    Self.endpoint("10.0.0.2", ready: false, terminating: true), Self.endpoint("10.0.0.3"),
                ])
            ], port: 80)
        #expect(urls == ["http://10.0.0.3:80"])
    }

    @Test("IPv6 addresses stand in brackets; names do not")
    func families() {
        let urls = ServiceEndpoints.urls(
            of: [
                Self.slice([Self.endpoint("fd00::7")], type: "IPv6"),
                Self.slice([Self.endpoint("worker-0.example")], type: "FQDN"),
            ], port: 8080)
        #expect(urls == ["http://[fd00::7]:8080", "http://worker-0.example:8080"])
    }

    @Test("a pod of two address families is one worker, reached by IPv4, whichever slice comes first")
    func dualStack() {
        let slices = [
            Self.slice([Self.endpoint("fd00::7", pod: "a"), Self.endpoint("fd00::8", pod: "b")], type: "IPv6"),
            Self.slice([Self.endpoint("10.0.0.7", pod: "a")]),
        ]
        let expected: Set = ["http://10.0.0.7:8080", "http://[fd00::8]:8080"]
        #expect(ServiceEndpoints.urls(of: slices, port: 8080) == expected)
        #expect(ServiceEndpoints.urls(of: slices.reversed(), port: 8080) == expected)
    }

    @Test("of Endpoints, the ready addresses of every subset count")
    func endpoints() {
        let object = Endpoints(subsets: [
            .init(addresses: [.init(ip: "10.0.0.1")], notReadyAddresses: [.init(ip: "10.0.0.2")]),
            .init(addresses: [.init(ip: "fd00::1")]), .init(),
        ])
        #expect(
            ServiceEndpoints.urls(of: [object], port: 9000) == ["http://10.0.0.1:9000", "http://[fd00::1]:9000"])
        #expect(ServiceEndpoints.urls(of: [Endpoints()], port: 9000).isEmpty)
    }
}
