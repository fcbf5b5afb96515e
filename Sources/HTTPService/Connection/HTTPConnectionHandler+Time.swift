import Logging
import NIOCore

/// What ends connections that make no progress.
extension HTTPConnectionHandler {
    /// Starts to look whether the client takes what is written.
    func watchWrites(_ context: ChannelHandlerContext) {
        guard writeProgress == nil, let pending = Self.pendingBytes(context), pending > 0 else { return }
        let configuration = services.configuration
        writeProgress = WriteProgress(
            interval: TimeAmount(configuration.writeTimeout),
            minimumBytesPerSecond: configuration.minimumBytesPerSecond, pendingBytes: pending, now: .now())
        scheduleWriteLook(context, at: .now() + TimeAmount(configuration.writeTimeout))
    }

    private func scheduleWriteLook(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context, var progress = self.writeProgress else { return }
            switch progress.look(pendingBytes: Self.pendingBytes(context) ?? 0, now: .now()) {
            case .waitUntil(let deadline):
                self.writeProgress = progress
                self.scheduleWriteLook(context, at: deadline)
            case .stalled:
                self.services.logger.debug("client does not take its answer: connection closed")
                context.close(promise: nil)
            }
        }
    }

    private static func pendingBytes(_ context: ChannelHandlerContext) -> Int? {
        try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
    }

    /// Sees to it that the state's deadline is noticed.
    func updateTimer(_ context: ChannelHandlerContext) {
        guard let deadline = state.deadline else { return }
        // A timer that fires too early looks again; only one that would be late is replaced.
        if let timerDeadline, timer != nil, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let context = self.context else { return }
            self.timer = nil
            self.perform(self.state.timerFired(now: .now()), context)
        }
    }
}
