import MessagePack
import Wire

/// What a message from the work queue asks for, told from its bytes alone (worker contract 2.4).
package enum WorkIntake: Equatable, Sendable {
    /// Texts to encode.
    case encode(WorkItem, EncodeItem)
    /// The same, but the item lies in the payload store under this name.
    case fetch(WorkItem, reference: String)
    /// Readable, but not answerable: publish this error and acknowledge.
    case refuse(WorkItem, code: String, message: String)
    /// Acknowledge and publish nothing: the reply subject is not an inbox.
    case drop(reason: String)
    /// Never deliver again: the bytes are no work item.
    case terminate(reason: String)

    /// The part of an item that encoding reads.
    package struct EncodeItem: Equatable, Sendable {
        package var id: MessagePackValue?
        package var text: String?
        package var options: RuntimeOptions
        /// Time it took to read the item from the payload store.
        package var payloadFetchMilliseconds = 0.0
    }

    package init(subject: String, payload: UnsafeRawBufferPointer) {
        guard let token = Subjects.modelToken(ofWorkSubject: subject) else {
            self = .terminate(reason: "subject \(subject) is not a work subject")
            return
        }
        self.init(payload: payload, modelToken: token)
    }

    /// - Parameters:
    ///   - payload: a work item.
    ///   - token: the model as the message's subject names it.
    package init(payload: UnsafeRawBufferPointer, modelToken token: Substring) {
        do throws(WireError) {
            self.init(try WorkItem(decoding: payload), modelToken: token)
        } catch {
            self = .terminate(reason: "undecodable work item: \(error)")
        }
    }

    /// - Parameter token: the model as the message's subject names it.
    package init(_ item: WorkItem, modelToken token: Substring) {
        var work = item
        // The subject decides the model, as for every reader of the queue; the item's own field is preferred only
        // where it names the same subject, since the token does not tell `a__b` from `a/b`.
        if Subjects.token(forModel: work.modelID) != token { work.modelID = Subjects.model(fromToken: token) }
        if let reply = work.replySubject, !reply.isEmpty, !reply.hasPrefix(Subjects.replyPrefix) {
            self = .drop(reason: "reply subject '\(reply)' is not an inbox")
            return
        }
        guard let operation = WorkItem.Operation(rawValue: work.operation) else {
            self = .refuse(work, code: "unknown_operation", message: "unknown operation '\(work.operation)'")
            return
        }
        guard operation == .encode else {
            let error = EncodeError.unsupportedOperation(operation.rawValue, model: work.modelID)
            self = .refuse(work, code: "inference_error", message: error.description)
            return
        }
        if let reference = work.payloadRef {
            self = .fetch(work, reference: reference)
            return
        }
        do throws(MessagePackError) {
            self = .encode(work, try EncodeItem(work))
        } catch {
            self = .refuse(work, code: "payload_error", message: "unreadable item or options: \(error)")
        }
    }
}

extension WorkIntake.EncodeItem {
    init(_ work: WorkItem) throws(MessagePackError) {
        options = try RuntimeOptions(messagePack: work.options ?? [])
        guard let bytes = work.item else { return }
        guard case .map(let pairs) = try MessagePackReader.decode(bytes) else { return }
        let item = MessagePackValue.map(pairs)
        if let id = item["id"], !id.isNil { self.id = id }
        // `content` is an older name of `text`.
        text = (item["text"] ?? item["content"])?.stringValue
    }
}

extension RuntimeOptions {
    /// The options of a work item; empty bytes and nil are no options.
    package init(messagePack bytes: [UInt8]) throws(MessagePackError) {
        self = [:]
        guard !bytes.isEmpty, case .map(let pairs) = try MessagePackReader.decode(bytes) else { return }
        for pair in pairs {
            guard let name = pair.key.keyText else { continue }
            self[name] = OptionValue(pair.value)
        }
    }
}

extension OptionValue {
    package init(_ value: MessagePackValue) {
        switch value {
        case .nil: self = .null
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .number(Double(value))
        case .uint(let value): self = .number(Double(value))
        case .float(let value): self = .number(Double(value))
        case .double(let value): self = .number(value)
        case .string(let value): self = .string(value)
        case .array(let elements):
            let strings = elements.compactMap(\.stringValue)
            self = strings.count == elements.count ? .strings(strings) : .unsupported("array")
        default: self = .unsupported(value.typeName)
        }
    }
}
