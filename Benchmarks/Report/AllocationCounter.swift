import Foundation
import TestSupport

/// Counts what a program allocates, by a library in front of the C library's functions (`scripts/allocation-count.c`).
final class AllocationCounter {
    private let folder: URL
    private var library: URL { folder.appending(path: "count.so") }
    private var file: URL { folder.appending(path: "count") }

    /// Nil where there is no C compiler to make the library with.
    init?() async throws {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let candidates = path.split(separator: ":").flatMap { folder in
            ["cc", "clang", "gcc"].map { "\(folder)/\($0)" }
        }
        guard let compiler = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            return nil
        }
        folder = FileManager.default.temporaryDirectory.appending(path: "allocations-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(count: 8).write(to: file)
        let source = Fixtures.repository.appending(path: "scripts/allocation-count.c")
        let compilation = try ProgramProcess(
            compiler, arguments: ["-O2", "-fPIC", "-shared", "-o", library.path, source.path])
        guard try await compilation.exitCode() == 0 else { return nil }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What a program has to be started with for its allocations to be counted.
    var environment: [String: String] {
        ["LD_PRELOAD": library.path, "SIE_BENCH_ALLOCATION_COUNT": file.path]
    }

    /// Allocations so far.
    var count: UInt64 {
        let bytes = (try? Data(contentsOf: file)) ?? Data()
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
