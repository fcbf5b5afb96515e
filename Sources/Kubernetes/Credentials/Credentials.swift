import CurlClient
import FoundationEssentials

/// The credentials of one cluster, as they are right now.
actor Credentials {
    private struct Loaded: Sendable {
        var credential: Credential
        var expiry: Double?
        var lifetimeSeconds: Double?
    }

    private static let tokenFileLifetimeSeconds = 60.0
    private static let maximumTokenBytes = 1 << 20

    private let source: CredentialSource
    private let server: String
    private let now: @Sendable () -> Double
    private var cache = CredentialCache<Credential>()
    private var loading: Task<Result<Loaded, CredentialError>, Never>?

    /// - Parameter now: the time in seconds since 1970.
    init(_ source: CredentialSource, server: String, now: @escaping @Sendable () -> Double) {
        self.source = source
        self.server = server
        self.now = now
    }

    /// What to send; all who ask while it is loaded get the same.
    func current() async throws(CredentialError) -> Credential {
        switch source {
        case .anonymous: return Credential()
        case .token(let token): return try Self.bearer(token, from: "the configuration")
        case .basic(let user, let password):
            return Credential(authorization: "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")
        case .tokenFile, .exec: break
        }
        if case .use(let credential) = cache.step(now: now()) { return credential }
        switch await load().value {
        case .success(let loaded): return loaded.credential
        case .failure(let error):
            if let old = cache.loadFailed(now: now()) { return old }
            throw error
        }
    }

    /// Takes note that the server did not accept a credential.
    func refused(_ credential: Credential) { cache.refused(credential) }

    private func load() -> Task<Result<Loaded, CredentialError>, Never> {
        if let loading { return loading }
        // One task for all that ask: the first of them may be cancelled while the others wait.
        let task = Task { () -> Result<Loaded, CredentialError> in
            let result: Result<Loaded, CredentialError>
            do throws(CredentialError) {
                result = .success(try await read())
            } catch {
                result = .failure(error)
            }
            loading = nil
            if case .success(let loaded) = result {
                cache.loaded(
                    loaded.credential, expiry: loaded.expiry, lifetimeSeconds: loaded.lifetimeSeconds, now: now())
            }
            return result
        }
        loading = task
        return task
    }

    private func read() async throws(CredentialError) -> Loaded {
        switch source {
        case .tokenFile(let path):
            guard let data = FileManager.default.contents(atPath: path), data.count <= Self.maximumTokenBytes else {
                throw CredentialError("the token file \(path) cannot be read")
            }
            let credential = try Self.bearer(String(decoding: data, as: UTF8.self), from: path)
            return Loaded(credential: credential, lifetimeSeconds: Self.tokenFileLifetimeSeconds)
        case .exec(let plugin):
            let answer = try await plugin.run(server: server)
            var credential = Credential(identity: answer.identity)
            if let token = answer.token {
                credential.authorization = try Self.bearer(token, from: plugin.command).authorization
            }
            return Loaded(credential: credential, expiry: answer.expiry)
        case .anonymous, .token, .basic:
            return Loaded(credential: Credential())
        }
    }

    private static func bearer(_ token: String, from place: String) throws(CredentialError) -> Credential {
        let words = token.split(whereSeparator: \.isWhitespace)
        guard words.count == 1, let word = words.first, word.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CredentialError("\(place) holds \(words.isEmpty ? "no token" : "something that is no token")")
        }
        return Credential(authorization: "Bearer \(word)")
    }
}
