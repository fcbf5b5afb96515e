/// A prompt template such as `query: {text}`: the placeholders `{text}` and `{instruction}`, with doubled braces
/// standing for literal ones (worker contract 6.5).
package struct TextTemplate: Equatable, Sendable {
    private enum Piece: Equatable {
        case literal(String)
        case text
        case instruction
    }

    private let pieces: [Piece]

    /// Parses `source`; throws `EncodeError` naming the offending placeholder.
    package init(_ source: String, option: String) throws(EncodeError) {
        var pieces: [Piece] = []
        var literal = ""
        var rest = Substring(source)
        func fail(_ what: String) -> EncodeError { .invalidOption(option, "\(what) in template \"\(source)\"") }
        while let character = rest.popFirst() {
            switch character {
            case "{" where rest.first == "{", "}" where rest.first == "}":
                rest.removeFirst()
                literal.append(character)
            case "{":
                guard let end = rest.firstIndex(of: "}") else { throw fail("unclosed '{'") }
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = ""
                switch rest[..<end] {
                case "text": pieces.append(.text)
                case "instruction": pieces.append(.instruction)
                case let name: throw fail("unknown placeholder '{\(name)}'")
                }
                rest = rest[rest.index(after: end)...]
            case "}":
                throw fail("single '}'")
            default:
                literal.append(character)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        self.pieces = pieces
    }

    /// The template filled in; a missing instruction is the empty string.
    package func render(text: String, instruction: String?) -> String {
        var output = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): output += literal
            case .text: output += text
            case .instruction: output += instruction ?? ""
            }
        }
        return output
    }
}
