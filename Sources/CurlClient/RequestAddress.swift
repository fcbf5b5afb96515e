import CCurl

/// Where a request goes, and under which name: libcurl checks a certificate against the host of the URL alone, so another
/// name takes the host's place there.
struct RequestAddress {
    var url: String
    /// `::host:port`, where connections really go; nil for the host of the URL.
    var connection: String?
    /// The `Host` field, where it is not the host of the URL.
    var host: String?

    init(_ request: CurlRequest) throws(CurlError) {
        url = request.url
        guard let name = request.tls.serverName else { return }
        guard let parts = curl_url() else { throw .other(code: Int(CURLE_FAILED_INIT.rawValue), "out of memory") }
        defer { curl_url_cleanup(parts) }
        guard curl_url_set(parts, CURLUPART_URL, request.url, 0) == CURLUE_OK,
            let host = Self.part(parts, CURLUPART_HOST),
            let port = Self.part(parts, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)),
            curl_url_set(parts, CURLUPART_HOST, name, 0) == CURLUE_OK, let renamed = Self.part(parts, CURLUPART_URL)
        else { throw .invalidRequest("the URL or the server's name is malformed") }
        url = renamed
        connection = "::\(host):\(port)"
        self.host = "\(host):\(port)"
    }

    private static func part(_ parts: OpaquePointer, _ part: CURLUPart, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(parts, part, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
