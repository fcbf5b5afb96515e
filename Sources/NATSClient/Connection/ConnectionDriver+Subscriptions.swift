import NIOCore

extension ConnectionDriver {
    /// One entry of the subscription table.
    struct Subscription {
        let subject: String
        let queueGroup: String?
        let onMessage: @Sendable (NATSMessage) -> Void
        let onEnd: @Sendable () -> Void
    }

    func subscribe(
        _ subject: String, queueGroup: String?, onMessage: @escaping @Sendable (NATSMessage) -> Void,
        onEnd: @escaping @Sendable () -> Void
    ) async throws(NATSError) -> NATSSubscriptionHandle {
        try Subject.validate(subject, allowsWildcards: true)
        try Subject.validate(queueGroup: queueGroup)
        let id = newIdentifier()
        let subscription = Subscription(
            subject: subject, queueGroup: queueGroup, onMessage: onMessage, onEnd: onEnd)
        let error: NATSError? = await withCheckedContinuation { continuation in
            onLoop { continuation.resume(returning: $0.add(subscription, id: id)) }
        }
        if let error { throw error }
        return NATSSubscriptionHandle(driver: self, id: id)
    }

    func unsubscribe(_ id: UInt64) { onLoopUnlessClosed { $0.remove(id) } }

    func drainSubscription(_ id: UInt64) async throws(NATSError) {
        let result: Result<Void, NATSError> = await withCheckedContinuation { continuation in
            onLoop { driver in
                guard driver.machine.isConnected, driver.subscriptions[id] != nil else {
                    driver.remove(id)
                    continuation.resume(returning: .success(()))
                    return
                }
                driver.control.writeUnsubscribe(id: id)
                // Messages that the server sent before it saw UNSUB come before its PONG.
                driver.pingAndWait(timeout: driver.configuration.requestTimeout) { result in
                    if let subscription = driver.subscriptions.removeValue(forKey: id) { subscription.onEnd() }
                    continuation.resume(returning: result)
                }
            }
        }
        try result.get()
    }

    // MARK: On the event loop

    /// Adds a subscription; it is made at the server now or at the next connect.
    func add(_ subscription: Subscription, id: UInt64) -> NATSError? {
        if ending != nil { return .closed }
        if isDraining { return .draining }
        subscriptions[id] = subscription
        if machine.isConnected {
            control.writeSubscribe(subject: subscription.subject, queueGroup: subscription.queueGroup, id: id)
            flushSoon()
        }
        return nil
    }

    func remove(_ id: UInt64) {
        guard let subscription = subscriptions.removeValue(forKey: id) else { return }
        if machine.isConnected {
            control.writeUnsubscribe(id: id)
            flushSoon()
        }
        subscription.onEnd()
    }
}
