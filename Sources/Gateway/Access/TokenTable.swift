import HTTPService
import YAML

/// Named tokens, each with what it grants, as a file lists them:
///
/// ```yaml
/// tokens:
///   - name: search                # for logs; unique
///     token: 5f1c...              # secret; unique
///     requests_per_second: 20     # optional
///     items_per_second: 500       # optional
///     pools: [default]            # optional
/// ```
package struct TokenTable: Sendable {
    /// What is wrong with a file. Never holds a token.
    package struct Invalid: Error, Equatable, Sendable, CustomStringConvertible {
        package var description: String

        package init(_ description: String) { self.description = description }
    }

    private struct Entry: Sendable {
        var token: String
        var grant: TokenGrant
    }

    private var entries: [Entry] = []

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var names: [String] { entries.map(\.grant.name) }

    /// Reads a file's text. Every key must be known: a limit with a typing error must not be no limit.
    package init(parsing text: String) throws(Invalid) {
        let document: YAMLNode
        do throws(YAMLError) {
            document = try YAMLNode(parsing: text)
        } catch {
            // The parser's own words may quote the line, and with it a token.
            throw Invalid("the file is no YAML")
        }
        guard let list = document.mapping?["tokens"]?.sequence else { throw Invalid("'tokens' must be a list") }
        for (index, node) in list.enumerated() {
            let entry = try Self.entry(node, at: index + 1)
            guard !entries.contains(where: { $0.grant.name == entry.grant.name }) else {
                throw Invalid("token \(index + 1): the name '\(entry.grant.name)' is taken")
            }
            guard !entries.contains(where: { $0.token == entry.token }) else {
                throw Invalid("token \(index + 1) ('\(entry.grant.name)'): another one has the same token")
            }
            entries.append(entry)
        }
    }

    private static let keys: Set = ["name", "token", "requests_per_second", "items_per_second", "pools"]

    private static func entry(_ node: YAMLNode, at number: Int) throws(Invalid) -> Entry {
        guard let fields = node.mapping else { throw Invalid("token \(number) is no mapping") }
        for field in fields.entries where field.key.string.map(keys.contains) != true {
            throw Invalid("token \(number): unknown key '\(field.key.string ?? "?")'")
        }
        guard let name = fields["name"]?.string, !name.isEmpty else { throw Invalid("token \(number) has no name") }
        guard let token = fields["token"]?.string, !token.isEmpty else {
            throw Invalid("token \(number) ('\(name)') has no token; numbers must be quoted")
        }
        var grant = TokenGrant(name: name)
        grant.requestsPerSecond = try rate("requests_per_second", of: fields, name)
        grant.itemsPerSecond = try rate("items_per_second", of: fields, name)
        if let pools = fields["pools"], !pools.isNull {
            guard let nodes = pools.sequence else { throw Invalid("'pools' of '\(name)' must be a list") }
            let names = nodes.compactMap(\.string)
            guard names.count == nodes.count else { throw Invalid("'pools' of '\(name)' must hold names") }
            grant.pools = Set(names)
        }
        return Entry(token: token, grant: grant)
    }

    private static func rate(_ key: String, of fields: YAMLMapping, _ name: String) throws(Invalid) -> Double? {
        guard let node = fields[key], !node.isNull else { return nil }
        let number: Double? =
            switch node.value {
            case .integer(let integer): Double(Int64(clamping: integer))
            case .float(let float): float
            default: nil
            }
        guard let number, number > 0, number.isFinite else {
            throw Invalid("'\(key)' of '\(name)' must be a number above 0")
        }
        return number
    }

    /// The grant of a token, found without telling by the time it takes which one it was.
    package func grant(for token: String) -> TokenGrant? {
        var found: TokenGrant?
        for entry in entries where BearerToken.matches(token, entry.token) { found = entry.grant }
        return found
    }
}
