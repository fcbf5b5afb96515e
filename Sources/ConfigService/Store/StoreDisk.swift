/// The few things that a local store asks of a file system, each of which may fail or be the last before a crash.
///
/// Paths are complete. What is written or renamed survives the death of the process at once, but the loss of power only
/// after it was synchronized.
package protocol StoreDisk: Sendable {
    /// The bytes of a file; nil where there is none.
    func read(_ path: String) throws(ConfigStoreError) -> [UInt8]?
    /// The names in a directory, in no order; none where it does not exist.
    func names(in directory: String) throws(ConfigStoreError) -> [String]
    /// Creates a directory and those above it; one that exists stays.
    func createDirectory(_ path: String) throws(ConfigStoreError)
    /// Creates a file, or empties one, and writes it.
    func write(_ bytes: [UInt8], to path: String) throws(ConfigStoreError)
    /// Writes over a part of an existing file and makes that part durable.
    func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws(ConfigStoreError)
    /// Makes the content of a file durable.
    func synchronize(_ path: String) throws(ConfigStoreError)
    /// Makes the names in a directory durable.
    func synchronizeDirectory(_ path: String) throws(ConfigStoreError)
    /// Makes everything durable that was written to the file system of a directory.
    func synchronizeAll(_ directory: String) throws(ConfigStoreError)
    /// Gives a file another name, in place of what had that name, in one step.
    func rename(_ path: String, to target: String) throws(ConfigStoreError)
    /// Removes a file, if it is there.
    func remove(_ path: String) throws(ConfigStoreError)
    /// A number that tells a file from any other that takes its name later; nil where there is no file.
    func identity(of path: String) -> UInt64?
    /// Runs `body` while no other process runs one for the same directory.
    func locked<Value>(
        _ directory: String, _ body: () throws(ConfigStoreError) -> Value
    ) throws(ConfigStoreError) -> Value
}
