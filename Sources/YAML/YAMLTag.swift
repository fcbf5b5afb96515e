/// The tags of safe YAML 1.1, named as in `tag:yaml.org,2002:`.
enum YAMLTag: String {
    case null, bool, int, float, str, timestamp, binary, merge, value, seq, map, set, omap, pairs

    private static let prefix = "tag:yaml.org,2002:"

    init?(uri: String) {
        guard uri.hasPrefix(Self.prefix) else { return nil }
        self.init(rawValue: String(uri.dropFirst(Self.prefix.count)))
    }

    var uri: String { Self.prefix + rawValue }
}
