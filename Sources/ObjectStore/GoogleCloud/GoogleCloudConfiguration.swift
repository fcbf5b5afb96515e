import Settings

/// Where Cloud Storage is.
package struct GoogleCloudConfiguration: Sendable, Hashable {
    /// The URL of the service, without a slash at its end.
    package var endpoint: String
    /// Whether the endpoint is an emulator, which wants no token.
    package var isEmulator: Bool

    /// Reads `STORAGE_EMULATOR_HOST`, with or without a scheme.
    package init(environment: Environment) {
        guard let host = environment.string("STORAGE_EMULATOR_HOST") else {
            endpoint = "https://storage.googleapis.com"
            isEmulator = false
            return
        }
        let url = host.contains("://") ? host : "http://\(host)"
        endpoint = url.hasSuffix("/") ? String(url.dropLast()) : url
        isEmulator = true
    }
}
