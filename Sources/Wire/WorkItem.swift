import MessagePack

/// One unit of work as it travels from gateway to worker (gateway contract 4.5, worker contract 2.5).
///
/// Payloads whose shape the transport does not care about stay encoded: `item`, `options`, `query`, `scoreItems` and
/// `outputSchema` hold MessagePack bytes, nil where the key was nil or absent.
public struct WorkItem: Sendable, Equatable {
    public enum Operation: String, Sendable, CaseIterable {
        case encode, score, extract
    }

    public var workItemID = ""
    public var requestID = ""
    public var itemIndex = 0
    public var totalItems = 1
    /// The operation as the producer wrote it; absent means `encode`.
    public var operation = Operation.encode.rawValue
    public var modelID = ""
    public var profileID = "default"
    public var pool = ""
    public var machineProfile = ""
    public var item: [UInt8]?
    public var payloadRef: String?
    public var outputTypes: [String]?
    public var instruction: String?
    public var isQuery = false
    public var options: [UInt8]?
    public var query: [UInt8]?
    public var queryPayloadRef: String?
    public var scoreItems: [UInt8]?
    public var labels: [String]?
    public var outputSchema: [UInt8]?
    public var bundleConfigHash = ""
    public var routerID = ""
    /// Where the result goes; nil where nobody waits for it.
    public var replySubject: String?
    /// When the request arrived, Unix seconds by the gateway's clock.
    public var timestamp = 0.0
    /// The span of the gateway, as a `traceparent` header; nil where the caller sent none. An addition to the 24 keys of
    /// the reference, whose readers pass over it.
    public var traceParent: String?

    public init() {}

    /// Decodes one work item; unknown keys are passed over, every value is checked for its type.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(WireError) {
        do {
            var reader = MessagePackReader(bytes)
            for _ in 0..<(try reader.readMapHeader()) {
                let key = try reader.readString()
                do {
                    try read(key, from: &reader)
                } catch {
                    throw WireError.field(key, error)
                }
            }
            try reader.expectEnd()
        } catch let error as WireError {
            throw error
        } catch let error as MessagePackError {
            throw .malformed(error)
        } catch {
            throw .malformed(MessagePackError(.truncated, offset: 0))
        }
        if requestID.isEmpty { throw .missing("request_id") }
    }

    private mutating func read(_ key: String, from reader: inout MessagePackReader) throws(MessagePackError) {
        switch key {
        case "work_item_id": workItemID = try reader.readStringOrNil() ?? ""
        case "request_id": requestID = try reader.readString()
        case "item_index": itemIndex = try reader.readInt()
        case "total_items": totalItems = try reader.readInt()
        case "operation": operation = try reader.readStringOrNil() ?? Operation.encode.rawValue
        case "model_id": modelID = try reader.readStringOrNil() ?? ""
        case "profile_id": profileID = try reader.readStringOrNil() ?? "default"
        case "pool_name": pool = try reader.readStringOrNil() ?? ""
        case "machine_profile": machineProfile = try reader.readStringOrNil() ?? ""
        case "item": item = try reader.readRawOrNil()
        case "payload_ref": payloadRef = try reader.readStringOrNil()
        case "output_types": outputTypes = try reader.readStringsOrNil()
        case "instruction": instruction = try reader.readStringOrNil()
        case "is_query": isQuery = try reader.readNilIfPresent() ? false : try reader.readBool()
        case "options": options = try reader.readRawOrNil()
        case "query_item": query = try reader.readRawOrNil()
        case "query_payload_ref": queryPayloadRef = try reader.readStringOrNil()
        case "score_items": scoreItems = try reader.readRawOrNil()
        case "labels": labels = try reader.readStringsOrNil()
        case "output_schema": outputSchema = try reader.readRawOrNil()
        case "bundle_config_hash": bundleConfigHash = try reader.readStringOrNil() ?? ""
        case "router_id": routerID = try reader.readStringOrNil() ?? ""
        case "reply_subject": replySubject = try reader.readStringOrNil()
        case "traceparent": traceParent = try reader.readStringOrNil()
        case "timestamp": timestamp = try reader.readNilIfPresent() ? 0 : try reader.readDouble()
        default: try reader.skip()
        }
    }
}

/// Why a message of ours cannot be read.
public enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed(MessagePackError)
    case field(String, MessagePackError)
    case missing(String)
    case json(String)

    public var description: String {
        switch self {
        case .malformed(let error): "malformed message: \(error)"
        case .field(let name, let error): "field '\(name)': \(error)"
        case .missing(let name): "field '\(name)' is missing"
        case .json(let reason): "malformed message: \(reason)"
        }
    }
}

extension MessagePackReader {
    mutating func readStringOrNil() throws(MessagePackError) -> String? {
        try readNilIfPresent() ? nil : try readString()
    }

    mutating func readDoubleOrNil() throws(MessagePackError) -> Double? {
        try readNilIfPresent() ? nil : try readDouble()
    }

    mutating func readRawOrNil() throws(MessagePackError) -> [UInt8]? {
        try readNilIfPresent() ? nil : [UInt8](try readRawValue())
    }

    mutating func readStringsOrNil() throws(MessagePackError) -> [String]? {
        if try readNilIfPresent() { return nil }
        var strings: [String] = []
        for _ in 0..<(try readArrayHeader()) { strings.append(try readString()) }
        return strings
    }
}
