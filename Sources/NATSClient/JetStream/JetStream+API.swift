import FoundationEssentials
import NIOCore

extension JetStream {
    /// Sends a request to the API and reads its answer, or the error it answers with.
    func call<Answer: Decodable>(
        _ endpoint: String, body: (any Encodable)? = nil, answer: Answer.Type
    ) async throws(NATSError) -> Answer {
        var payload = ByteBuffer()
        if let body {
            do {
                payload.writeBytes(try JSONEncoder().encode(body))
            } catch {
                throw .malformedAnswer("the request to \(endpoint) cannot be written: \(error)")
            }
        }
        let message = try await connection.request("\(apiPrefix).\(endpoint)", payload: payload, timeout: timeout)
        let data = Data(message.payload.readableBytesView)
        do {
            if let error = try JSONDecoder().decode(ErrorEnvelope.self, from: data).error {
                throw NATSError.jetStream(error)
            }
            return try JSONDecoder().decode(Answer.self, from: data)
        } catch let error as NATSError {
            throw error
        } catch {
            throw .malformedAnswer("\(endpoint): \(error)")
        }
    }
}

private struct ErrorEnvelope: Decodable {
    var error: JetStreamAPIError?
}

/// Bytes that JSON carries as base 64.
struct Base64Bytes: Decodable {
    let data: Data

    init(from decoder: any Decoder) throws {
        self.data = try decoder.singleValueContainer().decode(Data.self)
    }
}
