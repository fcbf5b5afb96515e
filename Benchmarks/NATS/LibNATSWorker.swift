import CNats
import Foundation
import Synchronization

/// A thread that fetches batches through libnats, answers each message and acknowledges it.
///
/// `@unchecked Sendable`: the subscription belongs to the thread from `start` on.
final class LibNATSWorker: @unchecked Sendable {
    private let connection: LibNATSConnection
    private let inbox: String
    private var subscription: OpaquePointer?
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Mutex<CheckedContinuation<Void, Never>?>(nil)

    init(
        connection: LibNATSConnection, stream: String, consumer: String, subject: String, inbox: String
    ) throws {
        self.connection = connection
        self.inbox = inbox
        let status = stream.withCString { stream in
            consumer.withCString { consumer in
                var options = jsSubOptions()
                jsSubOptions_Init(&options)
                options.Stream = stream
                options.Consumer = consumer
                return js_PullSubscribe(
                    &subscription, connection.jetStream, subject, consumer, nil, &options, nil)
            }
        }
        try LibNATSRoundTrip.check(status, "pull subscribe")
    }

    func start() {
        Thread { @Sendable in self.loop() }.start()
    }

    func stop() async {
        await withCheckedContinuation { continuation in
            stopped.withLock { $0 = continuation }
            isStopping.store(true, ordering: .releasing)
        }
    }

    private func loop() {
        var list = natsMsgList()
        while !isStopping.load(ordering: .acquiring) {
            guard natsSubscription_Fetch(&list, subscription, 256, 100, nil) == NATS_OK else { continue }
            for index in 0..<Int(list.Count) {
                let message = list.Msgs[index]
                natsConnection_Publish(
                    connection.connection, inbox, natsMsg_GetData(message), natsMsg_GetDataLength(message))
                natsMsg_Ack(message, nil)
            }
            natsMsgList_Destroy(&list)
        }
        natsSubscription_Destroy(subscription)
        stopped.withLock { $0.take() }?.resume()
    }
}
