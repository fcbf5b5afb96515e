import CFileSystem
import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file system of this machine.
package struct PosixDisk: StoreDisk {
    /// The time for which another process's lock is waited for.
    private static let lockWait = Duration.seconds(5)

    package init() {}

    package func read(_ path: String) throws(ConfigStoreError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open \(path)")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("stat \(path)") }
        var bytes: [UInt8] = []
        var isAtEnd = false
        while !isAtEnd {
            let room = max(4096, Int(status.st_size) - bytes.count + 1)
            var problem: Int32 = 0
            let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                var got = -1
                repeat { got = systemRead(descriptor, buffer) } while got < 0 && errno == EINTR
                if got < 0 { problem = errno }
                count = max(0, got)
            }
            guard problem == 0 else { throw failure("read \(path)", problem) }
            isAtEnd = part.isEmpty
            bytes = bytes.isEmpty ? part : bytes + part
        }
        return bytes
    }

    package func names(in directory: String) throws(ConfigStoreError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw failure("open \(directory)")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func createDirectory(_ path: String) throws(ConfigStoreError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ConfigStoreError(operation: "create \(path)", reason: "\(error)")
        }
    }

    package func write(_ bytes: [UInt8], to path: String) throws(ConfigStoreError) {
        try withFile(path, O_WRONLY | O_CREAT | O_TRUNC) { descriptor throws(ConfigStoreError) in
            try writeAll(descriptor, bytes, at: 0, path)
        }
    }

    package func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws(ConfigStoreError) {
        try withFile(path, O_WRONLY) { descriptor throws(ConfigStoreError) in
            try writeAll(descriptor, bytes, at: offset, path)
            // The file's size does not change, so its content is all that has to reach the disk.
            #if canImport(Darwin)
                guard fsync(descriptor) == 0 else { throw failure("fsync \(path)") }
            #else
                guard fdatasync(descriptor) == 0 else { throw failure("fdatasync \(path)") }
            #endif
        }
    }

    package func synchronize(_ path: String) throws(ConfigStoreError) {
        try withFile(path, O_RDONLY) { descriptor throws(ConfigStoreError) in
            guard fsync(descriptor) == 0 else { throw failure("fsync \(path)") }
        }
    }

    package func synchronizeDirectory(_ path: String) throws(ConfigStoreError) {
        try withFile(path, O_RDONLY | O_DIRECTORY) { descriptor throws(ConfigStoreError) in
            guard fsync(descriptor) == 0 else { throw failure("fsync \(path)") }
        }
    }

    package func synchronizeAll(_ directory: String) throws(ConfigStoreError) {
        #if canImport(Darwin)
            sync()
        #else
            try withFile(directory, O_RDONLY | O_DIRECTORY) { descriptor throws(ConfigStoreError) in
                guard syncfs(descriptor) == 0 else { throw failure("syncfs \(directory)") }
            }
        #endif
    }

    package func rename(_ path: String, to target: String) throws(ConfigStoreError) {
        guard systemRename(path, target) == 0 else { throw failure("rename to \(target)") }
    }

    package func remove(_ path: String) throws(ConfigStoreError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove \(path)") }
    }

    package func identity(of path: String) -> UInt64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return UInt64(truncatingIfNeeded: status.st_ino)
    }

    package func locked<Value>(
        _ directory: String, _ body: () throws(ConfigStoreError) -> Value
    ) throws(ConfigStoreError) -> Value {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(directory)") }
        // Closing it gives the lock back.
        defer { close(descriptor) }
        let start = ContinuousClock.now
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw failure("lock \(directory)") }
            guard .now - start < Self.lockWait else {
                throw ConfigStoreError(operation: "lock \(directory)", reason: "another process holds the lock")
            }
            usleep(2000)
        }
        return try body()
    }

    // MARK: Descriptors

    private func withFile(
        _ path: String, _ flags: Int32, _ body: (Int32) throws(ConfigStoreError) -> Void
    ) throws(ConfigStoreError) {
        let descriptor = open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("open \(path)") }
        defer { close(descriptor) }
        try body(descriptor)
    }

    private func writeAll(
        _ descriptor: Int32, _ bytes: [UInt8], at offset: Int, _ path: String
    ) throws(ConfigStoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written,
                    off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write \(path)") }
            written += count
        }
    }

    private func failure(_ operation: String, _ code: Int32 = errno) -> ConfigStoreError {
        ConfigStoreError(operation: operation, reason: String(cString: strerror(code)))
    }
}

// The names of the system's functions, where a method of the same name hides them.

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}

private func systemRename(_ path: String, _ target: String) -> Int32 { rename(path, target) }
