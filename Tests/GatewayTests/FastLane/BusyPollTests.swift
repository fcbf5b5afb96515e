import Gateway
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@Suite("Polling instead of sleeping")
struct BusyPollTests {
    /// A loop's byte and clock.
    private struct Loop {
        let channel: EmbeddedChannel
        let poll: BusyPoll
        let clock = Clock()

        final class Clock { var now = NIODeadline.uptimeNanoseconds(1_000_000) }

        init() throws {
            let clock = clock
            poll = BusyPoll(duration: .microseconds(400), now: { clock.now })
            channel = EmbeddedChannel(handler: poll)
        }

        func pass(_ microseconds: Int64) { clock.now = clock.now + .microseconds(microseconds) }

        /// Reads what was written into the pipe; false where nothing was.
        func goRound() throws -> Bool {
            guard let byte = try channel.readOutbound(as: ByteBuffer.self) else { return false }
            try channel.writeInbound(byte)
            return true
        }
    }

    @Test("the byte goes round from a request until the time is over, and again from the next one")
    func rounds() throws {
        let loop = try Loop()
        let atFirst = try loop.goRound()
        #expect(!atFirst)
        loop.poll.prolong()
        for _ in 0..<3 {
            let went = try loop.goRound()
            #expect(went)
            loop.pass(100)
        }
        loop.pass(100)
        // Written before the time was over, read when it was.
        let last = try loop.goRound()
        let held = try loop.goRound()
        #expect(last && !held)
        loop.poll.prolong()
        let again = try loop.goRound()
        #expect(again)
    }

    @Test("a request while the loop polls makes it poll longer, and puts no second byte into the pipe")
    func prolonged() throws {
        let loop = try Loop()
        loop.poll.prolong()
        loop.pass(300)
        loop.poll.prolong()
        let first = try loop.channel.readOutbound(as: ByteBuffer.self)
        let second = try loop.channel.readOutbound(as: ByteBuffer.self)
        #expect(first?.readableBytes == 1 && second == nil)
        loop.pass(300)
        try loop.channel.writeInbound(try #require(first))
        let went = try loop.goRound()
        #expect(went)
    }

    @Test("on real loops the byte comes back through a pipe, and each loop has its own")
    func pipes() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let polls = try await BusyPolls.start(on: group, for: .milliseconds(20))
        for loop in group.makeIterator() {
            let rounds = try await loop.submit {
                polls.requestCame(on: loop)
                return polls.rounds(on: loop)
            }.get()
            #expect(rounds == 0)
            while try await loop.submit({ polls.rounds(on: loop) }).get() < 10 { await Task.yield() }
        }
        try await group.shutdownGracefully()
    }
}
