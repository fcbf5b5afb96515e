import Foundation
import Glibc
import TestSupport

/// Keeps every core from halting: a process of the idle class spins on each, as a kernel booted with `idle=poll` would.
///
/// Waking a halted core of a virtual machine takes its host 30 to 50 us, which a lone request pays at each hand-over. What
/// runs in the idle class gives way to everything else at once and takes no time from it.
final class AwakeCores: Sendable {
    private let spinners: [ChildProcess]

    init() throws {
        spinners = try (0..<ProcessInfo.processInfo.activeProcessorCount).map { _ in
            try ChildProcess("/usr/bin/chrt", arguments: ["--idle", "0", "sh", "-c", "while :; do :; done"])
        }
    }

    deinit {
        for spinner in spinners {
            spinner.signal(SIGKILL)
            spinner.waitUntilExit()
        }
    }
}
