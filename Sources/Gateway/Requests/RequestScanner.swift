import MessagePack
import NIOCore
import Wire

/// Finds the parts of a MessagePack inference body without decoding its items.
///
/// Names of fields may be `str` or `bin`; where a name stands twice the last one counts. Parameters are read from
/// `params` first (a null there counts as said), else from the top level; score requests have no `params`.
package struct RequestScanner: Sendable {
    /// Items accepted in one request.
    package var maximumItems: Int

    package init(maximumItems: Int = 50_000) {
        self.maximumItems = maximumItems
    }

    package func scan(
        _ body: ByteBuffer, operation: WorkItem.Operation
    ) throws(RequestBodyError) -> InferenceRequest {
        let scanned: Result<InferenceRequest, RequestBodyError> = body.withUnsafeReadableBytes { bytes in
            var scan = Scan(
                body: BodyBytes(bytes: bytes), request: InferenceRequest(operation: operation, bytes: body),
                maximumItems: maximumItems)
            do throws(Scan.Failure) {
                try scan.run()
                return .success(scan.request)
            } catch {
                switch error {
                case .request(let error): return .failure(error)
                case .bytes(let error): return .failure(.messagePack(error.description))
                }
            }
        }
        let request = try scanned.get()
        guard !request.items.isEmpty || operation == .score else { throw .noItems }
        return request
    }
}

/// One run over one body.
private struct Scan {
    enum Failure: Error {
        case request(RequestBodyError)
        case bytes(MessagePackError)
    }

    let body: BodyBytes
    var request: InferenceRequest
    let maximumItems: Int

    mutating func run() throws(Failure) {
        let (body, bytes) = (body, body.bytes)
        let top = try form { () throws(MessagePackError) in try Fields(of: bytes, at: 0..<bytes.count) }
        guard let top else { throw .request(.notMessagePackMap) }
        if request.operation == .score {
            if let items = top[.items] { request.items = try elements(of: items, else: .itemsNotArray) }
            request.query = top[.query]
            try readParameters(Parameters(top: top, nested: Fields()))
        } else {
            request.items = try items(of: top)
            let nested = try form { () throws(MessagePackError) in
                try top[.params].flatMap { range throws(MessagePackError) in try Fields(of: bytes, at: range) }
            }
            try readParameters(Parameters(top: top, nested: nested ?? Fields()))
        }
        let items = request.items
        try form { () throws(MessagePackError) in
            for item in items { try body.validateText(of: item) }
        }
    }

    private func items(of top: Fields) throws(Failure) -> [Range<Int>] {
        if let items = top[.items] { return try elements(of: items, else: .itemsNotArray) }
        if let input = top[.input] {
            return body.isArray(input) ? try elements(of: input, else: .itemsNotArray) : [input]
        }
        if let inputs = top[.inputs] { return try elements(of: inputs, else: .inputsNotArray) }
        return [0..<body.bytes.count]
    }

    private func elements(of range: Range<Int>, else error: RequestBodyError) throws(Failure) -> [Range<Int>] {
        guard body.isArray(range) else { throw .request(error) }
        let (maximum, body) = (maximumItems, body)
        let (count, ranges) = try form { () throws(MessagePackError) -> (Int, [Range<Int>]) in
            var reader = body.reader(at: range)
            let count = try reader.readArrayHeader()
            guard count <= maximum else { return (count, []) }
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(count)
            for _ in 0..<count {
                let start = range.lowerBound + reader.offset
                try reader.skip()
                ranges.append(start..<(range.lowerBound + reader.offset))
            }
            return (count, ranges)
        }
        guard count <= maximum else { throw .request(.tooManyItems(count, maximum: maximum)) }
        return ranges
    }

    // MARK: Parameters

    private struct Parameters {
        var top: Fields
        /// Empty where there are none.
        var nested: Fields

        subscript(name: FieldName) -> Range<Int>? { nested[name] ?? top[name] }
    }

    private mutating func readParameters(_ fields: Parameters) throws(Failure) {
        let (body, operation) = (body, request.operation)
        request.parameters = try form { () throws(MessagePackError) -> InferenceRequest.Parameters in
            var parameters = InferenceRequest.Parameters()
            parameters.instruction = try body.string(fields[.instruction])
            let options = try fields[.options].flatMap { range throws(MessagePackError) in try body.nonNull(range) }
            guard operation != .score else {
                parameters.options = options.map { Array(body.bytes[$0]) }
                return parameters
            }
            parameters.outputTypes = try body.strings(fields[.outputTypes])
            parameters.labels = try body.strings(fields[.labels])
            let schema = try fields[.outputSchema].flatMap { range throws(MessagePackError) in try body.nonNull(range) }
            parameters.outputSchema = schema.map { Array(body.bytes[$0]) }
            let optionFields = try options.flatMap { range throws(MessagePackError) in
                try Fields(of: body.bytes, at: range)
            }
            let isQueryOption = try body.bool(optionFields?[.isQuery])
            parameters.isQuery = try body.bool(fields[.isQuery]) ?? isQueryOption ?? false
            parameters.options = options.map { Array(body.bytes[$0]) }
            // The SDK sends `output_dtype` as a parameter; workers look for it among the options.
            if let outputDtype = try body.string(fields[.outputDtype]) {
                parameters.setOption("output_dtype", to: outputDtype)
            }
            // Likewise `threshold`, of the TypeScript SDK's extract.
            if operation == .extract, let threshold = try body.number(fields[.threshold]) {
                parameters.setOption("threshold", toEncoded: threshold)
            }
            return parameters
        }
    }

    private func form<T>(_ body: () throws(MessagePackError) -> T) throws(Failure) -> T {
        do throws(MessagePackError) { return try body() } catch { throw .bytes(error) }
    }
}

/// The bytes of a body, and values in it by where they lie. It holds nothing else, so that closures may take it along at
/// no cost.
private struct BodyBytes {
    let bytes: UnsafeRawBufferPointer

    func reader(at range: Range<Int>) -> MessagePackReader {
        MessagePackReader(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    func isArray(_ range: Range<Int>) -> Bool {
        (try? reader(at: range).peek()) == .array
    }

    /// Strings directly in an item (its text, its id) must be UTF-8: what a worker would only find out later, the
    /// caller is told at once.
    func validateText(of item: Range<Int>) throws(MessagePackError) {
        var reader = reader(at: item)
        guard try reader.peek() == .map else { return }
        for _ in 0..<(try reader.readMapHeader()) {
            try reader.skip()
            guard try reader.peek() == .string else {
                try reader.skip()
                continue
            }
            let start = item.lowerBound + reader.offset
            guard try reader.readStringBytes().isUTF8 else { throw MessagePackError(.invalidUTF8, offset: start) }
        }
    }

    func nonNull(_ range: Range<Int>) throws(MessagePackError) -> Range<Int>? {
        try reader(at: range).peek() == .nil ? nil : range
    }

    func string(_ range: Range<Int>?) throws(MessagePackError) -> String? {
        guard let range else { return nil }
        var reader = reader(at: range)
        guard try reader.peek() == .string else { return nil }
        return try reader.readString()
    }

    /// The encoded form of a number.
    func number(_ range: Range<Int>?) throws(MessagePackError) -> [UInt8]? {
        guard let range else { return nil }
        switch try reader(at: range).peek() {
        case .integer, .float: return Array(bytes[range])
        default: return nil
        }
    }

    func bool(_ range: Range<Int>?) throws(MessagePackError) -> Bool? {
        guard let range else { return nil }
        var reader = reader(at: range)
        guard try reader.peek() == .boolean else { return nil }
        return try reader.readBool()
    }

    /// The strings of an array, leaving out elements of other types; nil when it is no array.
    func strings(_ range: Range<Int>?) throws(MessagePackError) -> [String]? {
        guard let range else { return nil }
        var reader = reader(at: range)
        guard try reader.peek() == .array else { return nil }
        var strings: [String] = []
        for _ in 0..<(try reader.readArrayHeader()) {
            if try reader.peek() == .string { strings.append(try reader.readString()) } else { try reader.skip() }
        }
        return strings
    }
}

/// The fields the gateway looks for, at the top level or in `params` or `options`.
private enum FieldName: Int, CaseIterable {
    case items, input, inputs, params, query, instruction, options, labels
    case outputTypes, isQuery, outputSchema, outputDtype, threshold

    init?(_ name: UnsafeRawBufferPointer) {
        guard let field = Self.candidates(ofLength: name.count).first(where: { name.matches($0.spelling) }) else {
            return nil
        }
        self = field
    }

    private static func candidates(ofLength count: Int) -> [FieldName] {
        count < named.count ? named[count] : []
    }

    /// The names by how long they are: at most two are alike in that.
    private static let named: [[FieldName]] = {
        var named = [[FieldName]](repeating: [], count: 1 + (allCases.map(\.spelling.utf8CodeUnitCount).max() ?? 0))
        for field in allCases { named[field.spelling.utf8CodeUnitCount].append(field) }
        return named
    }()

    private var spelling: StaticString {
        switch self {
        case .items: "items"
        case .input: "input"
        case .inputs: "inputs"
        case .params: "params"
        case .query: "query"
        case .instruction: "instruction"
        case .options: "options"
        case .labels: "labels"
        case .outputTypes: "output_types"
        case .isQuery: "is_query"
        case .outputSchema: "output_schema"
        case .outputDtype: "output_dtype"
        case .threshold: "threshold"
        }
    }
}

/// Where the known fields of one map lie, as ranges of the whole body.
private struct Fields {
    /// By the number of the name; an empty range is a field that is not there, because no value takes no bytes.
    private var ranges = InlineArray<13, Range<Int>>(repeating: 0..<0)

    /// Of nothing.
    init() {}

    /// Nil when the value at `range` is no map; throws when it is malformed or followed by more bytes.
    init?(of bytes: UnsafeRawBufferPointer, at range: Range<Int>) throws(MessagePackError) {
        var reader = MessagePackReader(UnsafeRawBufferPointer(rebasing: bytes[range]))
        guard try reader.peek() == .map else { return nil }
        for _ in 0..<(try reader.readMapHeader()) {
            let name = try Self.name(&reader)
            let start = range.lowerBound + reader.offset
            try reader.skip()
            if let name { ranges[name.rawValue] = start..<(range.lowerBound + reader.offset) }
        }
        try reader.expectEnd()
    }

    subscript(name: FieldName) -> Range<Int>? {
        let range = ranges[name.rawValue]
        return range.isEmpty ? nil : range
    }

    private static func name(_ reader: inout MessagePackReader) throws(MessagePackError) -> FieldName? {
        switch try reader.peek() {
        case .string, .binary:
            return FieldName(try reader.readStringOrBinaryBytes())
        default:
            try reader.skip()
            return nil
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isUTF8: Bool { isASCII || String(validating: self, as: UTF8.self) != nil }
}
