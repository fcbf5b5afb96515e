import Wire

/// Which client releases are further from this gateway's than one minor version, each to be told of once (gateway
/// contract 2.9). Nothing is ever refused for it.
package struct SDKSkew: Sendable {
    /// Releases remembered; version headers come from callers, so there must be a bound.
    static let maximumRemembered = 1024

    private let minor: Int
    private var noted: Set<Int> = []

    /// - Parameter version: the gateway's own.
    package init(version: String = ProductVersion.current) {
        minor = SDKVersion(header: version)?.minor ?? 0
    }

    /// Whether this client is the first of its minor version that is too far away.
    package mutating func isNews(_ sdk: SDKVersion) -> Bool {
        guard abs(sdk.minor - minor) > 1, noted.count < Self.maximumRemembered else { return false }
        return noted.insert(sdk.minor).inserted
    }
}
