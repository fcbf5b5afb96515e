import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Objects that a bundle owns")
struct OwnedDocumentTests {
    @Test(
        "amounts that mean the same are the same",
        arguments: [
            ("16Gi", 17_179_869_184.0), ("500m", 0.5), ("0.5", 0.5), (".5", 0.5), ("1.", 1), ("1e3", 1000),
            ("1E3", 1000),
            ("2k", 2000), ("2Ki", 2048), ("-3", -3), ("+3", 3), ("1.5M", 1_500_000), ("12e-1", 1.2),
        ])
    func quantities(_ text: String, _ value: Double) {
        #expect(Quantity.value(of: text) == value)
    }

    @Test(
        "what is no amount has no value",
        arguments: ["", "x", "1Q", "1 Gi", ".", "+", "1e", "1e99", "Gi", "--1", "1.2.3"])
    func noQuantities(_ text: String) {
        #expect(Quantity.value(of: text) == nil)
    }

    @Test("only what was applied has to be there: defaults, and what others add, do not count")
    func contained() {
        let wanted: JSONValue = [
            "resources": ["requests": ["cpu": "0.5", "memory": "1024Mi"]], "env": [["name": "A", "value": "1"]],
            "empty": [],
            "none": [:],
        ]
        let live: JSONValue = [
            "resources": ["requests": ["memory": "1Gi", "cpu": "500m"]], "dnsPolicy": "ClusterFirst",
            "env": [["name": "MESH", "value": "x"], ["name": "A", "value": "1", "extra": true]],
        ]
        #expect(OwnedDocument.difference(wanted, live, at: "") == nil)
        // As Kubernetes' own types do: a Service's publishNotReadyAddresses, an empty variable.
        for zero in [JSONValue.bool(false), .int(0), .string(""), .null] {
            #expect(OwnedDocument.difference(["zero": zero], [:], at: "") == nil)
        }
        #expect(OwnedDocument.difference(["zero": false], ["zero": true], at: "") == "zero")
        // An amount is one only where amounts stand.
        #expect(OwnedDocument.difference(["value": "1e3"], ["value": "1000"], at: "") == "value")
    }

    @Test(
        "what differs is named",
        arguments: [
            (#"{"a":{"b":1}}"#, #"{"a":{"b":2}}"#, "a.b"), (#"{"a":{"b":1}}"#, #"{"a":{}}"#, "a.b"),
            (#"{"a":[{"n":1},{"n":2}]}"#, #"{"a":[{"n":1}]}"#, "a[1]"), (#"{"a":1}"#, #"{}"#, "a"),
            (#"{"limits":{"cpu":"1"}}"#, #"{"limits":{"cpu":"2"}}"#, "limits.cpu"),
            (#"{"a":"x"}"#, #"{"a":["x"]}"#, "a"),
        ])
    func differences(_ wanted: String, _ live: String, _ field: String) throws {
        let wanted = try JSONReader.decode(Array(wanted.utf8))
        let live = try JSONReader.decode(Array(live.utf8))
        #expect(OwnedDocument.difference(wanted, live, at: "") == field)
    }

    @Test("the digest is of the content whatever its order, and a changed wish is a cause")
    func digests() {
        let one = OwnedDocument(name: "a", ["metadata": ["name": "a"], "spec": ["x": 1, "y": 2]])
        let same = OwnedDocument(name: "a", ["spec": ["y": 2, "x": 1], "metadata": ["name": "a"]])
        let other = OwnedDocument(name: "a", ["metadata": ["name": "a"], "spec": ["x": 1]])
        #expect(one.digest == same.digest && one.digest != other.digest)
        #expect(one.cause(live: nil) == .absent)
        #expect(one.cause(live: same.document) == nil)
        // What is wanted no more is still there: only the digest tells.
        #expect(other.cause(live: one.document) == .changed)
        let drifted = MergePatch.apply(["spec": ["y": 3]], to: one.document)
        #expect(one.cause(live: drifted) == .drifted(field: "spec.y"))
        let patched = one.with(["spec": ["replicas": 0]])
        #expect(patched["spec"]?["replicas"] == 0 && one.cause(live: patched) == nil)
    }

    @Test("managers of fields are read as the server writes them")
    func managedFields() {
        let object: JSONValue = [
            "metadata": [
                "managedFields": [
                    [
                        "manager": "a", "operation": "Apply",
                        "fieldsV1": ["f:spec": ["f:replicas": [:], "f:template": ["f:spec": [:]]]],
                    ],
                    [
                        "manager": "b", "operation": "Update", "subresource": "scale",
                        "fieldsV1": ["f:spec": ["f:replicas": [:]]],
                    ],
                    ["manager": "broken"],
                ]
            ]
        ]
        let managed = ManagedFields(of: object)
        #expect(managed.entries.count == 2)
        #expect(managed.isApplied(["spec", "replicas"], by: "a") && !managed.isApplied(["spec", "replicas"], by: "b"))
        #expect(managed.managers(of: ["spec", "replicas"]) == ["a", "b"])
        #expect(managed.managers(of: ["spec", "template", "spec"]) == ["a"])
        #expect(ManagedFields(of: [:]).entries.isEmpty)
    }
}
