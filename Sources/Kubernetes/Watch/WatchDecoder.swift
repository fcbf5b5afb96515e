/// Reads the events of a watch out of the bytes of its body, in pieces of any size: a value that does no I/O.
package struct WatchDecoder<Object: KubernetesObject>: Sendable {
    /// Why the bytes are no watch.
    package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// Objects have 3 MiB at most, in the server's default configuration; escapes make them longer.
    private static var limitBytes: Int { 32 << 20 }

    private var lines = LineSplitter(limitBytes: Self.limitBytes)

    package init() {}

    package mutating func add(_ piece: [UInt8]) { lines.add(piece) }

    /// The next event; nil where there is no whole one yet.
    package mutating func next() throws(Failure) -> WatchEvent<Object>? {
        let line: ArraySlice<UInt8>?
        do throws(LineSplitter.TooLong) {
            line = try lines.next()
        } catch {
            throw Failure(description: "an event is longer than \(error.limitBytes) bytes")
        }
        guard let line else { return nil }
        do {
            return try WatchEvent(line: line)
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// Whether the bytes end within an event.
    package var endsWithinEvent: Bool { lines.hasRemainder }
}
