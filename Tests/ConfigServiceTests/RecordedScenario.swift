import JSONStream
import TestSupport
import Testing

/// One scenario of `Tests/Fixtures/config`: how to start the service, and steps with recorded answers.
struct RecordedScenario: Sendable, CustomTestStringConvertible {
    /// A request or an action, as recorded.
    struct Step: Sendable {
        var id: String
        var level: String
        var json: JSONValue
        /// What must be published after the step; nil where nothing was recorded.
        var deltas: [JSONValue]?
    }

    var name: String
    var setup: JSONValue
    var steps: [Step]

    var testDescription: String { name }

    /// Scenarios that this service does not answer as recorded, and why.
    static let notCovered: [String: String] = [
        "v010-put-delete": "replacing and deleting models exists in 0.10.1 only",
        "v010-read-token": "the separate read token exists in 0.10.1 only",
        "v010-prod-refuses-open": "refusing open access by environment exists in 0.10.1 only",
        "v010-upstreams-and-routing": "remote upstreams exist in 0.10.1 only",
        "v010-nats-pools": "pools in deltas exist in 0.10.1 only",
    ]

    /// Differences from a recording that are meant: a piece of the replay's complaint, and the reason.
    static let accepted: [String: (difference: String, reason: String)] = [
        "auth-both/35": ("", "the scheme's case does not matter, as in RFC 9110 and 0.10.1"),
        "metrics/05": ("path=\"/nope\"", "unknown paths count as one series, so that clients cannot make up more"),
        "idempotency-eviction/05": ("", "the documents say LRU: a key that was just asked for is not the one to go"),
        "nats-deltas/04": (
            "model_config", "an append to a model file announces the whole model, not the new part alone"
        ),
    ]

    static let all: [RecordedScenario] = (try? load()) ?? []

    private static func load() throws -> [RecordedScenario] {
        let setups = try JSONReader.decode(Array(Fixtures.data("config/setups.json")))
        var deltas: [String: [JSONValue]] = [:]
        for line in try lines("config/nats.jsonl") where line["version"]?.stringValue == "0.3.1" {
            deltas[line["after"]?.stringValue ?? ""] = line["deltas"]?.arrayValue
        }
        var scenarios: [RecordedScenario] = []
        for line in try lines("config/http.jsonl") {
            let name = line["scenario"]?.stringValue ?? ""
            let id = line["id"]?.stringValue ?? ""
            let step = Step(id: id, level: line["level"]?.stringValue ?? "action", json: line, deltas: deltas[id])
            if scenarios.last?.name == name {
                scenarios[scenarios.count - 1].steps.append(step)
            } else {
                scenarios.append(RecordedScenario(name: name, setup: setups[name] ?? .null, steps: [step]))
            }
        }
        return scenarios
    }

    private static func lines(_ path: String) throws -> [JSONValue] {
        try Fixtures.text(path).split(separator: "\n").map { try JSONReader.decode(Array($0.utf8)) }
    }
}
