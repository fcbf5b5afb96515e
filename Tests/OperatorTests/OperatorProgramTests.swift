import TestSupport
import Testing
import Wire

@Suite("The operator's program")
struct OperatorProgramTests {
    @Test("`sie-operator version` prints the version that every product carries")
    func version() async throws {
        let program = try ProgramProcess(try Tools.product("sie-operator"), arguments: ["version"])
        #expect(try await program.exitCode() == 0)
        #expect(program.standardOutput == "sie-operator \(ProductVersion.current) (swift)\n")
    }
}
