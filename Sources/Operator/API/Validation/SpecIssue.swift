/// A rule of the schema that an object breaks.
package struct SpecIssue: Sendable, Hashable, CustomStringConvertible {
    /// The path from the top of the object, such as `spec.profiles`; empty where the rule is of the whole object.
    package var field: String
    /// What the rule asks for: the same words that an API server with CEL answers.
    package var message: String

    package init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }

    package var description: String { field.isEmpty ? message : "\(field): \(message)" }
}

extension SIEResource {
    /// Everything in an object that breaks a rule; empty for a good one.
    ///
    /// API servers check lengths, bounds, patterns and words themselves, all of them. What is here are the rules that the
    /// files in `crds/` say in CEL, which servers before 1.25 pass over, and a few that CEL cannot say.
    ///
    /// - Parameter old: the object before the change, for the rules of what may change; nil checks all others.
    package func issues(replacing old: Self? = nil) -> [SpecIssue] {
        switch spec {
        case .unreadable(_, let reason): [SpecIssue("spec", reason)]
        case .value(let value): ruleIssues(value, replacing: old?.spec.value)
        }
    }
}
