#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What tells one state of a settings file from another without reading it: which file it is, how long, and when it was
/// written. The file of a mounted Secret or ConfigMap is another one after each change.
///
/// Two writes of the same length within one tick of the file system's clock look alike; who must not miss the second one
/// compares the contents.
public struct FileFingerprint: Sendable, Hashable {
    private var device: UInt64
    private var inode: UInt64
    private var sizeBytes: Int64
    private var modifiedSeconds: Int64
    private var modifiedNanoseconds: Int64

    /// Looks at a file, with one `stat` that blocks; nil where there is none, or none that may be seen.
    ///
    /// What counts is what a link leads to: in a ConfigMap's volume every name is a link, and no link ever changes.
    public init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
        sizeBytes = Int64(status.st_size)
        modifiedSeconds = Int64(modified.tv_sec)
        modifiedNanoseconds = Int64(modified.tv_nsec)
    }
}
