import Logging
import NATSClient
import NIOCore
import NIOPosix

/// The round trip with NATSClient: one connection for the side that asks, one for the side that works, a loop each.
enum NATSClientRoundTrip {
    static func run(
        url: String, stream: String, subject: String, consumer: String, payloadBytes: Int, recorder: RoundTripRecorder,
        inFlight: Int
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try NATSConfiguration(servers: [url])
        let gateway = NATSConnection(configuration: configuration, eventLoop: group.next(), logger: logger)
        let worker = NATSConnection(configuration: configuration, eventLoop: group.next(), logger: logger)
        for connection in [gateway, worker] {
            try await connection.start()
            try await connection.waitUntilConnected(timeout: .seconds(10))
        }
        let inbox = gateway.newInbox()
        let pulls = try await worker.jetStream.pull(
            stream: stream, consumer: consumer, configuration: PullConfiguration(batch: 256)
        ) { message in
            let payload = message.payload
            try? worker.publish(inbox, payload: payload)
            try? message.ack()
        }
        let publisher = Publisher(jetStream: gateway.jetStream, subject: subject, payloadBytes: payloadBytes)
        try await gateway.subscribe(inbox) { message in
            guard let sent = message.payload.getInteger(at: message.payload.readerIndex, as: UInt64.self) else {
                return
            }
            if recorder.answered(sent: sent) { publisher.publish() }
        }
        try await gateway.flush()
        for _ in 0..<inFlight { publisher.publish() }
        await recorder.wait()
        pulls.stop()
        await gateway.drain()
        await worker.drain()
        try await group.shutdownGracefully()
        if publisher.failures > 0 { throw BenchmarkFailure.refusedPublishes(publisher.failures) }
    }
}
