import NATSClient
import Testing

@Suite("The pull consumer's state machine")
struct PullStateMachineTests {
    private typealias Pull = PullStateMachine.Pull

    @Test("a full batch is pulled at once and renewed when half of it has come")
    func renewal() {
        var machine = PullStateMachine(batch: 4, credit: nil)
        #expect(machine.connected().pull == Pull(number: 1, batch: 4))
        #expect(machine.messageArrived() == nil)
        #expect(machine.messageArrived() == Pull(number: 2, batch: 2))
        #expect(machine.requested == 4)
    }

    @Test("never more is asked for than the credit allows")
    func credit() {
        var machine = PullStateMachine(batch: 4, credit: 2)
        #expect(machine.connected().pull == Pull(number: 1, batch: 2))
        #expect(machine.messageArrived() == nil)
        #expect(machine.messageArrived() == nil)
        #expect(machine.requestMore(1) == Pull(number: 2, batch: 1))
        #expect(machine.requestMore(1) == nil)
        #expect(machine.requestMore(1) == Pull(number: 3, batch: 2))
    }

    @Test("messages a pull did not deliver may be asked for again, by the server's count or the pull's size")
    func expiry() {
        var machine = PullStateMachine(batch: 4, credit: 4)
        _ = machine.connected()
        _ = machine.messageArrived()
        let counted = machine.received(status: 408, description: "Request Timeout", pull: 1, unused: 3)
        #expect(counted.pull == Pull(number: 2, batch: 3))
        let uncounted = machine.received(status: 408, description: "Request Timeout", pull: 2, unused: nil)
        #expect(uncounted.pull == Pull(number: 3, batch: 3))
        #expect(machine.credit == 0)
    }

    @Test("a loss takes back what was asked for; the new connection gets a new inbox and a new pull")
    func reconnect() {
        var machine = PullStateMachine(batch: 4, credit: nil)
        #expect(!machine.connected().renewsInbox)
        #expect(machine.disconnected() == .init(event: .connectionLost))
        #expect(machine.requested == 0)
        #expect(machine.messageArrived() == nil)
        let reaction = machine.connected()
        #expect(reaction.renewsInbox)
        #expect(reaction.pull == Pull(number: 2, batch: 4))
    }

    @Test("a refused pull is told to the owner and tried again after the pause, not before")
    func refusal() {
        var machine = PullStateMachine(batch: 4, credit: nil)
        _ = machine.connected()
        let reaction = machine.received(status: 503, description: "", pull: 1, unused: nil)
        #expect(reaction.event == .refused(status: 503, description: ""))
        #expect(reaction.retriesLater)
        #expect(reaction.pull == nil)
        #expect(machine.requestMore(5) == nil)
        #expect(machine.retry() == Pull(number: 2, batch: 4))
    }

    @Test("a pull cut short by its byte limit is renewed; one that brought nothing is a refusal")
    func byteLimit() {
        var machine = PullStateMachine(batch: 4, credit: nil)
        _ = machine.connected()
        _ = machine.messageArrived()
        let short = machine.received(
            status: 409, description: "Message Size Exceeds MaxBytes", pull: 1, unused: 3)
        #expect(short == PullStateMachine.Reaction(pull: Pull(number: 2, batch: 4)))
        let empty = machine.received(
            status: 409, description: "Message Size Exceeds MaxBytes", pull: 2, unused: 4)
        #expect(empty.event == .refused(status: 409, description: "Message Size Exceeds MaxBytes"))
        #expect(empty.retriesLater)
        #expect(empty.pull == nil)
    }

    @Test("silence with a pull outstanding makes it anew; a heartbeat, or no pull, does not")
    func heartbeats() {
        var machine = PullStateMachine(batch: 4, credit: nil)
        _ = machine.connected()
        _ = machine.received(status: 100, description: "Idle Heartbeat", pull: nil, unused: nil)
        #expect(machine.heartbeatsDue() == PullStateMachine.Reaction())
        let reaction = machine.heartbeatsDue()
        #expect(reaction.event == .heartbeatsMissed)
        #expect(reaction.renewsInbox)
        #expect(reaction.pull == Pull(number: 2, batch: 4))
        var idle = PullStateMachine(batch: 4, credit: 0)
        _ = idle.connected()
        #expect(idle.heartbeatsDue() == PullStateMachine.Reaction())
    }

    @Test("a paused consumer asks for nothing until it is resumed")
    func pause() {
        var machine = PullStateMachine(batch: 2, credit: nil)
        _ = machine.connected()
        #expect(machine.setPaused(true) == nil)
        #expect(machine.messageArrived() == nil)
        #expect(machine.messageArrived() == nil)
        #expect(machine.setPaused(false) == Pull(number: 2, batch: 2))
    }
}
