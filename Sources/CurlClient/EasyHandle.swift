import CCurl

/// libcurl's handle of one transfer, set up from its request. It lives on the loop's thread alone.
final class EasyHandle {
    let easy: UnsafeMutableRawPointer
    /// Kept for as long as libcurl calls back with a pointer to it.
    let transfer: Transfer
    /// This end of the connection that the request went over at last; 0 before.
    private(set) var localPort: Int32 = 0
    /// When anything came back at last.
    private(set) var lastReceived: ContinuousClock.Instant?
    let began = ContinuousClock.now
    /// How often libcurl has begun to send the request.
    private var attempts = 0
    private let errorText: UnsafeMutablePointer<CChar>
    private var headerLines: UnsafeMutablePointer<curl_slist>?
    private var connections: UnsafeMutablePointer<curl_slist>?

    /// - Parameter sockets: told of sockets that are opened and closed; must outlive libcurl's connections.
    /// - Throws: `CurlError` where libcurl refuses an option.
    init(_ transfer: Transfer, _ sockets: OpenSockets) throws(CurlError) {
        guard let easy = curl_easy_init() else {
            throw .other(code: Int(CURLE_FAILED_INIT.rawValue), "out of memory")
        }
        self.easy = easy
        self.transfer = transfer
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        try setUp(transfer.request)
        let context = Unmanaged.passUnretained(sockets).toOpaque()
        try check(ccurl_set_socket_callback(easy, socketOpened))
        try check(ccurl_set_pointer(easy, CURLOPT_SOCKOPTDATA, context))
        try check(ccurl_set_close_callback(easy, closeSocket))
        try check(ccurl_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, context))
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerLines)
        curl_slist_free_all(connections)
        errorText.deallocate()
    }

    /// What libcurl wrote about a failure.
    var detail: String { String(cString: errorText) }

    private func setUp(_ request: CurlRequest) throws(CurlError) {
        _ = ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        // No signals for timeouts of name resolution: this is one thread of many.
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        let address = try RequestAddress(request)
        try set(CURLOPT_URL, address.url)
        if let connection = address.connection {
            connections = curl_slist_append(connections, connection)
            try check(ccurl_set_list(easy, CURLOPT_CONNECT_TO, connections))
        }
        // Keys of objects may hold dots between slashes.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
        try set(CURLOPT_PIPEWAIT, 1)
        // With the sockets' own limit, a peer that is gone without a word is noticed within 45 s.
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_TCP_KEEPIDLE, 30)
        try set(CURLOPT_TCP_KEEPINTVL, 15)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        switch request.proxy {
        case .environment: break
        case .none: try set(CURLOPT_NOPROXY, "*")
        case .url(let url):
            try set(CURLOPT_PROXY, url)
            try set(CURLOPT_NOPROXY, "")
        }
        try setMethod(request)
        try setTimeouts(request.timeouts)
        try setTLS(request.tls)
        if let signature = request.awsSignature { try setSignature(signature) }
        try setHeaders(request, host: address.host)

        let context = Unmanaged.passUnretained(self).toOpaque()
        try check(ccurl_set_bytes_callback(easy, CURLOPT_HEADERFUNCTION, receiveHeaderLine))
        try check(ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context))
        try check(ccurl_set_bytes_callback(easy, CURLOPT_WRITEFUNCTION, receiveBytes))
        try check(ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context))
        try check(ccurl_set_prerequest_callback(easy, beginSending))
        try check(ccurl_set_pointer(easy, CURLOPT_PREREQDATA, context))
    }

    /// libcurl sends a request again, of any method, where a connection that has served before closes without an answer:
    /// but the server may have carried it out. Only reads may be repeated unseen.
    fileprivate func mayBegin(from localPort: Int32) -> Bool {
        self.localPort = localPort
        attempts += 1
        return attempts == 1 || ["GET", "HEAD", "OPTIONS"].contains(transfer.request.method)
    }

    fileprivate func receive(headerLine: UnsafeRawBufferPointer) {
        lastReceived = .now
        transfer.receive(headerLine: headerLine)
    }

    /// - Returns: whether the bytes were taken; if not, the transfer pauses and they come again.
    fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastReceived = .now
        return transfer.receive(bytes)
    }

    private func setMethod(_ request: CurlRequest) throws(CurlError) {
        if let body = request.body {
            try set(CURLOPT_POST, 1)
            try check(ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
            try check(
                body.withUnsafeBytes { bytes in
                    // Of an empty body, libcurl wants an address too.
                    var none: UInt8 = 0
                    return withUnsafeMutablePointer(to: &none) { none in
                        let start = bytes.baseAddress.map(UnsafeMutableRawPointer.init(mutating:))
                        return ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, start ?? UnsafeMutableRawPointer(none))
                    }
                })
        } else if request.method == "HEAD" {
            try set(CURLOPT_NOBODY, 1)
        }
        try set(CURLOPT_CUSTOMREQUEST, request.method)
    }

    private func setTimeouts(_ timeouts: CurlTimeouts) throws(CurlError) {
        try set(CURLOPT_CONNECTTIMEOUT_MS, timeouts.connect.wholeMilliseconds)
        if let total = timeouts.total { try set(CURLOPT_TIMEOUT_MS, total.wholeMilliseconds) }
        if let idle = timeouts.idle {
            try set(CURLOPT_LOW_SPEED_LIMIT, 1)
            try set(CURLOPT_LOW_SPEED_TIME, max(1, Int(idle.components.seconds)))
        }
    }

    private func setTLS(_ tls: CurlTLS) throws(CurlError) {
        switch tls.authorities {
        case .system: break
        case .file(let path):
            try set(CURLOPT_CAINFO, path)
            // libcurl would keep what it has read for a day, and files are replaced.
            try set(CURLOPT_CA_CACHE_TIMEOUT, 0)
        case .pem(let text): try set(CURLOPT_CAINFO_BLOB, text)
        }
        switch tls.identity {
        case nil: break
        case .files(let certificate, let key):
            try set(CURLOPT_SSLCERT, certificate)
            try set(CURLOPT_SSLKEY, key)
        case .pem(let certificate, let key):
            try set(CURLOPT_SSLCERT_BLOB, certificate)
            try set(CURLOPT_SSLKEY_BLOB, key)
        }
        if !tls.verifiesServer {
            try set(CURLOPT_SSL_VERIFYPEER, 0)
            try set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    private func setSignature(_ signature: AWSSignature) throws(CurlError) {
        try set(CURLOPT_AWS_SIGV4, "aws:amz:\(signature.region):\(signature.service)")
        try set(CURLOPT_USERNAME, signature.accessKeyID)
        try set(CURLOPT_PASSWORD, signature.secretAccessKey)
    }

    private func setHeaders(_ request: CurlRequest, host: String?) throws(CurlError) {
        var lines = request.headers
        if let host { lines.append(.init("Host", host)) }
        if let token = request.awsSignature?.sessionToken { lines.append(.init("x-amz-security-token", token)) }
        for line in lines {
            guard line.isValid else { throw .invalidRequest("the header field '\(line.name)' is malformed") }
            // "name;" is libcurl's way to send a field without a value.
            append(line.value.isEmpty ? "\(line.name);" : "\(line.name): \(line.value)")
        }
        // libcurl would send a type for forms, and wait for "100 Continue" before a long body. Its signatures cover
        // fields that are only taken away (libcurl 7.88), so a signed request must bring a type and may wait.
        if request.body != nil {
            if !lines.contains(where: { $0.name.lowercased() == "content-type" }) {
                append(request.awsSignature == nil ? "Content-Type:" : "Content-Type: application/octet-stream")
            }
            if request.awsSignature == nil { append("Expect:") }
        }
        try check(ccurl_set_list(easy, CURLOPT_HTTPHEADER, headerLines))
    }

    private func append(_ line: String) {
        if let longer = curl_slist_append(headerLines, line) { headerLines = longer }
    }

    private func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try check(ccurl_set_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(CurlError) {
        guard !value.utf8.contains(0) else { throw .invalidRequest("a setting contains NUL") }
        try check(ccurl_set_string(easy, option, value))
    }

    private func set(_ option: CURLoption, _ blob: [UInt8]) throws(CurlError) {
        try check(blob.withUnsafeBytes { ccurl_set_blob(easy, option, $0.baseAddress, $0.count) })
    }

    private func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw CurlError(code, detail: detail) }
    }
}

extension CurlRequest.Header {
    /// Whether it is one line, its name a token.
    fileprivate var isValid: Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ";") }
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

extension Duration {
    /// Rounded up, so that no positive time becomes libcurl's 0, which stands for "no limit".
    fileprivate var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return max(1, Int(clamping: seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}

// Functions without isolation, because libcurl calls them on the loop's thread.

private func beginSending(
    _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CChar>?, _: UnsafeMutablePointer<CChar>?, _: Int32,
    _ localPort: Int32
) -> Int32 {
    guard let context else { return ccurl_prerequest_abort }
    let handle = Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
    return handle.mayBegin(from: localPort) ? ccurl_prerequest_send : ccurl_prerequest_abort
}

private func socketOpened(
    _ context: UnsafeMutableRawPointer?, _ descriptor: curl_socket_t, _: curlsocktype
) -> Int32 {
    guard let context else { return CURL_SOCKOPT_OK }
    Unmanaged<OpenSockets>.fromOpaque(context).takeUnretainedValue().opened(descriptor)
    return CURL_SOCKOPT_OK
}

private func closeSocket(_ context: UnsafeMutableRawPointer?, _ descriptor: curl_socket_t) -> Int32 {
    guard let context else { return 1 }
    Unmanaged<OpenSockets>.fromOpaque(context).takeUnretainedValue().close(descriptor)
    return 0
}

private func receiveHeaderLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue().receive(headerLine: line)
    return size * count
}

private func receiveBytes(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue().receive(chunk) ? chunk.count : ccurl_pause
}
