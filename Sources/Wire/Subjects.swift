/// Names on the message bus (gateway contract 3, 4.2, 4.3; worker contract 2.1).
public enum Subjects {
    /// A model id as one subject token: `/` becomes `__`, `.` becomes `_dot_`, and `*`, `>` and space become `_`.
    /// Not reversible in general: `a__b` and `a/b` meet.
    public static func token(forModel id: String) -> String {
        var token: [UInt8] = []
        token.reserveCapacity(id.utf8.count + 8)
        for byte in id.utf8 {
            switch byte {
            case UInt8(ascii: "/"): token.append(contentsOf: "__".utf8)
            case UInt8(ascii: "."): token.append(contentsOf: "_dot_".utf8)
            case UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: " "): token.append(UInt8(ascii: "_"))
            default: token.append(byte)
            }
        }
        return String(decoding: token, as: UTF8.self)
    }

    /// The model id a subject token stands for, where that can be told: `__` becomes `/`, then `_dot_` becomes `.`.
    public static func model(fromToken token: some StringProtocol) -> String {
        replacing("_dot_", with: ".", in: replacing("__", with: "/", in: String(token)))
    }

    /// `sie.work.{model token}.{pool}`, the subject one work item is published to.
    public static func work(model id: String, pool: String) -> String {
        "sie.work.\(token(forModel: id)).\(pool)"
    }

    /// `sie.work.*.{pool}`: all work of one pool.
    public static func workFilter(pool: String) -> String {
        "sie.work.*.\(pool)"
    }

    /// `sie.batch.{model token}.{pool}`, the subject of batched work items. The consumers and streams of single ones do
    /// not match it, so that a worker that does not know batches never gets one.
    public static func batch(model id: String, pool: String) -> String {
        "sie.batch.\(token(forModel: id)).\(pool)"
    }

    /// `sie.batch.*.{pool}`: all batches of one pool.
    public static func batchFilter(pool: String) -> String {
        "sie.batch.*.\(pool)"
    }

    /// The model token of a work subject, nil where the subject is not of that form.
    public static func modelToken(ofWorkSubject subject: String) -> Substring? {
        modelToken(of: subject, kind: "work")
    }

    /// The model token of a subject of batches, nil where the subject is not of that form.
    public static func modelToken(ofBatchSubject subject: String) -> Substring? {
        modelToken(of: subject, kind: "batch")
    }

    /// Where the items of a batch go that is taken apart: the subject of work for the same model and pool.
    public static func work(ofBatchSubject subject: String) -> String {
        "sie.work."
            + subject.split(separator: ".", omittingEmptySubsequences: false).dropFirst(2).joined(separator: ".")
    }

    private static func modelToken(of subject: String, kind: String) -> Substring? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 4, tokens[0] == "sie", tokens[1] == kind, !tokens[2].isEmpty else { return nil }
        return tokens[2]
    }

    /// `WORK_POOL_{pool}`: the work-queue stream of one pool.
    public static func workStream(pool: String) -> String {
        "WORK_POOL_\(pool)"
    }

    /// What the subjects of messages with several items begin with.
    public static let batchPrefix = "sie.batch."

    /// `WORK_BATCH_{pool}`: the work-queue stream of one pool's batches.
    public static func batchStream(pool: String) -> String {
        "WORK_BATCH_\(pool)"
    }

    /// `{bundle}_{pool}`: the durable consumer all workers of one bundle in one pool share.
    public static func workConsumer(bundle: String, pool: String) -> String {
        "\(bundle)_\(pool)"
    }

    /// Whether a pool name fits into subjects and stream names: 1 to 63 of letters, digits, `-` and `_`.
    public static func isValidPool(_ name: String) -> Bool {
        1...63 ~= name.utf8.count
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// `sie.config.models.{bundle}`, where workers of a bundle hear of configuration changes.
    public static func configDeltas(bundle: String) -> String {
        "sie.config.models.\(bundle)"
    }

    /// Where gateways hear of every configuration change.
    public static let allConfigDeltas = "sie.config.models._all"

    /// `_INBOX.{router}.{request}`: where the results of one request go.
    public static func results(router: String, request: String) -> String {
        "_INBOX.\(router).\(request)"
    }

    /// All results for one gateway.
    public static func resultsFilter(router: String) -> String {
        "_INBOX.\(router).>"
    }

    /// The gateway that a reply subject belongs to; nil where it is not of the form that gateways give to the requests
    /// they coalesce, ``results(router:request:)``. Two replies to the same gateway may share a message.
    public static func gateway(ofReply subject: String, request: String) -> Substring? {
        let (bytes, prefix, id) = (subject.utf8, replyPrefix.utf8, request.utf8)
        guard !id.isEmpty, bytes.count > prefix.count + 1 + id.count, bytes.starts(with: prefix),
            bytes.suffix(id.count).elementsEqual(id)
        else { return nil }
        let router = subject[
            bytes.index(bytes.startIndex, offsetBy: prefix.count)..<bytes.index(bytes.endIndex, offsetBy: -id.count)]
        guard router.utf8.last == UInt8(ascii: "."), router.utf8.count > 1 else { return nil }
        let name = router.dropLast()
        return name.utf8.contains(UInt8(ascii: ".")) ? nil : name
    }

    /// What a reply subject of a work item must begin with; anything else is not answered.
    public static let replyPrefix = "_INBOX."

    private static func replacing(_ pattern: String, with replacement: String, in text: String) -> String {
        var output = ""
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix(pattern) {
                output += replacement
                rest = rest.dropFirst(pattern.count)
            } else {
                output.append(rest.removeFirst())
            }
        }
        return output
    }
}
