extension YAMLNode {
    /// Parses a text that holds at most one document; a text with none is null.
    ///
    /// The result is what `yaml.safe_load` of PyYAML 6 gives: YAML 1.1, safe types only, the last of two equal keys,
    /// `<<` merged.
    ///
    /// - Throws: `YAMLError` with the line and column of the first thing that is wrong.
    public init(parsing text: String, options: YAMLOptions = YAMLOptions()) throws(YAMLError) {
        var text = text
        let result = text.withUTF8 { Self.parse($0, options: options) }
        self = try result.get()
    }

    /// Parses bytes, which must be UTF-8, as `init(parsing:options:)` does.
    public init(parsing bytes: some Sequence<UInt8>, options: YAMLOptions = YAMLOptions()) throws(YAMLError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw YAMLError(.encoding, "the text is not UTF-8", at: Self.firstNonUTF8(in: Array(bytes)))
        }
        try self.init(parsing: text, options: options)
    }

    /// Where the first bytes stand that are no UTF-8.
    private static func firstNonUTF8(in bytes: [UInt8]) -> YAMLMark {
        var validBytes = 0
        var decoder = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        while case .valid(let scalar) = decoder.parseScalar(from: &iterator) { validBytes += scalar.count }
        return YAMLMark(after: bytes.prefix(validBytes))
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, options: YAMLOptions
    ) -> Result<YAMLNode, YAMLError> {
        Result { () throws(YAMLError) in
            guard bytes.count <= options.maximumBytes else {
                throw YAMLError(
                    .limit, "the text has \(bytes.count) bytes, more than \(options.maximumBytes)", at: .none)
            }
            var composer = try Composer(bytes, options: options)
            return try composer.document()
        }
    }
}
