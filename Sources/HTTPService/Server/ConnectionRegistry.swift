import NIOCore
import Synchronization

/// The open connections of a server, so that a shutdown can reach all of them and wait for the last one.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
        var whenEmpty: EventLoopPromise<Void>?
    }

    private let state = Mutex(State())

    /// How many connections are open.
    var count: Int { state.withLock { $0.channels.count } }

    /// Adds a connection and forgets it when it closes. One that arrives during a drain is told so at once.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let isDraining = state.withLock { state in
            state.channels[id] = channel
            return state.isDraining
        }
        channel.closeFuture.whenComplete { _ in
            let promise = self.state.withLock { state -> EventLoopPromise<Void>? in
                state.channels[id] = nil
                guard state.channels.isEmpty else { return nil }
                defer { state.whenEmpty = nil }
                return state.whenEmpty
            }
            promise?.succeed()
        }
        if isDraining {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionDrainEvent())
        }
    }

    /// Tells every connection to finish, and returns a future of the moment when the last one has closed.
    func drain(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let channels = state.withLock { state -> [any Channel] in
            state.isDraining = true
            if !state.channels.isEmpty { state.whenEmpty = promise }
            return Array(state.channels.values)
        }
        if channels.isEmpty { promise.succeed() }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionDrainEvent())
        }
        return promise.futureResult
    }

    /// Closes every connection without ceremony and returns how many there were.
    func closeAll() -> Int {
        let channels = state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(promise: nil) }
        return channels.count
    }
}

/// Fired through a connection's pipeline when the server shuts down gracefully.
struct ConnectionDrainEvent: Sendable {}
