import Gateway
import Testing

@Suite("Configuration")
struct GatewayConfigurationTests {
    static func configuration(_ variables: [String: String] = [:]) -> GatewayConfiguration {
        GatewayConfiguration(environment: Environment(variables))
    }

    @Test(
        "booleans are true in all their forms and false otherwise",
        arguments: [
            ("true", true), ("1", true), ("yes", true), ("True", true), ("YES", true), ("TRUE", true),
            ("false", false), ("0", false), ("no", false), ("anything", false), ("", false),
        ])
    func booleans(text: String, expected: Bool) {
        #expect(Environment(["FLAG": text]).bool("FLAG") == expected)
        #expect(!Environment([:]).bool("FLAG"))
    }

    @Test("numbers that do not parse mean the default")
    func numbers() {
        let environment = Environment(["I": "7", "BAD": "x", "F": "0.5", "INF": "inf", "EMPTY": ""])
        #expect(environment.integer("I", default: 1) == 7)
        #expect(environment.integer("BAD", default: 1) == 1)
        #expect(environment.integer("EMPTY", default: 1) == 1)
        #expect(environment.double("F", default: 1) == 0.5)
        #expect(environment.double("INF", default: 1) == 1)
        #expect(environment.double("NONE", default: 1) == 1)
    }

    @Test("lists are split, trimmed and freed of empty parts")
    func lists() {
        #expect(Environment.list(" a , b,,c ,") == ["a", "b", "c"])
        #expect(Environment.list("") == [])
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
