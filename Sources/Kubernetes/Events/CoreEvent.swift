/// An event as servers have it that lack `events.k8s.io` (`v1 Event`).
public struct CoreEvent: KubernetesResource, Hashable {
    public static let resourceType = ResourceType(version: "v1", plural: "events", kind: "Event")

    public struct Source: Codable, Sendable, Hashable {
        public var component: String?
        public var host: String?
    }

    public var metadata: ObjectMeta
    public var involvedObject: ObjectReference
    public var reason: String?
    public var message: String?
    public var source: Source?
    public var firstTimestamp: Timestamp?
    public var lastTimestamp: Timestamp?
    public var count: Int?
    public var type: String?
    public var related: ObjectReference?

    /// The same event in the words of this version.
    public init(_ event: Event) {
        metadata = event.metadata
        involvedObject = event.regarding ?? ObjectReference()
        reason = event.reason
        message = event.note
        source = Source(component: event.reportingController, host: nil)
        firstTimestamp = event.eventTime.map { Timestamp($0) }
        lastTimestamp = (event.series?.lastObservedTime ?? event.eventTime).map { Timestamp($0) }
        count = event.series?.count ?? 1
        type = event.type
        related = event.related
    }
}

extension Timestamp {
    /// The second that a time is in.
    public init(_ time: MicroTime) {
        self.init(secondsSince1970: Int64(time.secondsSince1970.rounded(.down)))
    }
}
