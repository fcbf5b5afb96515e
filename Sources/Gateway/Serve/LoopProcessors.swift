import CProcess
import NIOPosix

/// The processors that event loops are bound to, one loop each: numbers and ranges of them, such as `2` or `0,4-7`.
///
/// A loop that stays on its processor is not moved in the middle of its work when what it has written wakes somebody else
/// there. Whoever binds loops gives those processors to nobody else: a bound loop cannot make way.
package struct LoopProcessors: Equatable, Sendable {
    package struct Invalid: Error, Equatable, CustomStringConvertible {
        package let description: String

        init(_ problem: String) { description = "SIE_GATEWAY_CPUS: \(problem)" }
    }

    /// In the order given; none twice.
    package let numbers: [Int]

    /// - Parameter mayUse: whether this process may run on a processor.
    package init(
        _ text: String, mayUse: (Int) -> Bool = { cprocess_may_run_on(Int32($0)) == 1 }
    ) throws(Invalid) {
        var numbers: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = Self.range(part) else {
                throw Invalid("'\(part)' is neither the number of a processor nor a range of them such as 0-3")
            }
            for number in range {
                guard !numbers.contains(number) else { throw Invalid("processor \(number) is named twice") }
                guard mayUse(number) else { throw Invalid("this process may not run on processor \(number)") }
                numbers.append(number)
            }
        }
        self.numbers = numbers
    }

    /// Far more than any machine has, and few enough to go through.
    private static let limit = 8192

    private static func range(_ part: Substring) -> ClosedRange<Int>? {
        let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { end in
            end.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(end) : nil
        }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last, last < limit else {
            return nil
        }
        return first...last
    }

    /// A loop for each processor. Only on Linux: elsewhere no process may run on a certain processor, and there is no value.
    func makeEventLoopGroup() -> MultiThreadedEventLoopGroup {
        #if os(Linux)
            MultiThreadedEventLoopGroup(pinnedCPUIDs: numbers)
        #else
            MultiThreadedEventLoopGroup(numberOfThreads: numbers.count)
        #endif
    }
}
