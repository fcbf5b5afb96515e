import CLibYaml

/// libyaml's parser over bytes that stay where they are; the only place that reads its structures.
struct EventParser: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>

    /// Creates a parser of `bytes`, which must outlive it and be UTF-8.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        // libyaml drops a byte order mark only where it has to find out the encoding itself; told it, it takes the mark
        // for a column, and the first line for one that is indented.
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = bytes.starts(with: byteOrderMark) ? UnsafeBufferPointer(rebasing: bytes.dropFirst(3)) : bytes
        self.bytes = bytes
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLError(.limit, "no memory for a YAML parser", at: .none)
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
            defer { yaml_event_delete(&event) }
            if let kind = Self.kind(of: event) {
                return YAMLEvent(kind: kind, mark: Self.mark(event.start_mark))
            }
        }
    }

    private static func kind(of event: yaml_event_t) -> YAMLEvent.Kind? {
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            return .documentStart
        case YAML_DOCUMENT_END_EVENT:
            return .documentEnd
        case YAML_STREAM_END_EVENT:
            return .streamEnd
        case YAML_ALIAS_EVENT:
            return .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return .scalar(
                text: text, tag: string(scalar.tag), anchor: string(scalar.anchor),
                isPlain: scalar.plain_implicit != 0)
        case YAML_SEQUENCE_START_EVENT:
            return .sequenceStart(
                tag: string(event.data.sequence_start.tag), anchor: string(event.data.sequence_start.anchor))
        case YAML_SEQUENCE_END_EVENT:
            return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            return .mappingStart(
                tag: string(event.data.mapping_start.tag), anchor: string(event.data.mapping_start.anchor))
        case YAML_MAPPING_END_EVENT:
            return .mappingEnd
        default:
            return nil
        }
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    private static func mark(_ mark: yaml_mark_t) -> YAMLMark {
        YAMLMark(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "the text is no YAML"
        let context = parser.pointee.context.map { String(cString: $0) + ", " } ?? ""
        switch parser.pointee.error {
        case YAML_READER_ERROR:
            // The reader is ahead of the parser, and counts bytes.
            return YAMLError(.encoding, problem, at: YAMLMark(after: bytes.prefix(parser.pointee.problem_offset)))
        case YAML_MEMORY_ERROR:
            return YAMLError(.limit, "no memory to read the YAML text", at: Self.mark(parser.pointee.mark))
        default:
            return YAMLError(.syntax, context + problem, at: Self.mark(parser.pointee.problem_mark))
        }
    }
}
