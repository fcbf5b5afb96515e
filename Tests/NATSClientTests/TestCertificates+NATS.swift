import NATSClient
import TestSupport

extension TestCertificates {
    var client: NATSTLSConfiguration {
        NATSTLSConfiguration(
            authoritiesFile: path("ca.pem"), certificateFile: path("client.pem"), privateKeyFile: path("client.key"))
    }
}
