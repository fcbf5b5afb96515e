@_spi(_Unicode) import Swift

/// Properties of characters as the reference tokenizers know them. Ids have to be those a model was trained with, so the
/// versions of the reference's tables matter: categories are those of Unicode 8.0, decompositions those of 9.0; lower
/// case and white space are current.
enum ReferenceUnicode {
    private static let categoryVersion = (major: 8, minor: 0)
    private static let decompositionVersion = (major: 9, minor: 0)

    /// The general category; what Unicode assigned later is unassigned.
    static func category(of scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
        switch scalar.value {
        // Characters whose category has changed since.
        case 0x166d, 0x111c9: .otherPunctuation
        case 0x1734, 0x1171e: .nonspacingMark
        case 0x1885, 0x1886: .otherLetter
        case 0xa9bd: .spacingMark
        default: isAssigned(scalar, in: categoryVersion) ? scalar.properties.generalCategory : .unassigned
        }
    }

    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return switch scalar.value {
            case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: true
            default: false
            }
        }
        return switch category(of: scalar) {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            true
        default: false
        }
    }

    /// The scalar's full canonical decomposition.
    static func decomposition(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        isAssigned(scalar, in: decompositionVersion) ? Array(String(scalar)._nfd) : [scalar]
    }

    /// The canonical combining class, by which marks after a letter are ordered; 0 for characters that start anew.
    static func combiningClass(of scalar: Unicode.Scalar) -> UInt8 {
        isAssigned(scalar, in: decompositionVersion) ? scalar.properties.canonicalCombiningClass.rawValue : 0
    }

    private static func isAssigned(_ scalar: Unicode.Scalar, in version: (major: Int, minor: Int)) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return (age.major, age.minor) <= (version.major, version.minor)
    }
}
