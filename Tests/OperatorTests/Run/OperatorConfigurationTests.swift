import Operator
import Settings
import TestSupport
import Testing

@Suite("The operator's settings")
struct OperatorConfigurationTests {
    @Test(
        "addresses are host and port, where no host means all addresses",
        arguments: [
            (":8080", "0.0.0.0", 8080), ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:9", "::1", 9),
            ("localhost:65535", "localhost", 65535),
        ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try OperatorConfiguration.Address(text, of: "X")
        #expect(address.host == host && address.port == port)
    }

    @Test("what is no address is named", arguments: ["", "8080", "host:", "host:x", ":65536", ":-1"])
    func refused(text: String) {
        #expect(throws: SettingError("METRICS must be HOST:PORT or :PORT, not '\(text)'")) {
            try OperatorConfiguration.Address(text, of: "METRICS")
        }
    }

    @Test("without a config service's URL the program says what is missing and ends")
    func missing() async throws {
        let program = try ProgramProcess(
            try Tools.product("sie-operator"), arguments: ["run"], environment: ["CONFIG_URL": nil])
        #expect(try await program.exitCode() == 1)
        #expect((program.standardOutput + program.standardError).contains("CONFIG_URL"))
    }
}
