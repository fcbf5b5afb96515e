import Dispatch
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A directory as the place of items too large for the queue.
package struct PayloadDirectory: PayloadSource {
    /// The longest item read.
    package static let maximumBytes = 256 << 20

    private let root: String
    /// Reads block, so they have a thread of their own; one, as files come from the system's memory mostly.
    private let reads = DispatchQueue(label: "sie-worker.payloads")

    /// - Parameter location: a directory, which may be made later.
    /// - Throws: `SettingError` for an address of any kind.
    package init(_ location: String) throws(SettingError) {
        guard !location.contains("://") else {
            throw SettingError(
                "SIE_PAYLOAD_STORE_URL must be a directory, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX: '\(location)'")
        }
        root = location
    }

    package func read(_ reference: String, _ body: @escaping @Sendable (Result<[UInt8], PayloadFailure>) -> Void) {
        reads.async { [self] in
            do throws(PayloadFailure) {
                body(.success(try read(reference)))
            } catch {
                body(.failure(error))
            }
        }
    }

    /// Reads an item. Blocks.
    package func read(_ reference: String) throws(PayloadFailure) -> [UInt8] {
        guard PayloadReference.isPlain(reference) else { throw .outside }
        // A link in the directory may lead out of it as well.
        guard let base = Self.resolved(root), let path = Self.resolved(root + "/" + reference) else { throw .missing }
        guard path.utf8.starts(with: (base + "/").utf8) else { throw .outside }
        // Without waiting: a pipe of this name has nothing to say.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw .missing }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .missing }
        let size = Int(status.st_size)
        guard size <= Self.maximumBytes else { throw .tooLarge(bytes: size) }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = bytes.withUnsafeMutableBytes { Self.fill($0, from: descriptor) }
        guard count == size else { throw .missing }
        return bytes
    }

    /// The bytes read before the file or the buffer ended.
    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32) -> Int {
        var count = 0
        while count < buffer.count {
            let step = pread(
                descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count, off_t(count))
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { break }
            count += step
        }
        return count
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
