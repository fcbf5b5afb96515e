/// All addresses behind a Service in one object (`v1 Endpoints`), which EndpointSlices replace; it bears the Service's
/// name.
public struct Endpoints: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", plural: "endpoints", kind: "Endpoints")

    /// Addresses that have the same ports.
    public struct Subset: Codable, Sendable, Hashable {
        public var addresses: [Address]?
        public var notReadyAddresses: [Address]?
        public var ports: [EndpointSlice.Port]?

        public init(
            addresses: [Address]? = nil, notReadyAddresses: [Address]? = nil, ports: [EndpointSlice.Port]? = nil
        ) {
            self.addresses = addresses
            self.notReadyAddresses = notReadyAddresses
            self.ports = ports
        }
    }

    public struct Address: Codable, Sendable, Hashable {
        public var ip: String
        public var hostname: String?
        public var nodeName: String?
        public var targetRef: ObjectReference?

        public init(
            ip: String, hostname: String? = nil, nodeName: String? = nil, targetRef: ObjectReference? = nil
        ) {
            self.ip = ip
            self.hostname = hostname
            self.nodeName = nodeName
            self.targetRef = targetRef
        }
    }

    public var metadata: ObjectMeta
    public var subsets: [Subset]?

    public init(metadata: ObjectMeta = ObjectMeta(), subsets: [Subset]? = nil) {
        self.metadata = metadata
        self.subsets = subsets
    }
}
