import JSONStream

/// Texts encoded in batches of so many.
struct BenchmarkWorkload {
    let batch: Int
    let texts: [String]

    init(_ value: JSONValue) {
        batch = max(1, value["batch"]?.intValue ?? 1)
        texts = (value["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
    }
}
