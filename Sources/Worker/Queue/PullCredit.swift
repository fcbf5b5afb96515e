/// How many messages this worker may still ask the queue for: its window less what it holds and what it asked for. A
/// value fed with events; each answers how many more to ask for now.
///
/// Counting what is held here, and nowhere else, keeps the window exact when pulling starts over while work goes on.
package struct PullCredit: Sendable, Equatable {
    private let window: Int
    /// Messages received and not settled.
    package private(set) var held = 0
    /// Messages asked for and not received.
    package private(set) var asked = 0
    private var isPulling = false

    package init(window: Int) {
        self.window = window
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

    package mutating func received() {
        held += 1
        asked = max(0, asked - 1)
    }

    package mutating func settled() -> Int {
        held = max(0, held - 1)
        return isPulling ? ask() : 0
    }

    private mutating func ask() -> Int {
        let more = max(0, window - held - asked)
        asked += more
        return more
    }
}
