import Synchronization

/// One request under way, as both sides see it: the loop's thread receives, one task at a time reads.
final class Transfer: Sendable {
    typealias Reader = CheckedContinuation<TransferElement, Never>

    let request: CurlRequest
    private let buffer: Mutex<TransferBuffer<Reader>>
    private let loop: TransferLoop

    /// - Parameter capacity: how many bytes a reader may be behind before the transfer pauses.
    init(_ request: CurlRequest, loop: TransferLoop, capacity: Int) {
        self.request = request
        self.loop = loop
        buffer = Mutex(TransferBuffer(capacity: capacity))
    }

    // MARK: On the loop's thread

    func receive(headerLine: UnsafeRawBufferPointer) {
        wake(buffer.withLock { $0.receive(headerLine: headerLine) })
    }

    /// - Returns: whether the bytes were taken; if not, the transfer pauses and they come again.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let (isTaken, wakes) = buffer.withLock { $0.receive(bytes) }
        wake(wakes)
        return isTaken
    }

    func finish(_ error: CurlError?) {
        wake(buffer.withLock { $0.finish(error) })
    }

    private func wake(_ wakes: (Reader, TransferElement)?) {
        if let (reader, element) = wakes { reader.resume(returning: element) }
    }

    // MARK: In the reader's task

    /// The next element; ends with the transfer, or when the task is cancelled.
    func next() async -> TransferElement {
        await withTaskCancellationHandler {
            await withCheckedContinuation { reader in
                let reading = buffer.withLock { $0.read(reader) }
                if reading.resumesTransfer { loop.post(.resume(self)) }
                if let element = reading.element { reader.resume(returning: element) }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the transfer, unless it has ended.
    func cancel() {
        loop.post(.cancel(self))
    }
}
