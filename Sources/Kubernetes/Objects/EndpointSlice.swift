/// Some of the addresses behind a Service (`discovery.k8s.io`, v1 and v1beta1, which differ in nothing that is here
/// except for `nodeName` and `zone`: v1beta1 has them in `topology`).
public struct EndpointSlice: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "discovery.k8s.io", version: "v1", plural: "endpointslices", kind: "EndpointSlice")

    /// The label that names the Service.
    public static let serviceNameLabel = "kubernetes.io/service-name"

    /// One backend, usually a pod.
    public struct Endpoint: Codable, Sendable, Hashable {
        /// At least one; those after the first mean the same backend.
        public var addresses: [String]
        public var conditions: Conditions?
        public var hostname: String?
        public var targetRef: ObjectReference?
        public var nodeName: String?
        public var zone: String?
        /// Of v1beta1 alone.
        public var topology: [String: String]?

        public init(
            addresses: [String], conditions: Conditions? = nil, hostname: String? = nil,
            targetRef: ObjectReference? = nil, nodeName: String? = nil, zone: String? = nil,
            topology: [String: String]? = nil
        ) {
            self.addresses = addresses
            self.conditions = conditions
            self.hostname = hostname
            self.targetRef = targetRef
            self.nodeName = nodeName
            self.zone = zone
            self.topology = topology
        }

        /// Whether new work may go there: unknown counts as ready, as the API has it.
        public var isReady: Bool { conditions?.ready ?? true }
        /// Whether it still serves, be it on its way out; unknown counts as ``isReady``.
        public var isServing: Bool { conditions?.serving ?? isReady }
        /// Whether it is on its way out.
        public var isTerminating: Bool { conditions?.terminating ?? false }
        /// The node, in whichever version.
        public var node: String? { nodeName ?? topology?["kubernetes.io/hostname"] }
    }

    /// Nil means unknown.
    public struct Conditions: Codable, Sendable, Hashable {
        public var ready: Bool?
        public var serving: Bool?
        public var terminating: Bool?

        public init(ready: Bool? = nil, serving: Bool? = nil, terminating: Bool? = nil) {
            self.ready = ready
            self.serving = serving
            self.terminating = terminating
        }
    }

    /// A port that all endpoints of the slice have.
    public struct Port: Codable, Sendable, Hashable {
        public var name: String?
        /// Nil: all ports.
        public var port: Int?
        public var `protocol`: String?
        public var appProtocol: String?

        public init(name: String? = nil, port: Int? = nil, protocol: String? = nil, appProtocol: String? = nil) {
            self.name = name
            self.port = port
            self.protocol = `protocol`
            self.appProtocol = appProtocol
        }
    }

    public var metadata: ObjectMeta
    /// `IPv4`, `IPv6` or `FQDN`.
    public var addressType: String
    public var endpoints: [Endpoint]
    public var ports: [Port]

    public init(
        metadata: ObjectMeta = ObjectMeta(), addressType: String = "IPv4", endpoints: [Endpoint] = [],
        ports: [Port] = []
    ) {
        self.metadata = metadata
        self.addressType = addressType
        self.endpoints = endpoints
        self.ports = ports
    }

    /// The Service whose addresses these are.
    public var serviceName: String? { metadata.labels[Self.serviceNameLabel] }
}

extension EndpointSlice {
    private enum CodingKeys: String, CodingKey {
        case metadata, addressType, endpoints, ports
    }

    /// Servers write null for no endpoints and for no ports.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        addressType = try container.decodeIfPresent(String.self, forKey: .addressType) ?? "IPv4"
        endpoints = try container.decodeIfPresent([Endpoint].self, forKey: .endpoints) ?? []
        ports = try container.decodeIfPresent([Port].self, forKey: .ports) ?? []
    }
}

/// A pointer to another object (`v1.ObjectReference`).
public struct ObjectReference: Codable, Sendable, Hashable {
    public var apiVersion: String?
    public var kind: String?
    public var namespace: String?
    public var name: String?
    public var uid: String?
    public var resourceVersion: String?
    /// A part of the object, as a JSON path.
    public var fieldPath: String?

    public init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil,
        uid: String? = nil, resourceVersion: String? = nil, fieldPath: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.fieldPath = fieldPath
    }
}
