import NIOCore
import NIOSSL

/// Makes the TLS side of a connection from its configuration.
enum TLSContext {
    /// Reads the certificate files. Blocking: not for an event loop.
    static func make(_ configuration: NATSTLSConfiguration?) throws(NATSError) -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            if let configuration {
                if let file = configuration.authoritiesFile {
                    tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
                }
                if let file = configuration.certificateFile {
                    tls.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
                }
                if let file = configuration.privateKeyFile {
                    tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
                }
                if !configuration.verifiesServer { tls.certificateVerification = .none }
            }
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw .tls("the certificate files cannot be used: \(error)")
        }
    }

    /// A handler for one connection. An IP address is checked against the certificate's addresses, not its names.
    static func handler(
        _ context: NIOSSLContext, host: String, configuration: NATSTLSConfiguration?
    ) throws(NATSError) -> NIOSSLClientHandler {
        let name = configuration?.serverName ?? host
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name)
        } catch {
            throw .tls("\(error)")
        }
    }
}
