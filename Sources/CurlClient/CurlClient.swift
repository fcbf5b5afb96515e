/// HTTP requests over libcurl: one thread of its own for all of them, connections kept and shared, HTTP/2 where offered.
///
/// The thread ends with the client. One client serves a whole process.
public final class CurlClient: Sendable {
    private let loop: TransferLoop
    private let readAhead: Int

    /// Starts a client.
    ///
    /// - Parameter readAheadBytes: how many bytes of a body may wait for their reader before its transfer pauses.
    /// - Throws: `CurlError.other` where libcurl or the thread cannot be started.
    public init(readAheadBytes: Int = 256 << 10) throws(CurlError) {
        readAhead = readAheadBytes
        loop = try TransferLoop()
        try loop.start()
    }

    deinit {
        loop.post(.stop)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// - Parameter bodyLimitBytes: the longest body that is read; nothing longer is kept in memory.
    public func perform(
        _ request: CurlRequest, bodyLimitBytes: Int = 64 << 20
    ) async throws(CurlError) -> CurlResponse {
        let response = try await stream(request)
        if let length = response.head["content-length"].flatMap(Int.init), length > bodyLimitBytes,
            request.method != "HEAD"
        {
            throw .bodyTooLarge(limitBytes: bodyLimitBytes)
        }
        var body: [UInt8] = []
        var chunks = response.body.makeAsyncIterator()
        while let chunk = try await chunks.next() {
            guard body.count + chunk.count <= bodyLimitBytes else { throw .bodyTooLarge(limitBytes: bodyLimitBytes) }
            if body.isEmpty { body = chunk } else { body.append(contentsOf: chunk) }
        }
        return CurlResponse(head: response.head, body: body)
    }

    /// Sends a request and returns when the head of the answer is there; its body follows.
    public func stream(_ request: CurlRequest) async throws(CurlError) -> CurlStreamingResponse {
        let transfer = Transfer(request, loop: loop, capacity: readAhead)
        loop.post(.start(transfer))
        switch await transfer.next() {
        case .head(let head): return CurlStreamingResponse(head: head, body: CurlBody(transfer))
        case .failure(let error): throw error
        case .bytes, .end:
            transfer.cancel()
            throw .connectionLost("the answer has no status line")
        }
    }

    /// Ends the client: transfers under way fail, and so does every later request.
    public func shutDown() {
        loop.post(.stop)
    }
}
