import JSONStream

/// One write as a store keeps it.
package struct StoredChange: Sendable, Hashable {
    /// A model's document.
    package struct Model: Sendable, Hashable {
        package var id: String
        package var text: String

        package init(id: String, text: String) {
            self.id = id
            self.text = text
        }
    }

    /// The epoch after the write.
    package var epoch: UInt64
    /// The model as it is after the write; nil where only the answer is to be kept.
    package var model: Model?
    /// The answer to be repeated, where the write came with an idempotency key.
    package var reply: StoredReply?

    package init(epoch: UInt64, model: Model? = nil, reply: StoredReply? = nil) {
        self.epoch = epoch
        self.model = model
        self.reply = reply
    }
}

extension StoredChange {
    /// The change as stores write it down.
    package var json: JSONValue {
        var members = [JSONMember("epoch", .uint(epoch))]
        if let model {
            members.append(JSONMember("model", ["id": .string(model.id), "text": .string(model.text)]))
        }
        if let reply { members.append(JSONMember("reply", reply.json)) }
        return .object(members)
    }

    /// Reads a change; nil where the value is none.
    package init?(_ json: JSONValue) {
        guard let epoch = json["epoch"]?.unsigned else { return nil }
        self.init(epoch: epoch)
        if let model = json["model"] {
            guard let id = model["id"]?.stringValue, let text = model["text"]?.stringValue else { return nil }
            self.model = Model(id: id, text: text)
        }
        if let reply = json["reply"] {
            guard let reply = StoredReply(reply) else { return nil }
            self.reply = reply
        }
    }
}

extension JSONValue {
    /// An integer that is not negative.
    package var unsigned: UInt64? {
        switch self {
        case .int(let integer): UInt64(exactly: integer)
        case .uint(let integer): integer
        default: nil
        }
    }
}
