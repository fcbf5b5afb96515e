import Foundation
import TestSupport

/// Counts what a running process allocates, by perf's probes at the entries of the C library's functions.
struct AllocationCounter {
    private static let functions = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"]

    private let perf: String

    /// Nil where there is no perf, or it may not place probes.
    init?() async {
        let perf = "/usr/bin/perf"
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        guard FileManager.default.isExecutableFile(atPath: perf),
            let library = maps.split(separator: "\n").compactMap({ $0.split(separator: " ").last })
                .first(where: { $0.hasSuffix("/libc.so.6") })
        else { return nil }
        self.perf = perf
        for function in Self.functions {
            // One that is there already is as good.
            _ = try? await Self.output(of: perf, ["probe", "-q", "-x", String(library), function])
        }
        let events = (try? await Self.output(of: perf, ["list", "tracepoint"])) ?? ""
        guard Self.functions.allSatisfy({ events.contains("probe_libc:\($0) ") }) else { return nil }
    }

    /// Allocations for each of the requests that `load` says it made.
    func count(of process: Int32, _ load: () async throws -> Int) async throws -> Double {
        let events = Self.functions.map { "probe_libc:\($0)" }.joined(separator: ",")
        let counter = try ProgramProcess(perf, arguments: ["stat", "-x", ",", "-e", events, "-p", "\(process)"])
        // Until the probes are in place.
        try await Task.sleep(for: .milliseconds(500))
        let requests = try await load()
        counter.signal(2)
        try await counter.exitCode()
        let total = counter.standardError.split(separator: "\n").reduce(0.0) { sum, line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard line.contains("probe_libc:"), let first = fields.first, let count = Double(first) else { return sum }
            return sum + count
        }
        return total / Double(max(1, requests))
    }

    private static func output(of program: String, _ arguments: [String]) async throws -> String {
        let process = try ProgramProcess(program, arguments: arguments)
        try await process.exitCode()
        return process.standardOutput
    }
}
