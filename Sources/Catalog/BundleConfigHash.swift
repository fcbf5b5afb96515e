import Crypto
import JSONStream

/// The digest by which control plane, gateways and workers see whether they hold the same models for a bundle.
public enum BundleConfigHash {
    /// An algorithm that some release computes.
    public enum Scheme: Sendable, Hashable {
        /// What release 0.3.1 of the control plane and of the gateway computes, and all binaries here.
        case controlPlane031
        /// What the Python worker of release 0.3.1 computes: profiles of every module, options with both sub-maps spelled
        /// out, text beyond ASCII escaped, floats as Python prints them. It agrees with the other on plain files only.
        case worker031
    }

    /// The digest of `models` for a bundle with these adapter modules: 64 hexadecimal digits, or the empty string where
    /// the bundle serves no model.
    public static func digest(
        of models: some Sequence<ModelConfig>, modules: Set<String>, scheme: Scheme = .controlPlane031
    ) -> String {
        var models = ServedModels(models, modules: modules, scheme: scheme)
        return models.digest()
    }

    /// The bytes that are hashed; none where the bundle serves no model.
    package static func canonicalText(
        of models: some Sequence<ModelConfig>, modules: Set<String>, scheme: Scheme
    ) -> [UInt8] {
        ServedModels(models, modules: modules, scheme: scheme).canonicalText
    }

    static func hexDigest(_ text: [UInt8]) -> String {
        text.isEmpty ? "" : SHA256.hash(data: text).hexadecimal
    }
}

extension BundleConfigHash.Scheme {
    var writing: JSONWriter.Options {
        switch self {
        case .controlPlane031: JSONWriter.Options(numberStyle: .orjson, sortsKeys: true)
        case .worker031: JSONWriter.Options(escapesNonASCII: true, numberStyle: .python, sortsKeys: true)
        }
    }
}

extension Profile {
    /// The profile as a scheme sees it.
    func hashed(_ scheme: BundleConfigHash.Scheme) -> JSONValue {
        var options = hashedFields.adapterOptions
        switch scheme {
        case .controlPlane031:
            if case .object(let members) = options, members.allSatisfy({ $0.value.isFalsy }) { options = .null }
        case .worker031:
            let loadtime = options["loadtime"] ?? [:]
            let runtime = options["runtime"] ?? [:]
            options = loadtime.isFalsy && runtime.isFalsy ? .null : ["loadtime": loadtime, "runtime": runtime]
        }
        return [
            "adapter_path": hashedFields.adapterPath,
            "max_batch_tokens": hashedFields.maxBatchTokens,
            "compute_precision": hashedFields.computePrecision,
            "adapter_options": options,
        ]
    }

    /// Whether two profiles are one to a gateway: equal in what it hashes.
    public func isHashedLike(_ other: Profile) -> Bool {
        let writing = BundleConfigHash.Scheme.controlPlane031.writing
        return JSONWriter.encode(hashed(.controlPlane031), options: writing)
            == JSONWriter.encode(other.hashed(.controlPlane031), options: writing)
    }
}

extension JSONValue {
    /// Python's falsity: null, false, zero, and whatever is empty.
    fileprivate var isFalsy: Bool {
        switch self {
        case .null: true
        case .bool(let bool): !bool
        case .int(let integer): integer == 0
        case .uint(let integer): integer == 0
        case .double(let double): double == 0
        case .string(let string): string.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        }
    }
}

extension Digest {
    /// Lower-case hexadecimal digits.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(Self.byteCount * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
