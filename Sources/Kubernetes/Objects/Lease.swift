/// Who holds something, and since when (`coordination.k8s.io/v1 Lease`).
public struct Lease: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease")

    /// What the holder says.
    public struct Spec: Codable, Sendable, Hashable {
        /// Nil or empty: nobody.
        public var holderIdentity: String?
        /// How long others wait after the last renewal before they take over.
        public var leaseDurationSeconds: Int?
        public var acquireTime: MicroTime?
        public var renewTime: MicroTime?
        /// How often the holder changed.
        public var leaseTransitions: Int?

        public init(
            holderIdentity: String? = nil, leaseDurationSeconds: Int? = nil, acquireTime: MicroTime? = nil,
            renewTime: MicroTime? = nil, leaseTransitions: Int? = nil
        ) {
            self.holderIdentity = holderIdentity
            self.leaseDurationSeconds = leaseDurationSeconds
            self.acquireTime = acquireTime
            self.renewTime = renewTime
            self.leaseTransitions = leaseTransitions
        }
    }

    public var metadata: ObjectMeta
    public var spec: Spec?

    public init(metadata: ObjectMeta = ObjectMeta(), spec: Spec? = nil) {
        self.metadata = metadata
        self.spec = spec
    }
}
