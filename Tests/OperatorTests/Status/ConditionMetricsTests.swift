import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import Observability
import Operator
import Testing

@Suite("Metrics of conditions")
struct ConditionMetricsTests {
    private func model(_ name: String, _ conditions: [(type: String, status: String)]) throws -> SIEModel {
        let conditions = conditions.map { condition -> JSONValue in
            [
                "type": .string(condition.type), "status": .string(condition.status), "reason": "R", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            ]
        }
        let document: JSONValue = [
            "metadata": ["name": .string(name), "namespace": "n"],
            "spec": ["modelID": "a/b", "profiles": [["name": "default", "adapterPath": "m:C"]]],
            "status": ["conditions": .array(conditions)],
        ]
        return try document.decode()
    }

    private func lines(_ registry: MetricsRegistry, _ name: String) -> [String] {
        String(decoding: registry.render(), as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("\(name){") }
    }

    @Test("each condition of each object has its status as a 1, and its series go with the object")
    func conditions() throws {
        let known = NIOLockedValueBox([
            try model("a", [("Ready", "True"), ("Registered", "True")]), try model("b", [("Ready", "Unknown")]),
        ])
        let registry = MetricsRegistry()
        ConditionMetrics(models: { known.withLockedValue { $0 } }, pools: { [] }, bundles: { [] })
            .register(in: registry)
        let labels = #"sie_operator_condition{kind="SIEModel",namespace="n",name="a","#
        #expect(
            lines(registry, "sie_operator_condition").filter { $0.hasPrefix(labels) } == [
                labels + #"type="Ready",status="True"} 1"#, labels + #"type="Ready",status="False"} 0"#,
                labels + #"type="Ready",status="Unknown"} 0"#, labels + #"type="Registered",status="True"} 1"#,
                labels + #"type="Registered",status="False"} 0"#, labels + #"type="Registered",status="Unknown"} 0"#,
            ])
        #expect(
            lines(registry, "sie_operator_resources") == [
                #"sie_operator_resources{kind="SIEModel",namespace="n",ready="False"} 0"#,
                #"sie_operator_resources{kind="SIEModel",namespace="n",ready="True"} 1"#,
                #"sie_operator_resources{kind="SIEModel",namespace="n",ready="Unknown"} 1"#,
            ])
        known.withLockedValue { $0 = [$0[1]] }
        #expect(lines(registry, "sie_operator_condition").count == 3)
        known.withLockedValue { $0 = [] }
        #expect(registry.render().isEmpty)
    }
}
