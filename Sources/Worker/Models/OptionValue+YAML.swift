import Catalog
import YAML

extension OptionValue {
    /// The value of an option as a model's YAML writes it.
    package init(_ node: YAMLNode) {
        if node.isNull {
            self = .null
        } else if let value = node.bool {
            self = .bool(value)
        } else if let value = node.number {
            self = .number(value)
        } else if let value = node.string {
            self = .string(value)
        } else if let nodes = node.sequence {
            let strings = nodes.compactMap(\.string)
            self = strings.count == nodes.count ? .strings(strings) : .unsupported("array")
        } else {
            self = .unsupported(node.kindDescription)
        }
    }
}

extension ModelConfig {
    /// Runtime options by profile name, inheritance resolved; profiles that cannot be resolved are left out, so that a
    /// request naming one is told so.
    package var runtimeOptionsByProfile: [String: RuntimeOptions] {
        var all: [String: RuntimeOptions] = [:]
        for profile in profiles {
            guard let resolved = try? resolvedProfile(named: profile.name) else { continue }
            var options: RuntimeOptions = [:]
            for entry in resolved.runtimeOptions.entries {
                if let name = entry.key.string { options[name] = OptionValue(entry.value) }
            }
            all[profile.name] = options
        }
        return all
    }
}
