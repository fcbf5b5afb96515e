import YAML

/// The strict reading of a model file, as workers apply it: known keys only, each of its type.
///
/// The control plane stores documents without it, as release 0.3.1 does; workers and people who write files use it.
public enum ModelSchema {
    /// Everything that is wrong with a document, in its order; empty for a good one.
    public static func issues(in node: YAMLNode) -> [SchemaIssue] {
        var checker = SchemaChecker()
        checker.checkModel(node)
        return checker.issues
    }
}

/// Walks a document and collects what breaks the schema.
private struct SchemaChecker {
    private(set) var issues: [SchemaIssue] = []

    private static let modelKeys = [
        "sie_id", "hf_id", "hf_revision", "weights_path", "package_backed", "inputs", "tasks", "max_sequence_length",
        "profiles",
    ]
    private static let profileKeys = [
        "extends", "max_batch_tokens", "compute_precision", "adapter_path", "adapter_options", "adaptive_batching",
    ]
    private static let batchingKeys = [
        "target_p50_ms", "calibration_multiplier", "min_target_p50_ms", "max_target_p50_ms", "min_wait_ms",
        "max_wait_ms", "gain", "integral_gain",
    ]

    mutating func checkModel(_ node: YAMLNode) {
        guard let model = mapping(node, [], keys: Self.modelKeys) else { return }
        if (model["sie_id"]?.string ?? "").isEmpty { report(["sie_id"], "must be a non-empty string") }
        for key in ["hf_id", "hf_revision", "weights_path"] {
            optional(model[key], [key], "a string") { $0.string != nil }
        }
        optional(model["package_backed"], ["package_backed"], "a boolean") { $0.bool != nil }
        optional(model["max_sequence_length"], ["max_sequence_length"], "an integer") { $0.integer != nil }

        let isPackageBacked = model["package_backed"]?.bool ?? false
        let sources = ["hf_id", "weights_path", "hf_revision"].filter { !(model[$0]?.isNull ?? true) }
        if isPackageBacked {
            for key in sources { report([key], "must be absent where package_backed is true") }
        } else if !sources.contains("hf_id"), !sources.contains("weights_path") {
            report(["hf_id"], "one of hf_id and weights_path is required")
        }
        if let inputs = model["inputs"], let fields = mapping(inputs, ["inputs"], keys: Self.inputKeys) {
            for entry in fields.entries where entry.value.bool == nil {
                report(["inputs", entry.key.string ?? ""], "must be a boolean")
            }
        }
        checkTasks(model["tasks"])
        checkProfiles(model["profiles"])
    }

    private static let inputKeys = ["text", "image", "audio", "video", "document"]

    private mutating func checkTasks(_ node: YAMLNode?) {
        guard let node, !node.isNull else { return report(["tasks"], "is required") }
        guard let tasks = mapping(node, ["tasks"], keys: ["encode", "score", "extract"]) else { return }
        for key in ["score", "extract"] {
            guard let task = tasks[key], !task.isNull else { continue }
            _ = mapping(task, ["tasks", key], keys: [])
        }
        let outputs = ["dense", "sparse", "multivector"]
        guard let encode = tasks["encode"], !encode.isNull,
            let fields = mapping(encode, ["tasks", "encode"], keys: outputs)
        else { return }
        for output in outputs {
            let path = ["tasks", "encode", output]
            guard let node = fields[output], !node.isNull, let field = mapping(node, path, keys: ["dim"]) else {
                continue
            }
            if field["dim"]?.integer == nil { report(path + ["dim"], "must be an integer") }
        }
    }

    private mutating func checkProfiles(_ node: YAMLNode?) {
        guard let profiles = node?.mapping, !profiles.isEmpty else {
            return report(["profiles"], "must be a mapping with at least the profile 'default'")
        }
        if profiles["default"] == nil { report(["profiles"], "must contain 'default'") }
        for entry in profiles.entries {
            guard let name = entry.key.string else {
                report(["profiles"], "a profile name must be a string, but is \(entry.key.kindDescription)")
                continue
            }
            checkProfile(entry.value, name, among: profiles)
        }
    }

    private mutating func checkProfile(_ node: YAMLNode, _ name: String, among profiles: YAMLMapping) {
        let path = ["profiles", name]
        guard let profile = mapping(node, path, keys: Self.profileKeys) else { return }
        optional(profile["extends"], path + ["extends"], "a string") { $0.string != nil }
        optional(profile["adapter_path"], path + ["adapter_path"], "a string") { $0.string != nil }
        optional(profile["max_batch_tokens"], path + ["max_batch_tokens"], "an integer") { $0.integer != nil }
        optional(profile["compute_precision"], path + ["compute_precision"], "float16, bfloat16 or float32") {
            ["float16", "bfloat16", "float32"].contains($0.string)
        }
        if let parentName = profile["extends"]?.string {
            if let parent = profiles[parentName] {
                if !(parent["extends"]?.isNull ?? true) {
                    report(path + ["extends"], "the parent '\(parentName)' extends another profile itself")
                }
            } else {
                report(path + ["extends"], "there is no profile '\(parentName)'")
            }
        } else {
            for key in ["adapter_path", "max_batch_tokens"] where profile[key]?.isNull ?? true {
                report(path + [key], "is required where the profile extends no other")
            }
        }
        if let options = profile["adapter_options"],
            let maps = mapping(options, path + ["adapter_options"], keys: ["loadtime", "runtime"])
        {
            for entry in maps.entries where entry.value.mapping == nil {
                report(path + ["adapter_options", entry.key.string ?? ""], "must be a mapping")
            }
        }
        if let batching = profile["adaptive_batching"], !batching.isNull,
            let fields = mapping(batching, path + ["adaptive_batching"], keys: Self.batchingKeys)
        {
            for entry in fields.entries where !entry.value.isNull && entry.value.number == nil {
                report(path + ["adaptive_batching", entry.key.string ?? ""], "must be a number")
            }
        }
    }

    private mutating func mapping(_ node: YAMLNode, _ path: [String], keys: [String]) -> YAMLMapping? {
        guard let mapping = node.mapping else {
            report(path, "must be a mapping, but is \(node.kindDescription)")
            return nil
        }
        for entry in mapping.entries where !keys.contains(entry.key.string ?? "") {
            report(path + [entry.key.string ?? entry.key.kindDescription], "unknown key")
        }
        return mapping
    }

    private mutating func optional(_ node: YAMLNode?, _ path: [String], _ kind: String, _ fits: (YAMLNode) -> Bool) {
        guard let node, !node.isNull, !fits(node) else { return }
        report(path, "must be \(kind), but is \(node.kindDescription)")
    }

    private mutating func report(_ path: [String], _ message: String) {
        issues.append(SchemaIssue(path, message))
    }
}
