import Kubernetes

/// The conditions of one object, one of each type, in the order in which they came.
///
/// Whoever wants to write a status begins with the one that was read, says what is so now, and writes only if the two
/// differ: a status in which nothing changed is equal, times included.
package struct Conditions: Sendable, Hashable {
    package private(set) var all: [Condition]

    /// The last one counts where a type repeats, which servers do not let happen.
    package init(_ conditions: [Condition] = []) {
        all = []
        for condition in conditions { put(condition) }
    }

    /// The condition of a type.
    package subscript(_ type: ConditionType) -> Condition? { all.first { $0.type == type.rawValue } }

    /// Whether a condition is there and true.
    package func isTrue(_ type: ConditionType) -> Bool { self[type]?.isTrue ?? false }

    /// The condition of a type, if it has another status or reason than before.
    package func changed(_ type: ConditionType, since before: Conditions?) -> Condition? {
        guard let new = self[type] else { return nil }
        let old = before?[type]
        return old?.status == new.status && old?.reason == new.reason ? nil : new
    }

    /// Says what is so. The time of the last transition stays where the status does.
    ///
    /// - Parameters:
    ///   - message: names the object, replica or field; cut to the 32,768 bytes that the schema allows.
    ///   - generation: of the object that was looked at.
    package mutating func set(
        _ type: ConditionType, _ status: Condition.State, reason: some ConditionReason, message: String,
        generation: Int?, now: Timestamp
    ) {
        let since = self[type].flatMap { $0.status == status ? $0.lastTransitionTime : nil }
        put(
            Condition(
                type: type.rawValue, status: status, observedGeneration: generation,
                lastTransitionTime: since ?? now, reason: reason.rawValue, message: Self.cut(message)))
    }

    /// Removes a condition, as those are that are only there while they are true.
    package mutating func remove(_ type: ConditionType) {
        all.removeAll { $0.type == type.rawValue }
    }

    private mutating func put(_ condition: Condition) {
        if let position = all.firstIndex(where: { $0.type == condition.type }) {
            all[position] = condition
        } else {
            all.append(condition)
        }
    }

    /// The longest message of a condition, in bytes and so also in characters.
    package static let longestMessage = 32768

    private static func cut(_ message: String) -> String {
        guard message.utf8.count > longestMessage else { return message }
        var text = message[...]
        while text.utf8.count > longestMessage - 3 { text.removeLast() }
        return text + "..."
    }
}

extension Conditions: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try [Condition](from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try all.encode(to: encoder)
    }
}

/// Why a condition is as it is, in a word of one kind's list.
package protocol ConditionReason: RawRepresentable, CaseIterable, Sendable, Hashable where RawValue == String {
    /// Of an object that is left alone.
    static var suspended: Self { get }
    /// Of one on which the operator has worked for too long.
    static var progressDeadlineExceeded: Self { get }
}
