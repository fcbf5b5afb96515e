/// Small files and settings (`v1 ConfigMap`).
public struct ConfigMap: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", plural: "configmaps", kind: "ConfigMap")

    public var metadata: ObjectMeta
    public var data: [String: String]?
    /// Values that are no UTF-8, as base64.
    public var binaryData: [String: String]?
    /// Whether the data can never change again.
    public var immutable: Bool?

    public init(
        metadata: ObjectMeta = ObjectMeta(), data: [String: String]? = nil, binaryData: [String: String]? = nil,
        immutable: Bool? = nil
    ) {
        self.metadata = metadata
        self.data = data
        self.binaryData = binaryData
        self.immutable = immutable
    }
}
