import Kubernetes
import Operator
import Testing

@Suite("Objects with one model id")
struct DuplicateModelTests {
    private func model(_ name: String, created: Int64?, uid: String, id: String = "a/b") -> SIEModel {
        SIEModel(
            metadata: ObjectMeta(
                name: name, namespace: "n", uid: uid,
                creationTimestamp: created.map { Timestamp(secondsSince1970: $0) }),
            spec: .init(modelID: id, profiles: [.init(name: "default", adapterPath: "m:C")]))
    }

    @Test("the oldest counts, then the smallest uid, whatever the order")
    func oldest() {
        let models = [
            model("third", created: 20, uid: "a"), model("second", created: 10, uid: "c"),
            model("first", created: 10, uid: "b"), model("other", created: 1, uid: "d", id: "a/c"),
        ]
        for list in [models, models.reversed()] {
            #expect(models[0].duplicated(among: list) == models[2].key)
            #expect(models[1].duplicated(among: list) == models[2].key)
            #expect(models[2].duplicated(among: list) == nil)
            #expect(models[3].duplicated(among: list) == nil)
        }
    }

    @Test("an object is no duplicate of itself, and one whose age is not known is the newest")
    func unknownAge() {
        let (known, unknown) = (model("a", created: 10, uid: "b"), model("c", created: nil, uid: "a"))
        #expect(known.duplicated(among: [known]) == nil)
        #expect(known.duplicated(among: [known, unknown]) == nil)
        #expect(unknown.duplicated(among: [known, unknown]) == known.key)
    }
}
