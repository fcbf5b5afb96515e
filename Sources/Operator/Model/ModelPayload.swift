import Crypto
import JSONStream

/// The document that the config service gets for a model, and by what it is known again.
package struct ModelPayload: Sendable, Hashable {
    /// The document does not fit into a request.
    package struct TooLarge: Error, Sendable, Hashable, CustomStringConvertible {
        package var bytes: Int

        package var description: String {
            "the model's document has \(bytes) bytes; the config service takes \(ModelPayload.largestBytes)"
        }
    }

    /// A KiB below the config service's limit of 1,048,576 bytes.
    package static let largestBytes = (1 << 20) - (1 << 10)

    package let modelID: String
    package let profileNames: [String]
    /// The document as a tree, in the words of the catalogue.
    package let document: JSONValue
    /// The document as it is sent: JSON that is also YAML, the same bytes for the same spec.
    package let bytes: [UInt8]
    /// Of the bytes, 64 hexadecimal digits.
    package let sha256: String

    /// - Throws: ``TooLarge``. A spec that breaks a rule of ``SIEModel/issues(replacing:)`` gives some document, too.
    package init(_ spec: SIEModel.Spec) throws(TooLarge) {
        modelID = spec.modelID
        profileNames = spec.profiles.map(\.name)
        var members = (spec.metadata?.objectValue ?? []).filter { !SIEModel.reservedKeys.contains($0.key) }
        members.append(JSONMember("sie_id", .string(spec.modelID)))
        members.append(JSONMember("hf_id", .text(spec.hfID)))
        members.append(JSONMember("hf_revision", .text(spec.hfRevision)))
        members.append(JSONMember("default_bundle", .text(spec.defaultBundle)))
        members.append(JSONMember("max_sequence_length", .number(spec.maxSequenceLength)))
        members.append(
            JSONMember("profiles", .object(spec.profiles.map { JSONMember($0.name, Self.document($0)) })))
        document = .object(members.filter { !$0.value.isNull })
        bytes = CanonicalJSON.bytes(of: document)
        guard bytes.count <= Self.largestBytes else { throw TooLarge(bytes: bytes.count) }
        sha256 = Hexadecimal.text(of: SHA256.hash(data: bytes))
    }

    private static func document(_ profile: SIEModel.Profile) -> JSONValue {
        let options: JSONValue =
            profile.adapterOptions.map { options in
                .object(
                    [("loadtime", options.loadtime), ("runtime", options.runtime)].compactMap { name, value in
                        value.map { JSONMember(name, $0) }
                    })
            } ?? .null
        return .object(
            [
                JSONMember("extends", .text(profile.extends)),
                JSONMember("adapter_path", .text(profile.adapterPath)),
                JSONMember("max_batch_tokens", .number(profile.maxBatchTokens)),
                JSONMember("compute_precision", .text(profile.computePrecision?.rawValue)),
                JSONMember("adapter_options", options),
                JSONMember("adaptive_batching", profile.adaptiveBatching ?? .null),
            ].filter { !$0.value.isNull })
    }

    /// The key under which the config service carries the document out once, however often it is sent.
    ///
    /// The same one goes with every repetition, because the service may have done what it did not answer.
    ///
    /// - Parameters:
    ///   - uid: of the object.
    ///   - attempt: counts up where the service was found to have lost a registered model; with the old key it would
    ///     repeat its old answer and do nothing.
    package func idempotencyKey(uid: String, attempt: Int) -> String {
        "sie-operator/\(uid)/\(sha256.prefix(16))/\(attempt)"
    }
}

extension JSONValue {
    fileprivate static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
    fileprivate static func number(_ number: Int?) -> JSONValue { number.map { .int(Int64($0)) } ?? .null }
}
