import Logging
import NIOCore

/// What ends connections that make no progress.
///
/// Timers hold on to their connection, and are cancelled when it ends: a weak reference would make every other reference to
/// the handler dearer, of which each request takes dozens.
extension HTTPConnectionHandler {
    /// Starts to look whether the client takes what is written.
    func watchWrites(_ context: ChannelHandlerContext) {
        guard writeProgress == nil, let pending = pendingBytes(context), pending > 0 else { return }
        let configuration = services.configuration
        writeProgress = WriteProgress(
            interval: TimeAmount(configuration.writeTimeout),
            minimumBytesPerSecond: configuration.minimumBytesPerSecond, pendingBytes: pending, now: .now())
        scheduleWriteLook(context, at: .now() + TimeAmount(configuration.writeTimeout))
    }

    private func scheduleWriteLook(_ context: ChannelHandlerContext, at deadline: NIODeadline) {
        writeTimer?.cancel()
        writeTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            writeTimer = nil
            guard let context = self.context, var progress = writeProgress else { return }
            switch progress.look(pendingBytes: self.pendingBytes(context) ?? 0, now: .now()) {
            case .waitUntil(let deadline):
                writeProgress = progress
                scheduleWriteLook(context, at: deadline)
            case .stalled:
                services.logger.debug("client does not take its answer: connection closed")
                context.close(promise: nil)
            }
        }
    }

    /// What the channel has not given to the socket yet.
    func pendingBytes(_ context: ChannelHandlerContext) -> Int? {
        try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
    }

    /// Sees to it that the state's deadline is noticed.
    func updateTimer(_ context: ChannelHandlerContext) {
        guard let deadline = state.deadline else { return }
        // A timer that fires too early looks again; only one that would be late is replaced.
        if let timerDeadline, timer != nil, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            guard let context = self.context else { return }
            perform(state.timerFired(now: .now()), context)
        }
    }

    func cancelTimers() {
        timer?.cancel()
        timer = nil
        writeTimer?.cancel()
        writeTimer = nil
    }
}
