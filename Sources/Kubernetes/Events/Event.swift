/// Something that happened to an object, for people to read (`events.k8s.io`, v1 and v1beta1, which are the same here).
public struct Event: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(
        group: "events.k8s.io", version: "v1", plural: "events", kind: "Event")

    /// The same thing several times.
    public struct Series: Codable, Sendable, Hashable {
        /// At least 2.
        public var count: Int
        public var lastObservedTime: MicroTime

        public init(count: Int, lastObservedTime: MicroTime) {
            self.count = count
            self.lastObservedTime = lastObservedTime
        }
    }

    public var metadata: ObjectMeta
    public var eventTime: MicroTime?
    public var series: Series?
    /// Who tells it, such as `sie.dev/operator`.
    public var reportingController: String?
    /// Which process of it, at most 128 bytes.
    public var reportingInstance: String?
    /// What was done or failed, at most 128 bytes.
    public var action: String?
    /// Why, in one word, at most 128 bytes.
    public var reason: String?
    /// The object that it is about, in the event's namespace.
    public var regarding: ObjectReference?
    public var related: ObjectReference?
    /// At most 1,024 bytes.
    public var note: String?
    /// `Normal` or `Warning`.
    public var type: String?

    public init(
        metadata: ObjectMeta = ObjectMeta(), eventTime: MicroTime? = nil, series: Series? = nil,
        reportingController: String? = nil, reportingInstance: String? = nil, action: String? = nil,
        reason: String? = nil, regarding: ObjectReference? = nil, related: ObjectReference? = nil,
        note: String? = nil, type: String? = nil
    ) {
        self.metadata = metadata
        self.eventTime = eventTime
        self.series = series
        self.reportingController = reportingController
        self.reportingInstance = reportingInstance
        self.action = action
        self.reason = reason
        self.regarding = regarding
        self.related = related
        self.note = note
        self.type = type
    }
}
