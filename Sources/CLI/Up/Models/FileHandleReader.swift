import SystemPackage

/// Reads the beginning of a file without the rest.
enum FileHandleReader {
    /// The first `count` bytes (fewer when the file is shorter), and the file's size in bytes.
    static func prefix(of path: String, count: Int) throws -> (bytes: [UInt8], size: UInt64) {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            let size = try file.seek(offset: 0, from: .end)
            let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                initialized = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
            }
            return (bytes, UInt64(size))
        }
    }
}
