/// What of a request went out in messages with several items, and may have to be published again by itself.
enum SharedWork {
    /// Parts of it: their items are encoded again from the request's body, which is kept for that.
    case parts(QueuedRequest)
    /// Its only work item, encoded, in a message with those of other requests.
    case item(ArraySlice<UInt8>)
}
