import Wire

/// What has become of the items of one batch. A value fed with events; each tells whether it was the last.
package struct BatchAnswers: Sendable, Equatable {
    /// In the order of their coming.
    package private(set) var results: [WorkResult] = []
    /// For how long items were given back, the longest time; nil where none was.
    package private(set) var givenBackFor: Duration?
    private var open: Int

    /// - Parameter itemCount: at least one.
    package init(itemCount: Int) {
        open = itemCount
        results.reserveCapacity(itemCount)
    }

    package mutating func answered(_ result: WorkResult) -> Bool {
        results.append(result)
        return isLast()
    }

    package mutating func gaveBack(for delay: Duration) -> Bool {
        givenBackFor = max(givenBackFor ?? .zero, delay)
        return isLast()
    }

    private mutating func isLast() -> Bool {
        open -= 1
        return open == 0
    }
}
