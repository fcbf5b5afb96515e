import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Passes the bytes of TCP connections on to another port of this machine, and stops doing so as a test says: what is
/// between two programs that are real. It goes with the last reference.
package final class LoopbackRelay: Sendable {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private struct State: Sendable {
        var target: Int
        var fronts: [ObjectIdentifier: any Channel] = [:]
        var marker: [UInt8]?
        var heldCount = 0
        var accepted = 0
    }

    package let port: Int
    private let state: NIOLockedValueBox<State>
    private let listener: any Channel
    private let task: Task<Void, any Error>

    /// - Parameter target: the port that connections are passed on to.
    package init(to target: Int) async throws {
        let state = NIOLockedValueBox(State(target: target))
        self.state = state
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
        self.listener = listener.channel
        port = listener.channel.localAddress?.port ?? 0
        task = Task {
            try await listener.executeThenClose { fronts in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await front in fronts {
                        // What happens to one connection is nobody else's concern.
                        group.addTask { try? await Self.serve(front, state) }
                    }
                }
            }
        }
    }

    deinit {
        task.cancel()
        listener.close(promise: nil)
    }

    /// How many connections there have been.
    package var accepted: Int { state.withLockedValue { $0.accepted } }
    /// How many connections have sent what answers are withheld for.
    package var heldCount: Int { state.withLockedValue { $0.heldCount } }

    /// Passes connections that come from now on to another port.
    package func redirect(to target: Int) { state.withLockedValue { $0.target = target } }

    /// Ends all connections, whatever is on its way in them.
    package func cut() {
        let fronts = state.withLockedValue { state in
            defer { state.fronts = [:] }
            return Array(state.fronts.values)
        }
        for front in fronts { front.close(promise: nil) }
    }

    /// Lets nothing come back any more on connections that send a text from now on. The text itself is passed on.
    package func withholdAnswers(to text: String?) { state.withLockedValue { $0.marker = text.map { Array($0.utf8) } } }

    private static func serve(_ front: Connection, _ state: NIOLockedValueBox<State>) async throws {
        let id = ObjectIdentifier(front.channel)
        let target = state.withLockedValue { state in
            state.fronts[id] = front.channel
            state.accepted += 1
            return state.target
        }
        defer { state.withLockedValue { $0.fronts[id] = nil } }
        try await front.executeThenClose { fromClient, toClient in
            let back = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: target) { channel in
                    channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                }
            try await back.executeThenClose { fromServer, toServer in
                let isHeld = NIOLockedValueBox(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await bytes in fromClient {
                            let isMarked = state.withLockedValue { state in
                                guard let marker = state.marker else { return false }
                                let isMarked = bytes.readableBytesView.firstRange(of: marker) != nil
                                if isMarked { state.heldCount += 1 }
                                return isMarked
                            }
                            if isMarked { isHeld.withLockedValue { $0 = true } }
                            try await toServer.write(bytes)
                        }
                    }
                    group.addTask {
                        for try await bytes in fromServer where !isHeld.withLockedValue({ $0 }) {
                            try await toClient.write(bytes)
                        }
                    }
                    defer { group.cancelAll() }
                    // Where either side has ended, so has the connection.
                    try await group.next()
                }
            }
        }
    }
}
