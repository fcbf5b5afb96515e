/// The client library's version, from `X-SIE-SDK-Version`.
///
/// It never grants or refuses anything; it only chooses between the two ways of saying "capacity is being
/// provisioned", because the two client lines do not understand each other's form.
package struct SDKVersion: Equatable, Sendable {
    package var major: Int
    package var minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses `major.minor[.anything]`; nil for text such as `unknown`.
    package init?(header: String) {
        let parts = header.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0 else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    /// Clients after the 0.3 line wait on 503 `PROVISIONING` and fail on 202; older ones, and callers that
    /// name no version, expect 202. The releases in between are unmeasured and treated as new.
    package var waitsOnServiceUnavailable: Bool { major > 0 || minor >= 4 }
}
