/// Whose config deltas are believed. NATS subjects are writable by whoever may connect, so a delta names its producer
/// and the gateway has a list.
package struct ProducerTrust: Equatable, Sendable {
    /// Names that are believed as they are, or followed by `-` and anything (a Deployment's or StatefulSet's pods).
    /// Empty: everyone is believed.
    package var producers: [String]

    package init(producers: [String]) {
        self.producers = producers
    }

    package func trusts(_ producer: String) -> Bool {
        producers.isEmpty || producers.contains { producer == $0 || producer.hasPrefix($0 + "-") }
    }
}
