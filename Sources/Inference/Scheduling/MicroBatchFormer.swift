/// Decides how much of what waits one thread takes at a time: whole sequences of one model, up to a budget of tokens,
/// and no more than the thread's share, so that idle threads find work too.
struct MicroBatchFormer: Sendable, Equatable {
    let tokenBudget: Int
    let threads: Int

    /// Items a thread may take while `waiting` items wait.
    func share(ofWaiting waiting: Int) -> Int {
        max(1, (waiting + threads - 1) / threads)
    }

    /// Whether a sequence of `tokens` still fits a batch that holds `count` sequences of `total` tokens. The first one
    /// always does, however long.
    func accepts(tokens: Int, afterTotal total: Int, count: Int, share: Int) -> Bool {
        count == 0 || (count < share && total + tokens <= tokenBudget)
    }
}
