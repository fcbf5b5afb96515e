import Foundation

/// The memory that processes hold.
enum ProcessMemory {
    /// Resident memory in MiB; 0 where there is no such process.
    static func residentMebibytes(of id: Int32) -> Double {
        let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
    }
}
