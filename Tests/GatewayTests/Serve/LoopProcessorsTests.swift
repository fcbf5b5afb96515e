import Foundation
import Gateway
import TestSupport
import Testing

@Suite("The processors of event loops")
struct LoopProcessorsTests {
    private static func problem(_ text: String, allowed: ClosedRange<Int> = 0...7) -> String? {
        do throws(LoopProcessors.Invalid) {
            _ = try LoopProcessors(text) { allowed.contains($0) }
            return nil
        } catch {
            return error.description
        }
    }

    @Test("are numbers and ranges, in the order given")
    func numbers() throws {
        #expect(try LoopProcessors("0,4-7") { _ in true }.numbers == [0, 4, 5, 6, 7])
        #expect(try LoopProcessors("3") { _ in true }.numbers == [3])
        #expect(try LoopProcessors("5-5,1") { _ in true }.numbers == [5, 1])
    }

    @Test(
        "that cannot be read are refused by what is wrong, before anything is set aside for them",
        arguments: [
            "", "x", "1,", "-1", "1-", "3-1", "1-2-3", " 1", "+1", "0x1", "8192", "0-9223372036854775807", "1.5",
        ])
    func unreadable(text: String) {
        #expect(Self.problem(text)?.contains("is neither the number of a processor nor a range") == true)
    }

    @Test("are refused where the process may not run there, and where one is named twice")
    func unusable() {
        #expect(Self.problem("6-9") == "SIE_GATEWAY_CPUS: this process may not run on processor 8")
        #expect(Self.problem("0-3,2") == "SIE_GATEWAY_CPUS: processor 2 is named twice")
    }

    @Test("a gateway binds a loop to each and serves, and says what is wrong with others instead of starting")
    func process() async throws {
        let first = try #require((0..<1024).first { (try? LoopProcessors("\($0)")) != nil })
        let gateway = try await RunningGateway(
            environment: ["SIE_GATEWAY_CPUS": "\(first)", "SIE_GATEWAY_BUSY_POLL_US": "300"])
        let bound = try Self.allowedProcessors(ofLoopsOf: gateway.process.program.processIdentifier)
        #expect(bound == ["\(first)"])
        let refused = try ProgramProcess(
            try Tools.product("sie-gateway"), arguments: ["serve", "--port", "0"],
            environment: ["SIE_GATEWAY_CPUS": "8191"])
        #expect(try await refused.exitCode(within: .seconds(10)) == 1)
        #expect(
            refused.standardError.contains("SIE_GATEWAY_CPUS: this process may not run on processor 8191"),
            "\(refused.standardError)")
    }

    /// What the kernel says of each thread that runs an event loop.
    private static func allowedProcessors(ofLoopsOf process: Int32) throws -> [String] {
        let threads = "/proc/\(process)/task"
        return try FileManager.default.contentsOfDirectory(atPath: threads).compactMap { thread in
            let status = try String(contentsOfFile: "\(threads)/\(thread)/status", encoding: .utf8)
            guard status.hasPrefix("Name:\tNIO-ELT") else { return nil }
            return status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }?
                .split(separator: "\t").last.map(String.init)
        }
    }
}
