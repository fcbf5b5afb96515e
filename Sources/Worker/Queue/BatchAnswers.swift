import Wire

/// What has become of the items of one message with several. A value fed with events; each tells whether there is
/// something to send now.
package struct BatchAnswers: Sendable, Equatable {
    /// When results are sent.
    package enum Pace: Sendable {
        /// With the last one: they are parts of one answer, which waits for all of them.
        case together
        /// When they are there: each is somebody else's answer.
        case asReady
    }

    /// A result and where it goes; nil where nobody waits for it.
    package struct Answer: Sendable, Equatable {
        package var result: WorkResult
        package var reply: String?

        package init(_ result: WorkResult, to reply: String?) {
            self.result = result
            self.reply = reply
        }
    }

    /// What is to be sent, and what is to be done about the message then.
    package struct Sending: Sendable, Equatable {
        /// In the order of their coming; each is handed out once.
        package var answers: [Answer]
        /// Nil while there are items without an end.
        package var settlement: Settlement?

        package init(answers: [Answer], settlement: Settlement? = nil) {
            self.answers = answers
            self.settlement = settlement
        }
    }

    package enum Settlement: Sendable, Equatable {
        case acknowledge
        /// Items were given back, the most patient of them for so long.
        case giveBack(for: Duration)
    }

    package let pace: Pace
    private var ready: [Answer] = []
    private var open: Int
    private var givenBackFor: Duration?
    /// Whether somebody was told to send, and has not taken yet.
    private var isSendingAsked = false

    /// - Parameter itemCount: at least one.
    package init(itemCount: Int, pace: Pace) {
        self.pace = pace
        open = itemCount
    }

    // MARK: Events: true where `take` is to be called, at once or soon

    package mutating func answered(_ answer: Answer) -> Bool {
        ready.append(answer)
        return ended()
    }

    package mutating func gaveBack(for delay: Duration) -> Bool {
        givenBackFor = max(givenBackFor ?? .zero, delay)
        return ended()
    }

    /// An item has no result, and needs none.
    package mutating func leftOut() -> Bool { ended() }

    /// What was taken before could not be sent: the message has to come again.
    package mutating func failedToSend() { givenBackFor = givenBackFor ?? .zero }

    private mutating func ended() -> Bool {
        open -= 1
        guard open == 0 || (pace == .asReady && !ready.isEmpty), !isSendingAsked else { return false }
        isSendingAsked = true
        return true
    }

    /// What is ready and was not taken before.
    package mutating func take() -> Sending {
        defer { ready = [] }
        isSendingAsked = false
        guard open == 0 else { return Sending(answers: ready) }
        return Sending(answers: ready, settlement: givenBackFor.map { .giveBack(for: $0) } ?? .acknowledge)
    }
}
