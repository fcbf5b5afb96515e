import CLibYaml
import JSONStream

/// Writes nodes in block style, the way PyYAML's `safe_dump(default_flow_style=False)` lays text out.
///
/// Every string that a reader would take for another type is quoted; other text stays plain where YAML allows it.
/// Lines are never folded, and text beyond ASCII stays as it is.
public struct YAMLEmitter: Sendable {
    /// Whether the entries of mappings come sorted by key, by code point, instead of in their own order.
    public var sortsKeys: Bool

    /// Creates an emitter.
    public init(sortsKeys: Bool = false) {
        self.sortsKeys = sortsKeys
    }

    /// The text of a document without markers, with a line feed at its end.
    public func text(of node: YAMLNode) -> String {
        let sink = Sink()
        var output = Output(sink)
        output.begin()
        write(node, to: &output)
        output.end()
        return String(decoding: sink.bytes, as: UTF8.self)
    }

    private func write(_ node: YAMLNode, to output: inout Output) {
        switch node.value {
        case .null:
            output.plain("null", .null)
        case .bool(let bool):
            output.plain(bool ? "true" : "false", .bool)
        case .integer(let integer):
            output.plain(String(integer), .int)
        case .float(let float):
            output.plain(Self.text(of: float), .float)
        case .string(let string):
            output.string(string)
        case .timestamp(let timestamp):
            output.plain(timestamp.iso8601(separator: " "), .timestamp)
        case .binary(let bytes):
            output.binary(Base64.text(of: bytes))
        case .sequence(let nodes):
            output.beginSequence(isEmpty: nodes.isEmpty)
            for node in nodes { write(node, to: &output) }
            output.endSequence()
        case .mapping(let mapping):
            output.beginMapping(isEmpty: mapping.isEmpty)
            for entry in sortsKeys ? sorted(mapping.entries) : mapping.entries {
                write(entry.key, to: &output)
                write(entry.value, to: &output)
            }
            output.endMapping()
        }
    }

    private func sorted(_ entries: [YAMLMapping.Entry]) -> [YAMLMapping.Entry] {
        entries.sorted {
            ($0.key.string ?? "").utf8.lexicographicallyPrecedes(($1.key.string ?? "").utf8)
        }
    }

    private static func text(of float: Double) -> String {
        guard float.isFinite else { return float.isNaN ? ".nan" : float < 0 ? "-.inf" : ".inf" }
        let text = JSONNumberStyle.python.text(float)
        // YAML 1.1 floats need a point even before an exponent.
        guard !text.contains("."), let mark = text.firstIndex(of: "e") else { return text }
        return text[..<mark] + ".0" + text[mark...]
    }
}

extension YAMLEmitter {
    /// The bytes libyaml has written, behind the reference that its callback carries.
    fileprivate final class Sink {
        var bytes: [UInt8] = []
    }

    /// libyaml's emitter; the only place that fills its structures.
    fileprivate struct Output: ~Copyable {
        private let emitter: UnsafeMutablePointer<yaml_emitter_t>
        private let sink: Sink

        init(_ sink: Sink) {
            self.sink = sink
            emitter = .allocate(capacity: 1)
            emitter.initialize(to: yaml_emitter_t())
            yaml_emitter_initialize(emitter)
            yaml_emitter_set_unicode(emitter, 1)
            yaml_emitter_set_width(emitter, -1)
            yaml_emitter_set_encoding(emitter, YAML_UTF8_ENCODING)
            yaml_emitter_set_output(
                emitter,
                { context, bytes, count in
                    guard let context, let bytes else { return 0 }
                    let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                    sink.bytes.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
                    return 1
                },
                Unmanaged.passUnretained(sink).toOpaque())
        }

        deinit {
            yaml_emitter_delete(emitter)
            emitter.deallocate()
        }

        mutating func begin() {
            emit { yaml_stream_start_event_initialize(&$0, YAML_UTF8_ENCODING) }
            emit { yaml_document_start_event_initialize(&$0, nil, nil, nil, 1) }
        }

        mutating func end() {
            emit { yaml_document_end_event_initialize(&$0, 1) }
            emit { yaml_stream_end_event_initialize(&$0) }
            // A plain scalar as the whole document ends with the marker that tells it from an unfinished text.
            yaml_emitter_flush(emitter)
        }

        mutating func plain(_ text: String, _ tag: YAMLTag) {
            scalar(text, tag: tag, isPlainImplicit: true, isQuotedImplicit: false, style: YAML_PLAIN_SCALAR_STYLE)
        }

        mutating func string(_ text: String) {
            scalar(
                text, tag: .str, isPlainImplicit: ScalarResolver.tag(of: text) == .str, isQuotedImplicit: true,
                style: YAML_ANY_SCALAR_STYLE)
        }

        mutating func binary(_ text: String) {
            scalar(
                text, tag: .binary, isPlainImplicit: false, isQuotedImplicit: false,
                style: YAML_LITERAL_SCALAR_STYLE)
        }

        private mutating func scalar(
            _ text: String, tag: YAMLTag, isPlainImplicit: Bool, isQuotedImplicit: Bool, style: yaml_scalar_style_t
        ) {
            var text = text
            var uri = tag.uri
            text.withUTF8 { text in
                uri.withUTF8NullTerminated { uri in
                    emit { event in
                        // libyaml wants an address even for no bytes.
                        var nothing: UInt8 = 0
                        return withUnsafePointer(to: &nothing) { nothing in
                            yaml_scalar_event_initialize(
                                &event, nil, uri, text.baseAddress ?? nothing, Int32(clamping: text.count),
                                isPlainImplicit ? 1 : 0, isQuotedImplicit ? 1 : 0, style)
                        }
                    }
                }
            }
        }

        mutating func beginSequence(isEmpty: Bool) {
            emit {
                yaml_sequence_start_event_initialize(
                    &$0, nil, nil, 1, isEmpty ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE)
            }
        }

        mutating func endSequence() { emit { yaml_sequence_end_event_initialize(&$0) } }

        mutating func beginMapping(isEmpty: Bool) {
            emit {
                yaml_mapping_start_event_initialize(
                    &$0, nil, nil, 1, isEmpty ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE)
            }
        }

        mutating func endMapping() { emit { yaml_mapping_end_event_initialize(&$0) } }

        private func emit(_ initialize: (inout yaml_event_t) -> Int32) {
            var event = yaml_event_t()
            // These fail where memory is exhausted; the events themselves are right by construction.
            guard initialize(&event) == 1 else { return }
            yaml_emitter_emit(emitter, &event)
        }
    }
}

extension String {
    /// The string's bytes with a zero behind them, as C wants text.
    fileprivate mutating func withUTF8NullTerminated<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R {
        withCString { text in
            text.withMemoryRebound(to: UInt8.self, capacity: utf8.count + 1, body)
        }
    }
}
