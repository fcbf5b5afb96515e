import Foundation
import TestSupport
import Testing

@Suite("CPU kernels of other processors")
struct EmulatedKernelTests {
    @Test("the NEON kernels are right, on an emulated processor where this one is no Arm", .timeLimit(.minutes(5)))
    func neon() throws {
        for tool in ["/usr/bin/qemu-aarch64-static", "/usr/bin/aarch64-linux-gnu-ld"]
        where !FileManager.default.isExecutableFile(atPath: tool) {
            print("SKIPPED: neon kernels on an emulated processor; \(tool) is missing, scripts/test installs it")
            return
        }
        let process = Process()
        process.executableURL = Fixtures.repository.appending(path: "scripts/check-kernels")
        process.arguments = ["neon"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.contains("neon kernels: ") && text.contains(", 0 failed"), "\(text)")
    }
}
