import ConfigService
import Synchronization

/// A file system in memory that ends at a chosen operation, and shows afterwards what a crash of each kind leaves.
final class SimulatedDisk: StoreDisk {
    /// What is left.
    enum Crash: CaseIterable, Sendable {
        /// The process was killed: all that it did.
        case killed
        /// The power went: only what was synchronized.
        case powerLost
        /// The power went after names had reached the disk, and before content that was not synchronized had.
        case powerLostWithNames
    }

    private struct File {
        var content: [UInt8] = []
        var durable: [UInt8] = []
    }

    private struct State {
        var files: [UInt64: File] = [:]
        var names: [String: UInt64] = [:]
        var durableNames: [String: UInt64] = [:]
        var nextFile: UInt64 = 1
        var operations = 0
        var last: Int?
    }

    private let state: Mutex<State>

    /// - Parameter last: the operation in the middle of which everything ends; nil never ends.
    init(endingAt last: Int? = nil) {
        state = Mutex(State(last: last))
    }

    private init(_ state: sending State) { self.state = Mutex(state) }

    /// How many operations were begun.
    var operations: Int { state.withLock { $0.operations } }

    /// The disk that the next process finds.
    func after(_ crash: Crash) -> SimulatedDisk {
        let found = state.withLock { state in
            var found = State()
            found.nextFile = state.nextFile
            found.names = crash == .powerLost ? state.durableNames : state.names
            for (_, file) in found.names {
                let content = state.files[file] ?? File()
                let bytes = crash == .killed ? content.content : content.durable
                found.files[file] = File(content: bytes, durable: bytes)
            }
            found.durableNames = found.names
            return found
        }
        return SimulatedDisk(found)
    }

    /// Performs one operation, which is cut off in its middle if it is the last.
    private func operate(
        cutOff: (inout sending State) -> Void = { _ in }, _ body: (inout sending State) -> Bool
    ) throws(ConfigStoreError) {
        let isDone = state.withLock { state in
            state.operations += 1
            if let last = state.last, state.operations >= last {
                if state.operations == last { cutOff(&state) }
                return false
            }
            return body(&state)
        }
        guard isDone else { throw ConfigStoreError(operation: "simulated", reason: "the end, or no such file") }
    }

    // MARK: StoreDisk

    func read(_ path: String) throws(ConfigStoreError) -> [UInt8]? {
        state.withLock { state in state.names[path].flatMap { state.files[$0]?.content } }
    }

    func names(in directory: String) throws(ConfigStoreError) -> [String] {
        state.withLock { state in
            state.names.keys.filter { $0.hasPrefix(directory + "/") }.map { String($0.dropFirst(directory.count + 1)) }
                .filter { !$0.contains("/") }
        }
    }

    func createDirectory(_ path: String) throws(ConfigStoreError) {}

    func write(_ bytes: [UInt8], to path: String) throws(ConfigStoreError) {
        func put(_ state: inout State, _ bytes: [UInt8]) {
            let file = state.names[path] ?? state.nextFile
            if file == state.nextFile { state.nextFile += 1 }
            state.names[path] = file
            state.files[file, default: File()].content = bytes
        }
        try operate {
            put(&$0, Array(bytes.prefix(bytes.count / 2)))
        } _: {
            put(&$0, bytes)
            return true
        }
    }

    func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws(ConfigStoreError) {
        func put(_ state: inout State, _ bytes: [UInt8]) -> Bool {
            guard let name = state.names[path], var file = state.files[name],
                file.content.count >= offset + bytes.count
            else { return false }
            file.content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            file.durable = file.content
            state.files[name] = file
            return true
        }
        try operate {
            _ = put(&$0, Array(bytes.prefix(bytes.count / 2)))
        } _: {
            put(&$0, bytes)
        }
    }

    func synchronize(_ path: String) throws(ConfigStoreError) {
        try operate { state in
            guard let file = state.names[path], let content = state.files[file]?.content else { return false }
            state.files[file]?.durable = content
            return true
        }
    }

    func synchronizeDirectory(_ path: String) throws(ConfigStoreError) {
        try operate { state in
            func isInside(_ name: String) -> Bool {
                name.hasPrefix(path + "/") && !name.dropFirst(path.count + 1).contains("/")
            }
            state.durableNames = state.durableNames.filter { !isInside($0.key) }
            for (name, file) in state.names where isInside(name) { state.durableNames[name] = file }
            return true
        }
    }

    func synchronizeAll(_ directory: String) throws(ConfigStoreError) {
        try operate { state in
            state.durableNames = state.names
            for (number, file) in state.files { state.files[number]?.durable = file.content }
            return true
        }
    }

    func rename(_ path: String, to target: String) throws(ConfigStoreError) {
        try operate { state in
            guard let file = state.names.removeValue(forKey: path) else { return false }
            state.names[target] = file
            return true
        }
    }

    func remove(_ path: String) throws(ConfigStoreError) {
        try operate { state in
            state.names[path] = nil
            return true
        }
    }

    func identity(of path: String) -> UInt64? { state.withLock { $0.names[path] } }

    func locked<Value>(
        _ directory: String, _ body: () throws(ConfigStoreError) -> Value
    ) throws(ConfigStoreError) -> Value {
        try body()
    }
}
