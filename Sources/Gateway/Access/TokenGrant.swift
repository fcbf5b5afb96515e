/// What the holder of one named token may do.
package struct TokenGrant: Equatable, Sendable {
    /// Who holds it, for logs.
    package var name: String
    /// Requests and items a second; nil for any number.
    package var requestsPerSecond: Double?
    package var itemsPerSecond: Double?
    /// The pools it may send work to; nil for any.
    package var pools: Set<String>?

    package init(
        name: String, requestsPerSecond: Double? = nil, itemsPerSecond: Double? = nil, pools: Set<String>? = nil
    ) {
        self.name = name
        self.requestsPerSecond = requestsPerSecond
        self.itemsPerSecond = itemsPerSecond
        self.pools = pools
    }

    package func allows(pool: String) -> Bool { pools?.contains(pool) ?? true }
}
