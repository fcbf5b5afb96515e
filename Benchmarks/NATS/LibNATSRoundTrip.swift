import CNats
import Foundation
import Synchronization

/// The round trip with libnats, the C client: an asynchronous publisher with acknowledgements, a thread that fetches
/// batches, and answers taken in the subscription's callback.
enum LibNATSRoundTrip {
    static func run(
        url: String, stream: String, subject: String, publishSubject: String, consumer: String, payloadBytes: Int,
        recorder: RoundTripRecorder, inFlight: Int, sendsAsSoonAsPossible: Bool
    ) async throws {
        let gateway = try LibNATSConnection(url: url, sendsAsSoonAsPossible: sendsAsSoonAsPossible)
        let worker = try LibNATSConnection(url: url, sendsAsSoonAsPossible: sendsAsSoonAsPossible)
        let inbox = "_INBOX.libnats.\(UInt64.random(in: 0 ..< .max))"
        let asker = try LibNATSAsker(
            connection: gateway, subject: publishSubject, inbox: inbox, payloadBytes: payloadBytes, recorder: recorder)
        let server = try LibNATSWorker(
            connection: worker, stream: stream, consumer: consumer, subject: subject, inbox: inbox)
        server.start()
        asker.begin(inFlight: inFlight)
        await recorder.wait()
        await server.stop()
        asker.close()
        gateway.close()
        worker.close()
        if asker.failures > 0 { throw BenchmarkFailure.refusedPublishes(asker.failures) }
    }

    static func check(_ status: natsStatus, _ what: String) throws {
        guard status == NATS_OK else {
            throw BenchmarkFailure.library("\(what): \(String(cString: natsStatus_GetText(status)))")
        }
    }
}

/// A connection of libnats with its JetStream context.
///
/// `@unchecked Sendable`: libnats locks its connections itself.
final class LibNATSConnection: @unchecked Sendable {
    private(set) var connection: OpaquePointer?
    private(set) var jetStream: OpaquePointer?

    init(url: String, sendsAsSoonAsPossible: Bool) throws {
        var options: OpaquePointer?
        try LibNATSRoundTrip.check(natsOptions_Create(&options), "options")
        defer { natsOptions_Destroy(options) }
        try LibNATSRoundTrip.check(natsOptions_SetURL(options, url), "url")
        try LibNATSRoundTrip.check(natsOptions_SetSendAsap(options, sendsAsSoonAsPossible), "send asap")
        try LibNATSRoundTrip.check(natsConnection_Connect(&connection, options), "connect")
        var jetStreamOptions = jsOptions()
        try LibNATSRoundTrip.check(jsOptions_Init(&jetStreamOptions), "JetStream options")
        jetStreamOptions.PublishAsync.MaxPending = 8192
        try LibNATSRoundTrip.check(
            natsConnection_JetStream(&jetStream, connection, &jetStreamOptions), "JetStream context")
    }

    func close() {
        jsCtx_Destroy(jetStream)
        natsConnection_Destroy(connection)
        jetStream = nil
        connection = nil
    }
}
