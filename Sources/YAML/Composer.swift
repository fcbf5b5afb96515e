/// Builds nodes from events: anchors, tags, merge keys, limits.
struct Composer: ~Copyable {
    /// A node with the number of nodes it has when written out.
    private struct Composed {
        var node: YAMLNode
        var weight: Int
        /// Whether the node was a plain `<<`, which only a mapping can give a meaning.
        var isMergeKey = false
    }

    private var parser: EventParser
    private let options: YAMLOptions
    private var anchors: [String: Composed] = [:]
    private var openAnchors: Set<String> = []
    private var weight = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, options: YAMLOptions) throws(YAMLError) {
        parser = try EventParser(bytes)
        self.options = options
    }

    /// The one document of the text; null where there is none.
    mutating func document() throws(YAMLError) -> YAMLNode {
        let start = try parser.next()
        guard case .documentStart = start.kind else { return YAMLNode(.null, mark: start.mark) }
        let root = try node(from: parser.next(), depth: 1)
        try requireValue(root)
        _ = try parser.next()  // the end of the document
        let end = try parser.next()
        guard case .streamEnd = end.kind else {
            throw YAMLError(.syntax, "expected a single document, but found another", at: end.mark)
        }
        return root.node
    }

    private mutating func node(from event: YAMLEvent, depth: Int) throws(YAMLError) -> Composed {
        switch event.kind {
        case .alias(let name):
            guard let target = anchors[name] else {
                let problem = openAnchors.contains(name) ? "the alias *\(name) stands inside itself" : nil
                throw YAMLError(.reference, problem ?? "found undefined alias *\(name)", at: event.mark)
            }
            try spend(target.weight, at: event.mark)
            return target
        case .scalar(let text, let tag, let anchor, let isPlain):
            try spend(1, at: event.mark)
            let composed = try scalar(text, tag: tag, isPlain: isPlain, at: event.mark)
            try open(anchor, at: event.mark)
            close(anchor, composed)
            return composed
        case .sequenceStart(let tag, let anchor):
            try enter(depth, at: event.mark)
            try open(anchor, at: event.mark)
            let tag = try collectionTag(tag, default: .seq, allowed: [.seq, .omap, .pairs], at: event.mark)
            let composed = try sequence(tag, at: event.mark, depth: depth)
            close(anchor, composed)
            return composed
        case .mappingStart(let tag, let anchor):
            try enter(depth, at: event.mark)
            try open(anchor, at: event.mark)
            let tag = try collectionTag(tag, default: .map, allowed: [.map, .set], at: event.mark)
            let composed = try mapping(tag, at: event.mark, depth: depth)
            close(anchor, composed)
            return composed
        case .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw YAMLError(.syntax, "expected a value", at: event.mark)
        }
    }

    private func scalar(
        _ text: String, tag: String?, isPlain: Bool, at mark: YAMLMark
    ) throws(YAMLError) -> Composed {
        var type = YAMLTag.str
        if let tag, tag != "!" {
            guard let known = YAMLTag(uri: tag) else { throw unknownTag(tag, at: mark) }
            type = known
        } else if isPlain {
            type = ScalarResolver.tag(of: text)
        }
        if type == .merge {
            return Composed(node: YAMLNode(.string(text), mark: mark), weight: 1, isMergeKey: true)
        }
        let value = try ScalarConstructor.value(of: text, tag: type, at: mark)
        return Composed(node: YAMLNode(value, mark: mark), weight: 1)
    }

    private mutating func sequence(
        _ tag: YAMLTag, at mark: YAMLMark, depth: Int
    ) throws(YAMLError) -> Composed {
        var nodes: [YAMLNode] = []
        var total = 1
        while true {
            let event = try parser.next()
            if case .sequenceEnd = event.kind { break }
            let element = try node(from: event, depth: depth + 1)
            try requireValue(element)
            if tag != .seq {
                guard let pair = element.node.mapping, pair.count == 1 else {
                    throw YAMLError(
                        .tag,
                        "!!\(tag.rawValue) needs mappings of one entry, but found \(element.node.kindDescription)",
                        at: element.node.mark)
                }
            }
            nodes.append(element.node)
            total += element.weight
        }
        return Composed(node: YAMLNode(.sequence(nodes), mark: mark), weight: total)
    }

    private mutating func mapping(
        _ tag: YAMLTag, at mark: YAMLMark, depth: Int
    ) throws(YAMLError) -> Composed {
        var own: [YAMLMapping.Entry] = []
        var merged: [YAMLMapping.Entry] = []
        var total = 1
        while true {
            let event = try parser.next()
            if case .mappingEnd = event.kind { break }
            let key = try self.key(from: event, depth: depth + 1)
            let value = try node(from: parser.next(), depth: depth + 1)
            total += key.weight + value.weight
            if key.isMergeKey {
                merged += try mergedEntries(value, at: mark)
            } else {
                try requireValue(value)
                own.append(YAMLMapping.Entry(key: key.node, value: value.node))
            }
        }
        // What is merged in stands first, and gives way to the mapping's own keys.
        var mapping = YAMLMapping()
        mapping.reserveCapacity(merged.count + own.count)
        for entry in merged { mapping.set(entry.key, entry.value) }
        var seen = YAMLMapping()
        for entry in own {
            mapping.set(entry.key, entry.value)
            if options.duplicateKeys == .reject, !seen.set(entry.key, entry.value) {
                throw YAMLError(.key, "the mapping holds this key twice", at: entry.key.mark)
            }
        }
        return Composed(node: YAMLNode(.mapping(mapping), mark: mark), weight: total)
    }

    private mutating func key(from event: YAMLEvent, depth: Int) throws(YAMLError) -> Composed {
        // As a key, and only there, a plain `=` is text.
        if case .scalar(let text, nil, let anchor, true) = event.kind, ScalarResolver.tag(of: text) == .value {
            try spend(1, at: event.mark)
            let composed = Composed(node: YAMLNode(.string(text), mark: event.mark), weight: 1)
            try open(anchor, at: event.mark)
            close(anchor, composed)
            return composed
        }
        let key = try node(from: event, depth: depth)
        switch key.node.value {
        case .sequence, .mapping:
            throw YAMLError(.key, "\(key.node.kindDescription) cannot be a key", at: event.mark)
        default:
            return key
        }
    }

    private func mergedEntries(_ value: Composed, at mark: YAMLMark) throws(YAMLError) -> [YAMLMapping.Entry] {
        switch value.node.value {
        case .mapping(let mapping):
            return mapping.entries
        case .sequence(let nodes):
            // Earlier mappings win, so they come last.
            var entries: [YAMLMapping.Entry] = []
            for node in nodes.reversed() {
                guard let mapping = node.mapping else {
                    throw YAMLError(
                        .reference, "expected a mapping for merging, but found \(node.kindDescription)", at: node.mark)
                }
                entries += mapping.entries
            }
            return entries
        default:
            throw YAMLError(
                .reference,
                "expected a mapping or a list of mappings for merging, but found \(value.node.kindDescription)",
                at: value.node.mark == .none ? mark : value.node.mark)
        }
    }

    /// Refuses a `<<` that stands where no mapping gives it a meaning.
    private func requireValue(_ composed: Composed) throws(YAMLError) {
        guard composed.isMergeKey else { return }
        _ = try ScalarConstructor.value(of: "<<", tag: .merge, at: composed.node.mark)
    }

    private func collectionTag(
        _ tag: String?, default standard: YAMLTag, allowed: [YAMLTag], at mark: YAMLMark
    ) throws(YAMLError) -> YAMLTag {
        guard let tag, tag != "!" else { return standard }
        guard let known = YAMLTag(uri: tag) else { throw unknownTag(tag, at: mark) }
        guard allowed.contains(known) else {
            throw YAMLError(.tag, "the tag !!\(known.rawValue) does not fit this collection", at: mark)
        }
        return known
    }

    private func unknownTag(_ tag: String, at mark: YAMLMark) -> YAMLError {
        YAMLError(.tag, "could not determine a constructor for the tag '\(tag.prefix(100))'", at: mark)
    }

    private mutating func spend(_ nodes: Int, at mark: YAMLMark) throws(YAMLError) {
        weight += nodes
        guard weight <= options.maximumNodes else {
            throw YAMLError(
                .limit, "the document has more than \(options.maximumNodes) nodes, aliases written out", at: mark)
        }
    }

    private mutating func enter(_ depth: Int, at mark: YAMLMark) throws(YAMLError) {
        guard depth <= options.maximumDepth else {
            throw YAMLError(.limit, "collections nest more than \(options.maximumDepth) deep", at: mark)
        }
        try spend(1, at: mark)
    }

    private mutating func open(_ anchor: String?, at mark: YAMLMark) throws(YAMLError) {
        guard let anchor else { return }
        guard anchors[anchor] == nil, openAnchors.insert(anchor).inserted else {
            throw YAMLError(.reference, "found duplicate anchor &\(anchor)", at: mark)
        }
    }

    private mutating func close(_ anchor: String?, _ composed: Composed) {
        guard let anchor else { return }
        openAnchors.remove(anchor)
        anchors[anchor] = composed
    }
}
