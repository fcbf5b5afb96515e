/// BERT's text clean-up (Devlin et al., 2018), character by character: control characters go, Chinese characters are set
/// off by spaces, accents are stripped and letters lower-cased where the model wants it.
package struct BertNormalizer: Sendable, Hashable {
    package var cleansText: Bool
    package var separatesChineseCharacters: Bool
    package var stripsAccents: Bool
    package var lowercases: Bool

    /// A normalizer that changes nothing unless told to.
    package init(
        cleansText: Bool = false, separatesChineseCharacters: Bool = false, stripsAccents: Bool = false,
        lowercases: Bool = false
    ) {
        self.cleansText = cleansText
        self.separatesChineseCharacters = separatesChineseCharacters
        self.stripsAccents = stripsAccents
        self.lowercases = lowercases
    }

    /// A piece of what one character becomes.
    enum Part: Equatable {
        /// A character of the text; `combiningClass` is not 0 where canonical order may move it past its neighbours.
        case text(Unicode.Scalar, combiningClass: UInt8)
        case space(Unicode.Scalar)
        /// A character that stands between spaces.
        case ideograph(Unicode.Scalar)
        /// Nothing, but marks do not move across it.
        case boundary
    }

    /// The steps of the reference in its order: clean-up, Chinese characters, accents, lower case.
    func parts(of scalar: Unicode.Scalar) -> [Part] {
        if cleansText {
            switch cleaned(scalar) {
            case nil: return []
            case " ": return [.space(" ")]
            default: break
            }
        }
        let isIdeograph = separatesChineseCharacters && Self.isChinese(scalar)
        var parts: [Part] = []
        for decomposed in stripsAccents ? ReferenceUnicode.decomposition(of: scalar) : [scalar] {
            let combiningClass = stripsAccents ? ReferenceUnicode.combiningClass(of: decomposed) : 0
            if stripsAccents, ReferenceUnicode.category(of: decomposed) == .nonspacingMark {
                if combiningClass == 0 { parts.append(.boundary) }
                continue
            }
            guard lowercases else {
                parts.append(part(decomposed, combiningClass, isIdeograph))
                continue
            }
            for lowered in decomposed.properties.lowercaseMapping.unicodeScalars {
                parts.append(part(lowered, combiningClass, isIdeograph))
            }
        }
        return parts
    }

    private func part(_ scalar: Unicode.Scalar, _ combiningClass: UInt8, _ isIdeograph: Bool) -> Part {
        if isIdeograph { return .ideograph(scalar) }
        return scalar.properties.isWhitespace ? .space(scalar) : .text(scalar, combiningClass: combiningClass)
    }

    /// The character after the clean-up: itself, a space, or nothing.
    private func cleaned(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "\t", "\n", "\r": return " "
        case "\0", "\u{fffd}": return nil
        default: break
        }
        switch ReferenceUnicode.category(of: scalar) {
        case .control, .format, .privateUse, .surrogate: return nil
        default: return scalar.properties.isWhitespace ? " " : scalar
        }
    }

    /// The blocks of Chinese characters as BERT's authors listed them.
    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
