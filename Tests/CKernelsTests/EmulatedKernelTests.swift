import CKernels
import Foundation
import TestSupport
import Testing

@Suite("CPU kernels of other processors", .serialized)
struct EmulatedKernelTests {
    @Test("the NEON kernels are right, on an emulated processor where this one is no Arm", .timeLimit(.minutes(5)))
    func neon() throws {
        for tool in ["/usr/bin/qemu-aarch64-static", "/usr/bin/aarch64-linux-gnu-ld"]
        where !FileManager.default.isExecutableFile(atPath: tool) {
            print("SKIPPED: neon kernels on an emulated processor; \(tool) is missing, scripts/test installs it")
            return
        }
        try check("neon")
    }

    @Test("the AVX-512 kernels' tiles are right when made of AVX2 instructions", .timeLimit(.minutes(5)))
    func avx512Shape() throws {
        guard sie_cpu_supports(SIE_CPU_AVX2) else {
            print("SKIPPED: the tiles of the avx512 kernels; this processor has no AVX2")
            return
        }
        try check("avx512-shape")
    }

    private func check(_ level: String) throws {
        let output = Pipe()
        let process = try ChildProcess(
            Fixtures.repository.appending(path: "scripts/check-kernels").path, arguments: [level],
            output: .descriptor(output.fileHandleForWriting.fileDescriptor),
            error: .descriptor(output.fileHandleForWriting.fileDescriptor))
        try output.fileHandleForWriting.close()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(process.waitUntilExit() == .exit(0), "\(text)")
        #expect(text.contains("\(level) kernels: ") && text.contains(", 0 failed"), "\(text)")
    }
}
