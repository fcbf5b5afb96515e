import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The directory that holds everything the stack writes: a temporary one that goes away with the stack, or the
/// user's own, which stays.
///
/// A lock on a file inside keeps two stacks out of one directory. The same lock tells a temporary directory that a
/// killed `sie` left behind (nobody holds it) from one in use: the next start removes the former.
package final class DataDirectory: Sendable {
    /// Where what lies. Paths are absolute.
    package struct Layout: Sendable, Equatable {
        package var root: String

        package init(root: String) { self.root = root }

        package var natsConfiguration: String { "\(root)/nats.conf" }
        package var jetStream: String { "\(root)/jetstream" }
        package var bundles: String { "\(root)/catalog/bundles" }
        package var models: String { "\(root)/catalog/models" }
        package var configStore: String { "\(root)/config" }
        package var payloads: String { "\(root)/payloads" }
        package var lock: String { "\(root)/lock" }
    }

    package let layout: Layout
    private let isTemporary: Bool
    private let lockDescriptor: Int32

    private static let temporaryPrefix = "sie-up-"

    private init(layout: Layout, isTemporary: Bool, lockDescriptor: Int32) {
        self.layout = layout
        self.isTemporary = isTemporary
        self.lockDescriptor = lockDescriptor
    }

    /// Opens the user's directory, creating it if need be.
    package static func open(at path: String) throws(UpError) -> DataDirectory {
        let absolute = URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL.path
        let layout = Layout(root: absolute)
        try create(layout)
        guard let lock = acquireLock(layout.lock) else {
            throw UpError(
                "the data directory \(absolute) is in use by another stack",
                remedy: "Stop that one, or give this one its own directory with --data-dir.")
        }
        return DataDirectory(layout: layout, isTemporary: false, lockDescriptor: lock)
    }

    /// Makes a new directory below `parent` (the system's place for temporary files), and removes those that ended
    /// stacks left there.
    package static func temporary(in parent: String) throws(UpError) -> DataDirectory {
        removeAbandoned(in: parent)
        let root = "\(parent)/\(temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 36))"
        do {
            // For this user alone: the texts of requests pass through files here.
            try FileManager.default.createDirectory(
                atPath: root, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        } catch {
            throw UpError(
                "cannot create a temporary directory in \(parent): \(error)",
                remedy: "Set TMPDIR to a directory that can be written, or name one with --data-dir.")
        }
        let layout = Layout(root: root)
        try create(layout)
        guard let lock = acquireLock(layout.lock) else {
            throw UpError("cannot lock \(layout.lock)", remedy: "Name another place with --data-dir.")
        }
        return DataDirectory(layout: layout, isTemporary: true, lockDescriptor: lock)
    }

    /// Gives the directory back: a temporary one is removed.
    package func close() {
        if isTemporary { try? FileManager.default.removeItem(atPath: layout.root) }
        _ = systemClose(lockDescriptor)
    }

    private static func create(_ layout: Layout) throws(UpError) {
        for directory in [
            layout.jetStream, layout.bundles, layout.models, layout.configStore, layout.payloads,
        ] {
            do {
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            } catch {
                throw UpError(
                    "cannot create \(directory): \(error)",
                    remedy: "Name a directory that can be written with --data-dir.")
            }
        }
    }

    private static func removeAbandoned(in parent: String) {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for entry in entries where entry.hasPrefix(temporaryPrefix) {
            let layout = Layout(root: "\(parent)/\(entry)")
            // Without a lock file it may be one that another `sie` is just making.
            guard FileManager.default.fileExists(atPath: layout.lock), let lock = acquireLock(layout.lock) else {
                continue
            }
            try? FileManager.default.removeItem(atPath: layout.root)
            _ = systemClose(lock)
        }
    }

    /// The locked descriptor, or nil when another process holds the lock.
    private static func acquireLock(_ path: String) -> Int32? {
        let descriptor = systemOpen(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            _ = systemClose(descriptor)
            return nil
        }
        return descriptor
    }
}

// Inside the type, `open` and `close` name its own members.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
