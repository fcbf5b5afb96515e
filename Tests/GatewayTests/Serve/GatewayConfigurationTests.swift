import Gateway
import Settings
import Testing

@Suite("Configuration")
struct GatewayConfigurationTests {
    static func configuration(_ variables: [String: String] = [:]) -> GatewayConfiguration {
        GatewayConfiguration(environment: Environment(variables))
    }

    @Test("worker URLs are separated by commas, also in the environment")
    func workers() {
        #expect(
            Self.configuration(["SIE_GATEWAY_WORKERS": "http://a, http://b"]).workerURLs == ["http://a", "http://b"])
    }

    @Test("defaults are the contract's")
    func defaults() {
        let configuration = Self.configuration()
        #expect(configuration.port == 8080)
        #expect(configuration.host == "0.0.0.0")
        #expect(configuration.requestTimeoutSeconds == 30)
        #expect(configuration.maximumStreamPending == 50_000)
        #expect(configuration.natsURL == nil)
        #expect(configuration.configServiceURL == nil)
        #expect(configuration.trust.producers == ["sie-config"])
        #expect(configuration.healthMode == .webSocket)
        #expect(configuration.bundlesDirectory == "bundles")
        #expect(configuration.modelsDirectory == "models")
        #expect(configuration.authentication.mode == "none")
        let kubernetes = configuration.kubernetes
        #expect(!kubernetes.isEnabled && kubernetes.workerPort == 8080)
        #expect(kubernetes.namespace == "default" && kubernetes.service == "sie-worker")
    }

    @Test("payloads go to a directory by default, waiting is off, and connections are bounded")
    func additions() {
        let plain = Self.configuration()
        #expect(plain.payloadStoreURL == "payload_store")
        #expect(plain.defaultWaitSeconds == 0 && plain.maximumWaitSeconds == 600)
        #expect(plain.maximumConnections == 16_384)
        let set = Self.configuration([
            "SIE_PAYLOAD_STORE_URL": "/data/p", "SIE_GATEWAY_DEFAULT_WAIT": "-5", "SIE_GATEWAY_MAX_WAIT": "1e99",
            "SIE_GATEWAY_MAX_CONNECTIONS": "0",
        ])
        #expect(set.payloadStoreURL == "/data/p")
        #expect(set.defaultWaitSeconds == 0 && set.maximumWaitSeconds == 86_400)
        #expect(set.maximumConnections == 1)
    }

    @Test(
        "loops run anywhere and sleep without work unless told otherwise, and poll no longer than a tenth of a second")
    func loops() {
        #expect(Self.configuration().loopProcessors == nil)
        #expect(Self.configuration(["SIE_GATEWAY_CPUS": ""]).loopProcessors == nil)
        #expect(Self.configuration(["SIE_GATEWAY_CPUS": "0,2-3"]).loopProcessors == "0,2-3")
        #expect(Self.configuration().busyPollMicroseconds == 0)
        #expect(Self.configuration(["SIE_GATEWAY_BUSY_POLL_US": "400"]).busyPollMicroseconds == 400)
        #expect(Self.configuration(["SIE_GATEWAY_BUSY_POLL_US": "-1"]).busyPollMicroseconds == 0)
        #expect(Self.configuration(["SIE_GATEWAY_BUSY_POLL_US": "1000000"]).busyPollMicroseconds == 100_000)
    }

    @Test("the config service's URL loses its trailing slash; empty means none")
    func configServiceURL() {
        #expect(Self.configuration(["SIE_CONFIG_SERVICE_URL": "http://c:1/"]).configServiceURL == "http://c:1")
        #expect(Self.configuration(["SIE_CONFIG_SERVICE_URL": ""]).configServiceURL == nil)
    }

    @Test("tokens fall back to the single variable only when the list is empty")
    func tokens() {
        let both = Self.configuration(["SIE_AUTH_TOKENS": "a,b", "SIE_AUTH_TOKEN": "c", "SIE_ADMIN_TOKEN": "root"])
        #expect(both.authentication.tokens == ["a", "b"])
        #expect(both.authentication.adminToken == "root")
        #expect(Self.configuration(["SIE_AUTH_TOKENS": " , ", "SIE_AUTH_TOKEN": "c"]).authentication.tokens == ["c"])
    }

    @Test("settings of the config service's own store change nothing here")
    func ignoredSettings() {
        let plain = Self.configuration()
        let other = Self.configuration(["SIE_CONFIG_STORE_DIR": "/x", "SIE_CONFIG_RESTORE": "true"])
        #expect(String(describing: plain) == String(describing: other))
    }
}
