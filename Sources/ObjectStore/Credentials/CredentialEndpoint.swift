import CurlClient
import FoundationEssentials
import JSONStream

/// Asks a service for credentials: short answers, a few attempts.
struct CredentialEndpoint: Sendable {
    /// The name in errors, such as "the EC2 metadata service".
    let name: String
    let client: CurlClient
    /// Metadata services are near or not there at all, so they get a short time and no proxy.
    var isLocal = false
    var attempts = 3

    func answer(
        _ method: String, _ url: String, headers: [CurlRequest.Header] = [], form: [String: String]? = nil,
        body: [UInt8]? = nil
    ) async throws(CredentialError) -> CurlResponse {
        let timeouts =
            isLocal ? CurlTimeouts(connect: .seconds(1), total: .seconds(3)) : CurlTimeouts(total: .seconds(20))
        var request = CurlRequest(
            method, url, headers: headers, body: body, timeouts: timeouts, proxy: isLocal ? .none : .environment)
        if let form {
            request.headers.append(.init("content-type", "application/x-www-form-urlencoded"))
            request.body = Array(PercentEncoding.query(form).utf8)
        }
        var failure = ""
        for _ in 0..<attempts {
            do throws(CurlError) {
                let response = try await client.perform(request, bodyLimitBytes: 1 << 20)
                if response.status < 500, response.status != 429 { return response }
                failure = "answers \(response.status)"
            } catch {
                failure = error.description
            }
            if Task.isCancelled { break }
        }
        throw CredentialError("\(name) (\(request)): \(failure)")
    }

    /// The JSON object of a 2xx answer. Answers are never quoted, because they hold secrets.
    func object(_ response: CurlResponse) throws(CredentialError) -> JSONValue {
        guard (200...299).contains(response.status) else {
            throw CredentialError("\(name) answers \(response.status)\(Self.errorCode(response.body))")
        }
        guard let json = try? JSONReader.decode(response.body), json.objectValue != nil else {
            throw CredentialError("\(name) answers with something that is no JSON object")
        }
        return json
    }

    /// `error` and `error_description` of an OAuth error, which hold no secret.
    private static func errorCode(_ body: [UInt8]) -> String {
        guard let json = try? JSONReader.decode(body), let error = json["error"]?.stringValue else { return "" }
        let description = json["error_description"]?.stringValue.map { ": \($0.prefix(200))" } ?? ""
        return " (\(error)\(description))"
    }
}

extension Date {
    /// Reads `2026-01-02T03:04:05Z`, with or without fractions of a second.
    init?(timestamp text: String) {
        let whole = text.prefix { $0 != "." }
        let date = try? Date(whole.hasSuffix("Z") ? String(whole) : whole + "Z", strategy: .iso8601)
        guard let date else { return nil }
        self = date
    }
}
