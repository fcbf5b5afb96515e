import CNats
import Synchronization

/// Publishes work through libnats and takes the answers on its delivery thread.
///
/// `@unchecked Sendable`: the payload buffer is written by one thread at a time: by the caller of `begin` before the first
/// answer can come, then by libnats's delivery thread; libnats copies it in the call.
final class LibNATSAsker: @unchecked Sendable {
    private let connection: LibNATSConnection
    private let subject: String
    private let recorder: RoundTripRecorder
    private let payload: UnsafeMutableRawBufferPointer
    private let lock = Mutex(())
    private let failureCount = Atomic<Int>(0)
    private var subscription: OpaquePointer?

    init(
        connection: LibNATSConnection, subject: String, inbox: String, payloadBytes: Int, recorder: RoundTripRecorder
    ) throws {
        self.connection = connection
        self.subject = subject
        self.recorder = recorder
        self.payload = .allocate(byteCount: max(8, payloadBytes), alignment: 8)
        payload.initializeMemory(as: UInt8.self, repeating: 0x78)
        // Balanced in close(), after the subscription has delivered for the last time.
        let closure = Unmanaged.passUnretained(self).toOpaque()
        try LibNATSRoundTrip.check(
            natsConnection_Subscribe(&subscription, connection.connection, inbox, Self.answered, closure), "subscribe")
        try LibNATSRoundTrip.check(natsConnection_Flush(connection.connection), "flush")
    }

    deinit { payload.deallocate() }

    var failures: Int { failureCount.load(ordering: .relaxed) }

    func begin(inFlight: Int) {
        for _ in 0..<inFlight { publish() }
    }

    func close() {
        natsSubscription_Destroy(subscription)
        subscription = nil
    }

    private func publish() {
        let status = lock.withLock { _ in
            payload.storeBytes(of: RoundTripRecorder.now, as: UInt64.self)
            return js_PublishAsync(connection.jetStream, subject, payload.baseAddress, Int32(payload.count), nil)
        }
        if status != NATS_OK { failureCount.add(1, ordering: .relaxed) }
    }

    private static let answered: natsMsgHandler = { _, _, message, closure in
        defer { natsMsg_Destroy(message) }
        guard let closure, let data = natsMsg_GetData(message) else { return }
        let asker = Unmanaged<LibNATSAsker>.fromOpaque(closure).takeUnretainedValue()
        let sent = UnsafeRawPointer(data).loadUnaligned(as: UInt64.self)
        if asker.recorder.answered(sent: sent) { asker.publish() }
    }
}
