import Kubernetes
import Observability

/// Shows the objects' conditions to whoever scrapes: made anew at each scrape from what the informers know, so that a
/// series is there for as long as its object is.
package struct ConditionMetrics: Sendable {
    /// What is shown of one object.
    private struct Shown {
        var kind: String
        var namespace: String
        var name: String
        var conditions: [Condition]

        var ready: String {
            let ready = conditions.first { $0.type == ConditionType.ready.rawValue }
            return (ready?.status ?? .unknown).rawValue
        }
    }

    private let objects: @Sendable () -> [Shown]

    /// - Parameters: what there is of each kind.
    package init(
        models: @escaping @Sendable () -> [SIEModel], pools: @escaping @Sendable () -> [SIEPool],
        bundles: @escaping @Sendable () -> [SIEBundle]
    ) {
        objects = { Self.shown(models()) + Self.shown(pools()) + Self.shown(bundles()) }
    }

    private static func shown<Object: SIEResource>(_ objects: [Object]) -> [Shown] {
        objects.map {
            Shown(
                kind: Object.resourceType.kind, namespace: $0.metadata.namespace ?? "", name: $0.metadata.name ?? "",
                conditions: $0.status?.conditions.all ?? [])
        }
    }

    /// Adds the metrics to those of the process.
    package func register(in registry: MetricsRegistry) {
        let states = Condition.State.allCases
        registry.collectedGauge(
            "sie_operator_condition", help: "1 where the condition of the object has the status.",
            labels: ["kind", "namespace", "name", "type", "status"]
        ) { [objects] add in
            for object in objects().sorted(by: { ($0.kind, $0.namespace, $0.name) < ($1.kind, $1.namespace, $1.name) })
            {
                for condition in object.conditions {
                    for state in states {
                        add(
                            [object.kind, object.namespace, object.name, condition.type, state.rawValue],
                            condition.status == state ? 1 : 0)
                    }
                }
            }
        }
        registry.collectedGauge(
            "sie_operator_resources", help: "How many objects there are, by what their condition Ready is.",
            labels: ["kind", "namespace", "ready"]
        ) { [objects] add in
            var counts: [[String]: Int] = [:]
            for object in objects() {
                // All three, so that a number that falls to none is seen to fall.
                for state in states { counts[[object.kind, object.namespace, state.rawValue], default: 0] += 0 }
                counts[[object.kind, object.namespace, object.ready], default: 0] += 1
            }
            for (labels, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                add(labels, Double(count))
            }
        }
    }
}
