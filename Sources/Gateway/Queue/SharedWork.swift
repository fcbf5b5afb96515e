/// What of a request went out in messages with several items, and may have to be published again by itself.
enum SharedWork {
    /// Parts of it: their items are encoded again from the request's body, which is kept for that.
    case parts(QueuedRequest)
    /// Its only work item, encoded, in a message with those of other requests.
    case item(ArraySlice<UInt8>, WorkAddress)

    /// The workers it was meant for.
    var lane: (bundle: String, pool: String) {
        switch self {
        case .parts(let queued): (queued.address.bundle, queued.address.pool)
        case .item(_, let address): (address.bundle, address.pool)
        }
    }
}
