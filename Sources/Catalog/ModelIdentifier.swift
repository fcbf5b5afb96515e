/// The rules of model ids and of the files that hold models.
public enum ModelIdentifier {
    /// Whether an id may be written or asked for: a letter or digit, then letters, digits and `._/-`, without `..`, and
    /// neither `status` nor anything ending in `/status`, which gateways answer themselves.
    public static func isValid(_ id: String) -> Bool {
        guard let first = id.utf8.first, isAlphanumeric(first) else { return false }
        var previous: UInt8 = 0
        for byte in id.utf8 {
            guard isAlphanumeric(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2F || byte == 0x2D else {
                return false
            }
            if byte == 0x2E, previous == 0x2E { return false }
            previous = byte
        }
        return id != "status" && !id.hasSuffix("/status")
    }

    /// Whether the id keeps its spelling in a file name, where `/` becomes `__`.
    public static func isStorable(_ id: String) -> Bool {
        !zip(id.utf8, id.utf8.dropFirst()).contains { $0 == 0x5F && $1 == 0x5F }
    }

    /// The name of a model's file: the id with `/` as `__`, and `.yaml`.
    public static func fileName(of id: String) -> String {
        var name = ""
        for scalar in id.unicodeScalars {
            if scalar == "/" { name += "__" } else { name.unicodeScalars.append(scalar) }
        }
        return name + ".yaml"
    }

    /// The id of a file name without `.yaml`: `__` back to `/`.
    public static func id(ofFileStem stem: String) -> String {
        var id = ""
        var scalars = Array(stem.unicodeScalars)[...]
        while let scalar = scalars.popFirst() {
            if scalar == "_", scalars.first == "_" {
                scalars.removeFirst()
                id += "/"
            } else {
                id.unicodeScalars.append(scalar)
            }
        }
        return id
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
