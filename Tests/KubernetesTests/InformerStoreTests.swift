import Kubernetes
import Testing

@Suite("Informer store")
struct InformerStoreTests {
    private func map(_ name: String, _ version: String) -> ConfigMap {
        ConfigMap(metadata: ObjectMeta(name: name, namespace: "n", resourceVersion: version))
    }

    private func text(_ event: InformerEvent<ConfigMap>?) -> String? {
        func version(_ map: ConfigMap) -> String { "\(map.metadata.name ?? "")@\(map.metadata.resourceVersion ?? "")" }
        return switch event {
        case .added(let map): "added \(version(map))"
        case .updated(let old, let new): "updated \(version(old)) \(version(new))"
        case .deleted(let map, let isMissed): "\(isMissed ? "missed" : "deleted") \(version(map))"
        case .synced: "synced"
        case nil: nil
        }
    }

    @Test("a list after a gap tells what is new, what changed and what went unseen")
    func replace() {
        var store = InformerStore<ConfigMap>()
        #expect(store.replace(with: [map("a", "1"), map("b", "2"), map("c", "3")]).count == 3)
        let events = store.replace(with: [map("b", "2"), map("c", "9"), map("d", "4")])
        #expect(events.compactMap { text($0) } == ["updated c@3 c@9", "added d@4", "missed a@1"])
        #expect(store.objects.count == 3)
    }

    @Test("an event that comes twice is told once")
    func duplicates() {
        var store = InformerStore<ConfigMap>()
        #expect(text(store.apply(.added(map("a", "1")))) == "added a@1")
        #expect(text(store.apply(.added(map("a", "1")))) == nil)
        #expect(text(store.apply(.modified(map("a", "2")))) == "updated a@1 a@2")
        #expect(text(store.apply(.modified(map("a", "2")))) == nil)
        #expect(text(store.apply(.bookmark(resourceVersion: "5"))) == nil)
        #expect(text(store.apply(.deleted(map("a", "6")))) == "deleted a@6")
        #expect(text(store.apply(.deleted(map("a", "6")))) == nil)
        #expect(store.objects.isEmpty)
    }
}
