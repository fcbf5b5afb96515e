import FoundationEssentials

/// The files that paths on the command line mean: a folder stands for every `.yaml` file below it.
enum ModelFiles {
    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    /// What is read of a file at most; the service takes far less.
    private static let maximumBytes = 8 << 20

    static func paths(_ arguments: [String]) throws(Unreadable) -> [String] {
        var paths: [String] = []
        for argument in arguments {
            var isFolder = false
            guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
                throw Unreadable(description: "\(argument) does not exist")
            }
            guard isFolder else {
                paths.append(argument)
                continue
            }
            let folder = argument.utf8.last == UInt8(ascii: "/") ? String(argument.dropLast()) : argument
            do {
                let below = try FileManager.default.subpathsOfDirectory(atPath: argument)
                paths += below.filter { $0.utf8.suffix(5).elementsEqual(".yaml".utf8) }.sorted().map {
                    "\(folder)/\($0)"
                }
            } catch {
                throw Unreadable(description: "\(argument) cannot be read: \(error)")
            }
        }
        return paths
    }

    static func bytes(_ path: String) throws(Unreadable) -> [UInt8] {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        // A link's own type is no file's; opening anything but a file or a link to one could wait for ever.
        guard let type = attributes?[.type] as? FileAttributeType, type == .typeRegular || type == .typeSymbolicLink
        else { throw Unreadable(description: "\(path) is no file") }
        do {
            let (bytes, size) = try FileHandleReader.prefix(of: path, count: maximumBytes)
            guard size <= UInt64(maximumBytes) else {
                throw Unreadable(description: "\(path) has \(size) bytes, far more than any model")
            }
            return bytes
        } catch let error as Unreadable {
            throw error
        } catch {
            throw Unreadable(description: "\(path) cannot be read: \(error)")
        }
    }
}
