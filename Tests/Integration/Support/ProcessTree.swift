import Foundation

/// Looks at processes through /proc.
enum ProcessTree {
    /// The direct children of a process: the file name of the program to its id. Several of one name are numbered.
    static func children(of parent: Int32) throws -> [String: Int32] {
        var children: [String: Int32] = [:]
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let id = Int32(entry), self.parent(of: id) == parent, let name = program(of: id) else { continue }
            var unique = name
            var number = 2
            while children[unique] != nil {
                unique = "\(name)-\(number)"
                number += 1
            }
            children[unique] = id
        }
        return children
    }

    /// Whether a process is there and not only waits to be reaped.
    static func isRunning(_ id: Int32) -> Bool {
        guard let state = fields(of: id)?.first else { return false }
        return state != "Z" && state != "X"
    }

    private static func parent(of id: Int32) -> Int32? {
        fields(of: id).flatMap { $0.dropFirst().first }.flatMap { Int32($0) }
    }

    private static func program(of id: Int32) -> String? {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/exe"))
            .map { URL(filePath: $0).lastPathComponent }
    }

    /// The fields of /proc/ID/stat behind the program's name: state, parent, ...
    private static func fields(of id: Int32) -> [Substring]? {
        guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        return stat[stat.index(after: end)...].split(separator: " ")
    }
}
