import DequeModule

/// What a ``PullConsumer`` has asked for, what it may ask for, and when it asks again. Knows no time and no socket.
package struct PullStateMachine {
    /// What to do after an event.
    package struct Reaction: Equatable {
        /// Send a pull with this number for so many messages.
        package var pull: Pull?
        /// Tell the owner.
        package var event: PullConsumer.Event?
        /// Come back with ``retry()`` after the configured delay.
        package var retriesLater = false
        /// Take a new inbox first: pulls of the old one may still be answered.
        package var renewsInbox = false

        package init(
            pull: Pull? = nil, event: PullConsumer.Event? = nil, retriesLater: Bool = false, renewsInbox: Bool = false
        ) {
            self.pull = pull
            self.event = event
            self.retriesLater = retriesLater
            self.renewsInbox = renewsInbox
        }
    }

    package struct Pull: Equatable {
        package var number: UInt64
        package var batch: Int

        package init(number: UInt64, batch: Int) {
            self.number = number
            self.batch = batch
        }
    }

    private let batch: Int
    /// How many messages may still be asked for; `nil` is no bound.
    package private(set) var credit: Int?
    /// How many messages are asked for and have not come.
    package private(set) var requested = 0
    package private(set) var isPaused = false
    private var isConnected = false
    private var waitsForRetry = false
    /// Whether anything came since the last heartbeat check.
    private var hasHeard = false
    private var lastNumber: UInt64 = 0
    /// The last pulls, to know how many messages a refusal takes back.
    private var pulls = Deque<Pull>()

    package init(batch: Int, credit: Int?) {
        self.batch = max(1, batch)
        self.credit = credit.map { max(0, $0) }
    }

    package mutating func connected() -> Reaction {
        isConnected = true
        waitsForRetry = false
        takeBack(requested)
        let isReturning = lastNumber > 0
        return Reaction(pull: nextPull(), renewsInbox: isReturning)
    }

    package mutating func disconnected() -> Reaction {
        isConnected = false
        takeBack(requested)
        return Reaction(event: .connectionLost)
    }

    package mutating func messageArrived() -> Pull? {
        hasHeard = true
        if requested > 0 { requested -= 1 }
        return nextPull()
    }

    package mutating func requestMore(_ count: Int) -> Pull? {
        guard let credit, count > 0 else { return nil }
        self.credit = credit.addingReportingOverflow(count).overflow ? .max : credit + count
        return nextPull()
    }

    package mutating func setPaused(_ paused: Bool) -> Pull? {
        isPaused = paused
        return nextPull()
    }

    package mutating func retry() -> Pull? {
        waitsForRetry = false
        return nextPull()
    }

    /// A status message of the server for the pull of this number.
    /// - Parameter unused: how many messages the server says it will not deliver for it, where it says so.
    package mutating func received(status: Int, description: String, pull number: UInt64?, unused: Int?) -> Reaction {
        hasHeard = true
        if status == 100 { return Reaction() }
        var broughtNothing = false
        if let index = pulls.firstIndex(where: { $0.number == number }) {
            let pull = pulls.remove(at: index)
            broughtNothing = unused == pull.batch
            takeBack(unused ?? pull.batch)
        } else {
            takeBack(unused ?? requested)
        }
        let text = description.lowercased()
        switch status {
        case 404, 408:
            return Reaction(pull: nextPull())
        case 409 where text.contains("batch completed"):
            return Reaction(pull: nextPull())
        case 409 where text.contains("maxbytes") && !broughtNothing:
            // The next message fits the next pull. Where not one has fitted, none ever will: that is a refusal.
            return Reaction(pull: nextPull())
        case 409 where text.contains("consumer deleted"):
            return refused(.consumerDeleted)
        default:
            return refused(.refused(status: status, description: description))
        }
    }

    /// Two heartbeat intervals are over.
    package mutating func heartbeatsDue() -> Reaction {
        defer { hasHeard = false }
        guard isConnected, requested > 0, !hasHeard else { return Reaction() }
        takeBack(requested)
        return Reaction(pull: nextPull(), event: .heartbeatsMissed, renewsInbox: true)
    }

    private mutating func refused(_ event: PullConsumer.Event) -> Reaction {
        guard !waitsForRetry else { return Reaction() }
        waitsForRetry = true
        return Reaction(event: event, retriesLater: true)
    }

    /// A pull for what is missing: when nothing is asked for, or when half a batch may be.
    private mutating func nextPull() -> Pull? {
        guard isConnected, !isPaused, !waitsForRetry else { return nil }
        let wanted = min(batch - requested, credit ?? .max)
        guard wanted > 0, requested == 0 || wanted >= (batch + 1) / 2 else { return nil }
        requested += wanted
        if let credit { self.credit = credit - wanted }
        lastNumber += 1
        let pull = Pull(number: lastNumber, batch: wanted)
        pulls.append(pull)
        if pulls.count > 16 { pulls.removeFirst() }
        return pull
    }

    /// Messages asked for that will not come may be asked for again.
    private mutating func takeBack(_ count: Int) {
        let count = min(max(0, count), requested)
        requested -= count
        if let credit { self.credit = credit + count }
    }
}
