extension ConnectOptions {
    /// Adds what proves who the client is. Blocking where a credentials file is read: not for an event loop.
    mutating func authenticate(
        with credentials: NATSCredentials, server: NATSServerAddress, nonce: String?
    ) throws(NATSError) {
        switch credentials {
        case .none:
            if let password = server.password {
                self.user = server.user
                self.password = password
            } else {
                self.token = server.user
            }
        case .userPassword(let user, let password):
            self.user = user
            self.password = password
        case .token(let token):
            self.token = token
        case .nkey(let seed):
            // A server that wants no signature sends no nonce; there is nothing to prove then.
            guard let nonce else { return }
            let key = try NKeySeed(seed)
            self.publicKey = key.publicKey
            self.signature = try key.sign(nonce)
        case .credentialsFile(let path):
            let file = try CredentialsFile(path: path)
            self.jwt = file.jwt
            if let nonce { self.signature = try NKeySeed(file.seed).sign(nonce) }
        }
    }
}
