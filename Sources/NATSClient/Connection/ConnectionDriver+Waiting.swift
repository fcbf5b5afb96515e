import NIOCore

extension ConnectionDriver {
    /// Waits until the connection has ended.
    /// - Throws: why, where it ended by itself.
    func closed() async throws(NATSError) {
        let error: NATSError? = await withCheckedContinuation { continuation in
            onLoop { driver in
                if let ending = driver.ending {
                    continuation.resume(returning: ending)
                } else if driver.machine.state == .idle {
                    // Closed before it was started: there is nothing to wait for.
                    continuation.resume(returning: nil)
                } else {
                    driver.closeWaiters.append(continuation)
                }
            }
        }
        if let error { throw error }
    }

    func waitUntilConnected(timeout: TimeAmount?) async throws(NATSError) {
        let id = newIdentifier()
        let error: NATSError? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                onLoop { driver in
                    if let ending = driver.ending {
                        continuation.resume(returning: ending ?? .closed)
                    } else if driver.machine.isConnected {
                        continuation.resume(returning: nil)
                    } else {
                        driver.connectWaiters[id] = continuation
                        if let timeout {
                            driver.eventLoop.scheduleTask(in: timeout) { [weak driver] in
                                driver?.connectWaiters.removeValue(forKey: id)?.resume(returning: .timeout)
                            }
                        }
                    }
                }
            }
        } onCancel: {
            // Behind the registration above: both go to the loop in this order, unless they are on it.
            eventLoop.execute {
                self.connectWaiters.removeValue(forKey: id)?.resume(returning: .timeout)
            }
        }
        if let error { throw error }
    }

    func waitForPendingSpace() async throws(NATSError) { try await outbox.waitForSpace() }

    func flush(timeout: TimeAmount) async throws(NATSError) {
        let result: Result<Void, NATSError> = await withCheckedContinuation { continuation in
            onLoop { driver in
                guard driver.ending == nil else { return continuation.resume(returning: .failure(.closed)) }
                guard driver.machine.isConnected else { return continuation.resume(returning: .failure(.notConnected)) }
                driver.pingAndWait(timeout: timeout) { continuation.resume(returning: $0) }
            }
        }
        try result.get()
    }

    /// Sends a PING behind everything else; `body` gets its PONG, or the failure, once.
    func pingAndWait(timeout: TimeAmount, _ body: @escaping PongHandler) {
        var body: PongHandler? = body
        let timer = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            body.take()?(.failure(.timeout))
        }
        sendPing { result in
            timer.cancel()
            body.take()?(result)
        }
    }

    // MARK: Draining

    /// Ends subscriptions after the messages under way, lets requests finish, sends what waits, and closes. A server
    /// lost on the way ends the drain: nobody would deliver or answer any more.
    func beginDrain() {
        onLoop { driver in
            guard driver.ending == nil, !driver.isDraining else { return }
            driver.isDraining = true
            driver.outbox.beginDraining()
            guard driver.machine.isConnected else { return driver.shutdown() }
            driver.setStatus(.draining)
            let ids = driver.subscriptions.keys
            for id in ids { driver.control.writeUnsubscribe(id: id) }
            driver.pingAndWait(timeout: driver.configuration.requestTimeout) { _ in
                for id in ids { driver.subscriptions.removeValue(forKey: id)?.onEnd() }
                driver.finishDrain(deadline: .now() + driver.configuration.requestTimeout)
            }
        }
    }

    /// Waits for the answers still awaited, then for the server to have seen everything.
    private func finishDrain(deadline: NIODeadline) {
        guard ending == nil else { return }
        if outbox.awaitedReplies > 0, machine.isConnected, NIODeadline.now() < deadline {
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(5)) { self.finishDrain(deadline: deadline) }
            return
        }
        // The failure of a PING comes while the loss of the channel is dealt with, so the end waits for the next turn.
        guard machine.isConnected else { return eventLoop.execute { self.shutdown() } }
        pingAndWait(timeout: configuration.requestTimeout) { _ in self.eventLoop.execute { self.shutdown() } }
    }
}
