import JSONStream
import NIOHTTP1

extension ErrorAnswer {
    /// The answer when every item failed: retryable where the workers agree on a code that says so, else an error that
    /// lists them all.
    package init(allFailed failures: [ItemResults.Failure]) {
        let codes = Set(failures.map(\.code))
        if codes.count == 1, let code = codes.first ?? nil, let reason = Self.retryableCodes[code] {
            let first = failures.first?.message ?? ""
            self.init(
                .serviceUnavailable, code: code,
                message: first.isEmpty ? "Worker reported a retryable error" : first,
                retryAfterSeconds: 5, rejection: reason)
            return
        }
        self.init(
            .internalServerError, code: "INFERENCE_ERROR", message: failures.first?.message ?? "all items failed",
            members: [
                JSONMember("error", "all_items_failed"),
                JSONMember("details", .array(failures.map(Self.detail))),
            ], rejection: .allItemsFailed)
    }

    /// The codes with which a worker asks for another try, and what each is counted as.
    private static let retryableCodes: [String: RejectionReason] = [
        "RESOURCE_EXHAUSTED": .resourceExhausted,
        "MODEL_LOADING": .upstreamModelLoading,
        "LORA_LOADING": .upstreamLoRALoading,
    ]

    private static func detail(_ failure: ItemResults.Failure) -> JSONValue {
        var members = [
            JSONMember("item_index", .int(Int64(failure.itemIndex))), JSONMember("error", .string(failure.message)),
        ]
        if let code = failure.code { members.append(JSONMember("code", .string(code))) }
        return .object(members)
    }
}
