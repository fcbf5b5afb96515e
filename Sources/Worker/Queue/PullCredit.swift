/// How many messages this worker may still ask the queue for: so many that what it holds and what may come make its window
/// of work items. A value fed with events; each answers how many more to ask for now.
///
/// A message counts as the largest that there may be until it is here and its items can be counted: the window is kept
/// whatever comes, and small messages leave room for more.
///
/// Counting what is held here, and nowhere else, keeps the window exact when pulling starts over while work goes on.
package struct PullCredit: Sendable, Equatable {
    private let window: Int
    private let largestMessage: Int
    /// Items received and not settled.
    package private(set) var held = 0
    /// Messages asked for and not received.
    package private(set) var asked = 0
    private var isPulling = false

    /// - Parameters:
    ///   - window: work items. A worker that holds none asks for one message even where that may exceed the window.
    ///   - largestMessage: the most items that a message may hold.
    package init(window: Int, largestMessage: Int = 1) {
        self.window = window
        self.largestMessage = largestMessage
    }

    /// Pulling begins, or begins anew: nothing is asked for yet.
    package mutating func started() -> Int {
        isPulling = true
        asked = 0
        return ask()
    }

    /// Pulling ended; what was asked for will not come.
    package mutating func stopped() {
        isPulling = false
        asked = 0
    }

    /// A message came; where it is smaller than it might have been, there is room for another one.
    package mutating func received(items: Int = 1) -> Int {
        held += items
        asked = max(0, asked - 1)
        return isPulling ? ask() : 0
    }

    package mutating func settled(items: Int = 1) -> Int {
        held = max(0, held - items)
        return isPulling ? ask() : 0
    }

    private mutating func ask() -> Int {
        let room = max(held == 0 ? 1 : 0, (window - held) / largestMessage)
        let more = max(0, room - asked)
        asked += more
        return more
    }
}
