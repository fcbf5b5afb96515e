import Foundation

/// What one durable replacement of a file costs on a disk: write, flush, rename, flush of the directory.
enum DiskFloor {
    /// Replacements per second in a directory, one after the other, and flushes of one file per second.
    static func measure(in folder: URL, seconds: Double) -> (replacements: Double, flushes: Double) {
        let bytes = [UInt8](ConfigWorkload.document("bench/floor").utf8)
        let directory = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(directory) }
        let temporary = folder.appending(path: "floor.tmp").path
        let target = folder.appending(path: "floor.yaml").path
        let replacements = rate(seconds) {
            let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            _ = write(file, bytes, bytes.count)
            fsync(file)
            close(file)
            rename(temporary, target)
            fsync(directory)
        }
        let journal = open(target, O_WRONLY | O_CLOEXEC)
        defer {
            close(journal)
            unlink(target)
        }
        let flushes = rate(seconds) {
            _ = pwrite(journal, bytes, bytes.count, 0)
            fdatasync(journal)
        }
        return (replacements, flushes)
    }

    private static func rate(_ seconds: Double, _ step: () -> Void) -> Double {
        let start = ContinuousClock.now
        var count = 0
        var elapsed = 0.0
        repeat {
            step()
            count += 1
            elapsed =
                Double((ContinuousClock.now - start).components.attoseconds) / 1e18
                + Double((ContinuousClock.now - start).components.seconds)
        } while elapsed < seconds
        return Double(count) / elapsed
    }
}
