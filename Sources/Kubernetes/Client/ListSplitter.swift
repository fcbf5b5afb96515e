/// Takes the items out of a list's text as it comes, in pieces of any size: a value that does no I/O.
///
/// What is left is the same list without items, or with those that are written in a way that no server writes. Only places
/// are found here; whether a text is JSON is seen by whoever reads it.
struct ListSplitter: Sendable {
    /// An item that is none: two commas with nothing between them, or a comma before the end.
    struct Malformed: Error, CustomStringConvertible {
        var description: String { "an item is missing between commas" }
    }

    private enum Place {
        case outside
        /// Between the brackets of `items`.
        case items(needsItem: Bool)
    }

    /// The text without items.
    private(set) var rest: [UInt8] = []
    /// What has come of the item that is coming.
    private var item: [UInt8] = []
    private var place = Place.outside
    /// Brackets that are open: all of them outside, those of the item within `items`.
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// The first bytes of the last string outside of all but the outermost brackets.
    private var name: [UInt8] = []
    /// Whether the next value is that of `items`.
    private var isItemsNext = false

    /// Takes a piece.
    ///
    /// - Parameter onItem: called with each item that has come whole.
    mutating func add(_ piece: UnsafeRawBufferPointer, onItem: (UnsafeRawBufferPointer) throws -> Void) throws {
        // What lies before `start` has been put where it belongs.
        var start = 0
        for index in piece.indices {
            let byte = piece[index]
            if isInString {
                passString(byte)
                continue
            }
            switch (byte, place) {
            case (UInt8(ascii: "\""), _):
                isInString = true
                name.removeAll(keepingCapacity: true)
            case (UInt8(ascii: ","), .items) where depth == 0:
                try endItem(UnsafeRawBufferPointer(rebasing: piece[start..<index]), isRequired: true, onItem)
                place = .items(needsItem: true)
                start = index + 1
            case (UInt8(ascii: "]"), .items(let needsItem)) where depth == 0:
                try endItem(UnsafeRawBufferPointer(rebasing: piece[start..<index]), isRequired: needsItem, onItem)
                place = .outside
                depth = 1
                start = index
            case (UInt8(ascii: "["), .outside) where depth == 1 && isItemsNext:
                rest += piece[start...index]
                place = .items(needsItem: false)
                depth = 0
                isItemsNext = false
                start = index + 1
            case (UInt8(ascii: "{"), _), (UInt8(ascii: "["), _): depth += 1
            case (UInt8(ascii: "}"), _), (UInt8(ascii: "]"), _): depth -= 1
            case (UInt8(ascii: ":"), .outside) where depth == 1: isItemsNext = name.elementsEqual("items".utf8)
            case (UInt8(ascii: ","), .outside): isItemsNext = false
            default: break
            }
        }
        let tail = piece[start...]
        switch place {
        case .outside: rest += tail
        case .items: item += tail
        }
    }

    private mutating func passString(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
            return
        }
        if depth == 1, name.count <= "items".utf8.count { name.append(byte) }
    }

    private mutating func endItem(
        _ end: UnsafeRawBufferPointer, isRequired: Bool, _ onItem: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        defer { item.removeAll(keepingCapacity: true) }
        if !item.isEmpty { item += end }
        try item.withUnsafeBytes { begun in
            let whole = begun.isEmpty ? end : begun
            guard whole.contains(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
                if isRequired { throw Malformed() }
                return
            }
            try onItem(whole)
        }
    }
}
