import HTTPService

/// The fields of a head that inference requests are read for, found in one pass. Of a field that stands twice, the first
/// counts.
struct InferenceFields {
    private(set) var machineProfile: String?
    private(set) var pool: String?
    private(set) var sdkVersion: String?
    private(set) var wait: String?
    private(set) var traceParent: String?
    /// What `content-type` says; nil where there is none.
    private(set) var sendsMessagePack: Bool?
    /// What `accept` says; nil where there is none.
    private(set) var accepts: AnswerFormat?

    init(_ head: RequestHead) {
        head.forEachField { name, value in
            // Told apart by their length: most fields of most requests are none of these.
            switch name.count {
            case 6 where accepts == nil && name.equalsLowercased("accept"):
                accepts = AnswerFormat(accept: value)
            case 10 where pool == nil && name.equalsLowercased("x-sie-pool"):
                pool = Self.text(value)
            case 10 where wait == nil && name.equalsLowercased("x-sie-wait"):
                wait = Self.text(value)
            case 11 where traceParent == nil && name.equalsLowercased("traceparent"):
                traceParent = Self.text(value)
            case 12 where sendsMessagePack == nil && name.equalsLowercased("content-type"):
                // Anything that contains the word.
                sendsMessagePack = value.containsIgnoringASCIICase("msgpack")
            case 17 where sdkVersion == nil && name.equalsLowercased("x-sie-sdk-version"):
                sdkVersion = Self.text(value)
            case 21 where machineProfile == nil && name.equalsLowercased("x-sie-machine-profile"):
                machineProfile = Self.text(value)
            default:
                break
            }
        }
    }

    private static func text(_ value: UnsafeRawBufferPointer) -> String {
        String(decoding: value, as: UTF8.self)
    }
}
