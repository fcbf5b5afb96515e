import JSONStream
import MessagePack
import NIOCore
import Wire

/// Turns a body into an inference request: MessagePack is scanned as it is, JSON is converted once and then scanned.
package struct RequestParser: Sendable {
    package var scanner: RequestScanner

    package init(scanner: RequestScanner = .init()) {
        self.scanner = scanner
    }

    /// - Parameter contentType: anything containing `msgpack` means MessagePack; all else, including nothing, JSON.
    package func parse(
        _ body: ByteBuffer, contentType: String?, operation: WorkItem.Operation
    ) throws(RequestBodyError) -> InferenceRequest {
        try parse(
            body, isMessagePack: contentType?.containsIgnoringASCIICase("msgpack") == true, operation: operation)
    }

    package func parse(
        _ body: ByteBuffer, isMessagePack: Bool, operation: WorkItem.Operation
    ) throws(RequestBodyError) -> InferenceRequest {
        if isMessagePack { return try scanner.scan(body, operation: operation) }
        let value = try Self.json(body)
        guard value.objectValue != nil else { throw .notJSONObject }
        var writer = MessagePackWriter(capacity: body.readableBytes)
        writer.write(value)
        return try scanner.scan(ByteBuffer(bytes: writer.bytes), operation: operation)
    }

    static func json(_ body: ByteBuffer) throws(RequestBodyError) -> JSONValue {
        let decoded: Result<JSONValue, RequestBodyError> = body.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                return .success(try JSONReader.decode(bytes))
            } catch {
                return .failure(.json(error.description))
            }
        }
        return try decoded.get()
    }
}
