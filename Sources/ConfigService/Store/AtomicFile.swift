import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Files that are there whole or not at all, also after a crash or a loss of power.
enum AtomicFile {
    /// Writes a temporary file beside the target, forces it to disk, renames it over the target, and forces the
    /// directory to disk, which makes the rename last. The temporary file is gone afterwards, whatever happens.
    static func write(_ text: String, to path: String) throws(ConfigStoreError) {
        let url = URL(filePath: path)
        let directory = url.deletingLastPathComponent().path
        let temporary = "\(directory)/.\(url.lastPathComponent).\(UInt64.random(in: .min ... .max)).tmp"
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw ConfigStoreError(operation: "create \(directory)", reason: "\(error)")
        }
        do throws(ConfigStoreError) {
            try writeDurably(text, to: temporary)
            guard rename(temporary, path) == 0 else { throw failure("rename to \(path)") }
        } catch {
            unlink(temporary)
            throw error
        }
        try synchronize(directory)
    }

    private static func writeDurably(_ text: String, to path: String) throws(ConfigStoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("create \(path)") }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Self.write(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write \(path)") }
            bytes = bytes.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw failure("fsync \(path)") }
    }

    private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func synchronize(_ directory: String) throws(ConfigStoreError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(directory)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync \(directory)") }
    }

    private static func failure(_ operation: String) -> ConfigStoreError {
        ConfigStoreError(operation: operation, reason: String(cString: strerror(errno)))
    }
}
