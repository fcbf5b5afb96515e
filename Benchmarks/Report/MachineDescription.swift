import Foundation

/// What a measurement was made on, in one line.
enum MachineDescription {
    static var current: String {
        let cpu =
            (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
            .split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
        let load =
            (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?
            .split(separator: " ").first.map(String.init) ?? "?"
        let memory = ProcessInfo.processInfo.physicalMemory >> 30
        return "\(cpu), \(ProcessInfo.processInfo.activeProcessorCount) cores, \(memory) GiB, "
            + "\(ProcessInfo.processInfo.operatingSystemVersionString), load \(load)\(settings)"
    }

    /// What of the kernel's settings a hand-over between two processes takes its time from, where they can be read: Linux's
    /// own are `cubic`, and 200 us in which a virtual core that has nothing to do waits before it halts.
    private static var settings: String {
        [
            ("TCP congestion control", "/proc/sys/net/ipv4/tcp_congestion_control"),
            ("ns of halt polling", "/sys/module/haltpoll/parameters/guest_halt_poll_ns"),
        ].compactMap { name, path in
            (try? String(contentsOfFile: path, encoding: .utf8)).map {
                ", \(name): \($0.trimmingCharacters(in: .whitespacesAndNewlines))"
            }
        }.joined()
    }
}
