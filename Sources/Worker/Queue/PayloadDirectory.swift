import Dispatch
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The directory in which the gateway leaves items too large for the queue; `payload_ref` names one file of it (worker
/// contract 2.13). The gateway deletes them.
package struct PayloadDirectory: Sendable {
    /// Why an item cannot be had.
    package enum Failure: Error, Equatable, Sendable {
        /// The reference leads out of the directory.
        case outside
        case missing
        case tooLarge(bytes: Int)
        /// There is no directory to look in.
        case noStore
    }

    /// The longest item read.
    package static let maximumBytes = 256 << 20

    private let root: String
    /// Reads block, so they have a thread of their own; one, as files come from the system's memory mostly.
    private let reads = DispatchQueue(label: "sie-worker.payloads")

    /// - Parameter location: a directory, which may be made later.
    /// - Throws: `SettingError` for a store of another kind.
    package init(_ location: String) throws(SettingError) {
        guard !location.contains("://") else {
            throw SettingError(
                "SIE_PAYLOAD_STORE_URL must be a directory, other stores are not supported: '\(location)'")
        }
        root = location
    }

    /// Reads an item and hands it over on a thread that may block.
    package func read(_ reference: String, _ body: @escaping @Sendable (Result<[UInt8], Failure>) -> Void) {
        reads.async { [self] in
            do throws(Failure) {
                body(.success(try read(reference)))
            } catch {
                body(.failure(error))
            }
        }
    }

    /// Reads an item. Blocks.
    package func read(_ reference: String) throws(Failure) -> [UInt8] {
        let parts = reference.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8) && !part.contains(0)
        }
        guard isPlain else { throw .outside }
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
