import CNats

/// The C client as a peer: each call blocks for a short time and gives what came as text.
final class LibNATSPeer {
    struct Failure: Error {
        var text: String
    }

    private var connection: OpaquePointer?
    private var jetStream: OpaquePointer?
    private var subscription: OpaquePointer?

    init(url: String) throws {
        try check(natsConnection_ConnectTo(&connection, url))
        try check(natsConnection_JetStream(&jetStream, connection, nil))
    }

    func close() {
        natsSubscription_Destroy(subscription)
        jsCtx_Destroy(jetStream)
        natsConnection_Destroy(connection)
    }

    /// Sends a request with a header.
    /// - Returns: the answer's payload and its header `Seen`.
    func request(_ subject: String, _ text: String, header: (String, String)) throws -> [String] {
        var message: OpaquePointer?
        try check(natsMsg_Create(&message, subject, nil, text, Int32(text.utf8.count)))
        defer { natsMsg_Destroy(message) }
        try check(natsMsgHeader_Set(message, header.0, header.1))
        var answer: OpaquePointer?
        try check(natsConnection_RequestMsg(&answer, connection, message, 5000))
        defer { natsMsg_Destroy(answer) }
        return try texts(answer, header: "Seen")
    }

    func subscribe(_ subject: String) throws {
        try check(natsConnection_SubscribeSync(&subscription, connection, subject))
        try check(natsConnection_Flush(connection))
    }

    /// The next message of the subscription: its payload and one header.
    func next(header: String) throws -> [String] {
        var message: OpaquePointer?
        try check(natsSubscription_NextMsg(&message, subscription, 5000))
        defer { natsMsg_Destroy(message) }
        return try texts(message, header: header)
    }

    /// Publishes through JetStream and waits for the acknowledgement.
    func publish(_ subject: String, _ text: String) throws {
        try check(js_Publish(nil, jetStream, subject, text, Int32(text.utf8.count), nil, nil))
    }

    /// Pulls and acknowledges messages.
    func fetch(_ count: Int, stream: String, subject: String, consumer: String) throws -> [String] {
        var puller: OpaquePointer?
        let status = stream.withCString { stream in
            consumer.withCString { consumer in
                var options = jsSubOptions()
                jsSubOptions_Init(&options)
                options.Stream = stream
                options.Consumer = consumer
                return js_PullSubscribe(&puller, jetStream, subject, consumer, nil, &options, nil)
            }
        }
        try check(status)
        defer { natsSubscription_Destroy(puller) }
        var found: [String] = []
        while found.count < count {
            var list = natsMsgList()
            try check(natsSubscription_Fetch(&list, puller, Int32(count - found.count), 5000, nil))
            defer { natsMsgList_Destroy(&list) }
            for index in 0..<Int(list.Count) {
                let message = list.Msgs[index]
                found.append(payload(message))
                try check(natsMsg_AckSync(message, nil, nil))
            }
        }
        return found
    }

    private func texts(_ message: OpaquePointer?, header: String) throws -> [String] {
        var value: UnsafePointer<CChar>?
        try check(natsMsgHeader_Get(message, header, &value))
        return [payload(message), value.map { String(cString: $0) } ?? ""]
    }

    private func payload(_ message: OpaquePointer?) -> String {
        guard let data = natsMsg_GetData(message) else { return "" }
        let bytes = UnsafeRawBufferPointer(start: data, count: Int(natsMsg_GetDataLength(message)))
        return String(decoding: bytes, as: UTF8.self)
    }

    private func check(_ status: natsStatus) throws {
        guard status == NATS_OK else { throw Failure(text: String(cString: natsStatus_GetText(status))) }
    }
}
