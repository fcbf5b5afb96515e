import Foundation
import JSONStream

extension KubernetesAPIServer {
    /// A request of a service account, as the server's own audit log has it.
    package struct AuditedRequest: Sendable {
        package var user: String
        package var verb: String
        package var group: String
        /// With the subresource, such as `siemodels/status`.
        package var resource: String
        package var namespace: String?
        package var name: String?
        /// The HTTP status of the answer.
        package var status: Int

        package var isWrite: Bool { !["get", "list", "watch"].contains(verb) }
        /// Whether an apply, which only says `patch`, has made the object: the server asks for the right to create, too.
        package var hasCreated: Bool { verb == "patch" && status == 201 }
    }

    /// Every request of service accounts is kept once: of watches their begin, of others their end.
    static let auditPolicy = """
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - level: Metadata
          userGroups: ["system:serviceaccounts"]
        - level: None

        """

    /// How many bytes the audit log has, so that a later look can begin there.
    package var auditLength: Int { (try? Data(contentsOf: auditLog).count) ?? 0 }

    private var auditLog: URL { folder.appending(path: "audit.log") }

    /// The requests of a service account.
    /// - Parameter offset: of the log; what came before is left out.
    package func auditedRequests(of account: String, in namespace: String, from offset: Int = 0) -> [AuditedRequest] {
        let log = (try? Data(contentsOf: auditLog)) ?? Data()
        let user = "system:serviceaccount:\(namespace):\(account)"
        var requests: [AuditedRequest] = []
        for line in log.dropFirst(offset).split(separator: UInt8(ascii: "\n")) {
            guard let event = try? JSONReader.decode(line), event["user"]?["username"]?.stringValue == user,
                let reference = event["objectRef"], let verb = event["verb"]?.stringValue
            else { continue }
            // A watch is told of twice: when it begins and when it ends.
            if verb == "watch", event["stage"] != "ResponseStarted" { continue }
            let resource = reference["resource"]?.stringValue ?? ""
            requests.append(
                AuditedRequest(
                    user: user, verb: verb, group: reference["apiGroup"]?.stringValue ?? "",
                    resource: reference["subresource"]?.stringValue.map { "\(resource)/\($0)" } ?? resource,
                    namespace: reference["namespace"]?.stringValue, name: reference["name"]?.stringValue,
                    status: event["responseStatus"]?["code"]?.intValue ?? 0))
        }
        return requests
    }
}
