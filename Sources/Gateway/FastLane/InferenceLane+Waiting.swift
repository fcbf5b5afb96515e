import HTTPService
import NIOCore

/// Requests that wait for capacity instead of being sent away. On `eventLoop`.
extension InferenceLane {
    struct HeldCall {
        var call: InferenceCall
        var body: InferenceBody
        var path: ModelPath
        var demand: PendingDemand.Lane
    }

    /// How long a request may wait for capacity.
    func longestWait(of call: InferenceCall) -> TimeAmount {
        min(call.wait ?? configuration.defaultWait, configuration.maximumWait)
    }

    /// Keeps a request until a worker can serve it, if its caller would rather wait.
    func hold(
        _ call: InferenceCall, _ body: InferenceBody, path: ModelPath, demand lane: PendingDemand.Lane
    ) -> Bool {
        let wait = longestWait(of: call)
        guard wait > .zero, !isDraining, case .success(let request) = body.request else { return false }
        let waiting = HeldCall(call: call, body: body, path: path, demand: lane)
        guard
            let id = held.hold(waiting, bytes: request.bytes.readableBytes, until: call.receivedAt + wait)
        else { return false }
        call.exchange.onDisconnect { [self] in
            if eventLoop.inEventLoop {
                _ = held.remove(id)
            } else {
                eventLoop.execute { _ = self.held.remove(id) }
            }
        }
        armHeldExpiry()
        return true
    }

    /// Capacity may have come.
    func retryHeld() {
        guard !held.isEmpty else { return }
        let ready = held.take { waiting in
            guard
                case .success(let route) = router.route(
                    waiting.path, waiting.call.selection, for: waiting.call.endpoint.operation)
            else { return false }
            return route.poolIsServed
        }
        for waiting in ready { route(waiting.call, waiting.body, path: waiting.path, mayWait: false) }
    }

    private func armHeldExpiry() {
        heldExpiry?.cancel()
        heldExpiry = held.nextDeadline.map { deadline in
            eventLoop.scheduleTask(deadline: deadline) { [weak self] in
                guard let self else { return }
                giveUp(held.expire(at: .now()))
                armHeldExpiry()
            }
        }
    }

    /// Answers requests as if they had never waited.
    private func giveUp(_ waiting: [HeldCall]) {
        for waiting in waiting { route(waiting.call, waiting.body, path: waiting.path, mayWait: false) }
    }

    /// The gateway is shutting down: nobody waits any longer. From any thread.
    package func drain() {
        eventLoop.execute {
            self.isDraining = true
            self.heldExpiry?.cancel()
            self.giveUp(self.held.removeAll())
        }
    }
}
