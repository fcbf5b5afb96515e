/// How many replicas a workload has and is to have (`autoscaling/v1 Scale`): the scale subresource of many kinds.
public struct Scale: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "autoscaling", version: "v1", plural: "scales", kind: "Scale")

    public struct Spec: Codable, Sendable, Hashable {
        public var replicas: Int?

        public init(replicas: Int? = nil) { self.replicas = replicas }
    }

    public struct Status: Codable, Sendable, Hashable {
        public var replicas: Int
        /// The labels of the pods, as text.
        public var selector: String?
    }

    public var metadata: ObjectMeta
    public var spec: Spec?
    public var status: Status?

    public init(metadata: ObjectMeta = ObjectMeta(), spec: Spec? = nil, status: Status? = nil) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}
