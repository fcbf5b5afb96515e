/// What the caller asked for beside the model: a machine profile and, possibly, a pinned pool.
///
/// `X-SIE-MACHINE-PROFILE` may hold `pool/profile`; that form beats `X-SIE-Pool`, even when the pool
/// in front of the slash is empty.
package struct LaneSelection: Equatable, Sendable {
    /// Profile name as the caller spelled it, or as configured once resolved; `""` when none was asked for.
    package var machineProfile: String
    /// Pool pinned by the caller; nil when routing shall choose.
    package var pool: String?

    package init(machineProfile: String = "", pool: String? = nil) {
        self.machineProfile = machineProfile
        self.pool = pool
    }

    package init(machineProfileHeader: String?, poolHeader: String?) {
        let header = machineProfileHeader ?? ""
        if let slash = header.utf8.firstIndex(of: UInt8(ascii: "/")) {
            machineProfile = String(header[header.utf8.index(after: slash)...])
            pool = String(header[..<slash])
        } else {
            machineProfile = header
            pool = poolHeader
        }
        if pool?.isEmpty == true { pool = nil }
    }

    /// The configured spelling of `profile`: an exact match but for ASCII case, else its `-spot` variant.
    ///
    /// - Returns: nil when profiles are configured and none fits; the profile itself when none are configured.
    package static func resolve(profile: String, configured: [String]) -> String? {
        guard !profile.isEmpty, !configured.isEmpty else { return profile }
        if let match = configured.first(where: { $0.equalsIgnoringASCIICase(profile) }) { return match }
        let spot = profile + "-spot"
        return configured.first(where: { $0.equalsIgnoringASCIICase(spot) })
    }
}

extension StringProtocol {
    /// ASCII case-insensitive equality: header values and profile names are ASCII words.
    func equalsIgnoringASCIICase(_ other: some StringProtocol) -> Bool {
        utf8.count == other.utf8.count
            && zip(utf8, other.utf8).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }

    /// Whether an ASCII word given in lower case stands in this text, whatever its case there.
    func containsIgnoringASCIICase(_ word: StaticString) -> Bool {
        var text = String(self)
        return text.withUTF8 { UnsafeRawBufferPointer($0).containsIgnoringASCIICase(word) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether an ASCII word given in lower case stands in these bytes, whatever its case there.
    func containsIgnoringASCIICase(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard length > 0, count >= length else { return length == 0 }
        for start in 0...(count - length) {
            var matched = 0
            while matched < length, self[start + matched].asciiLowercased == word.utf8Start[matched] { matched += 1 }
            if matched == length { return true }
        }
        return false
    }
}

extension UInt8 {
    var asciiLowercased: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
