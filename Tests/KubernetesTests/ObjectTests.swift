import JSONStream
import Kubernetes
import Testing

@Suite("Kubernetes objects")
struct ObjectTests {
    private let text = """
        {"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
         "metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7","creationTimestamp":"2026-01-02T03:04:05Z",
          "managedFields":[{"manager":"m","operation":"Apply","fieldsV1":{"f:spec":{}}}],
          "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"x","controller":true,"new":1}]},
         "spec":{"holderIdentity":"me","leaseDurationSeconds":15,"renewTime":"2026-01-02T03:04:05.000006Z",
          "strategy":"OldestEmulationVersion"}}
        """

    @Test("a lease reads what controllers need")
    func lease() throws {
        let lease = try JSONReader.decode(text.utf8).decode(Lease.self)
        #expect(lease.key == ObjectKey(namespace: "n", name: "a"))
        #expect("\(lease.key)" == "n/a")
        #expect(lease.metadata.controller?.name == "p")
        #expect(lease.spec?.renewTime == MicroTime(microsecondsSince1970: 1_767_323_045_000_006))
        #expect(lease.metadata.creationTimestamp == Timestamp(secondsSince1970: 1_767_323_045))
    }

    @Test("a preserved object writes back what its type does not know, and only the changes differ")
    func preserved() throws {
        let document = try JSONReader.decode(text.utf8)
        var lease = try document.decode(Preserved<Lease>.self)
        #expect(try JSONValue(encoding: lease) == document)
        #expect(try lease.changes == .object([]))
        lease.spec?.holderIdentity = "you"
        lease.spec?.renewTime = nil
        lease.metadata.labels["a"] = "b"
        let written = try JSONValue(encoding: lease)
        #expect(written["spec"]?["strategy"] == "OldestEmulationVersion")
        #expect(written["spec"]?["holderIdentity"] == "you")
        #expect(written["spec"]?["renewTime"] == nil)
        #expect(written["metadata"]?["labels"] == ["a": "b"])
        #expect(written["metadata"]?["managedFields"] == document["metadata"]?["managedFields"])
        #expect(written["metadata"]?["ownerReferences"] == document["metadata"]?["ownerReferences"])
        #expect(
            try lease.changes == [
                "metadata": ["labels": ["a": "b"]], "spec": ["renewTime": nil, "holderIdentity": "you"],
            ])
    }

    @Test("an unstructured object keeps its document and lets its metadata be changed")
    func unstructured() throws {
        var object = try Unstructured(try JSONReader.decode(text.utf8))
        #expect(object.metadata.name == "a")
        object.metadata.finalizers = ["example.com/f"]
        let written = try JSONValue(encoding: object)
        #expect(written["metadata"]?["finalizers"] == ["example.com/f"])
        #expect(written["metadata"]?["managedFields"] != nil)
        #expect(written["spec"] == object.document["spec"])
    }

    @Test(
        "merge patches follow the examples of RFC 7386",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ])
    func mergePatch(target: String, patch: String, result: String) throws {
        let patched = MergePatch.apply(try JSONReader.decode(patch.utf8), to: try JSONReader.decode(target.utf8))
        #expect(patched == (try JSONReader.decode(result.utf8)))
    }

    @Test("the difference of two values, applied to the first, gives the second")
    func difference() {
        let values: [JSONValue] = [
            ["a": 1, "b": ["c": [1, 2], "d": "x"]], ["b": ["c": [1, 2]], "e": ["f": ["g": true]]], [:], ["a": ["b": 1]],
            ["a": []],
        ]
        for source in values {
            for target in values {
                let patch = MergePatch.difference(from: source, to: target)
                let patched = MergePatch.apply(patch, to: source)
                #expect(MergePatch.difference(from: patched, to: target) == .object([]))
            }
        }
    }

    @Test(
        "times are read with fractions and offsets and written as the API has them",
        arguments: [
            ("2026-01-02T03:04:05Z", 1_767_323_045_000_000), ("2026-01-02T03:04:05.5Z", 1_767_323_045_500_000),
            ("2026-01-02T03:04:05.123456789Z", 1_767_323_045_123_456),
            ("2026-01-02T05:04:05+02:00", 1_767_323_045_000_000),
            ("1969-12-31T23:59:59.900000Z", -100_000), ("1970-01-01T00:00:00Z", 0),
        ] as [(String, Int64)])
    func times(text: String, microseconds: Int64) throws {
        let time = try JSONValue.string(text).decode(MicroTime.self)
        #expect(time.microsecondsSince1970 == microseconds)
        #expect(try JSONValue.string(time.description).decode(MicroTime.self) == time)
        #expect(time.description.utf8.count == 27)
    }

    @Test(
        "what is no time is refused",
        arguments: ["", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z"])
    func malformedTimes(text: String) {
        #expect(throws: DecodingError.self) { try JSONValue.string(text).decode(MicroTime.self) }
        #expect(throws: DecodingError.self) { try JSONValue.string(text).decode(Timestamp.self) }
    }

    @Test("endpoint slices of both versions say where and whether to send")
    func endpointSlices() throws {
        let beta = """
            {"metadata":{"name":"s-1","labels":{"kubernetes.io/service-name":"s"}},"addressType":"IPv6","ports":null,
             "endpoints":[{"addresses":["fd00::1"],"conditions":{"ready":true},"topology":{"kubernetes.io/hostname":"n1"}}]}
            """
        let slice = try JSONReader.decode(beta.utf8).decode(EndpointSlice.self)
        #expect(slice.serviceName == "s")
        #expect(slice.ports == [])
        #expect(slice.endpoints.first?.node == "n1")
        #expect(slice.endpoints.first?.isServing == true)
        let current = """
            {"metadata":{"name":"s-2"},"addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],
             "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":false,"serving":true,"terminating":true},
              "nodeName":"n2","zone":"z"},{"addresses":["10.0.0.2"],"conditions":{}}]}
            """
        let endpoints = try JSONReader.decode(current.utf8).decode(EndpointSlice.self).endpoints
        #expect(endpoints.map(\.isReady) == [false, true])
        #expect(endpoints.map(\.isServing) == [true, true])
        #expect(endpoints.map(\.isTerminating) == [true, false])
        #expect(endpoints.first?.node == "n2")
        let none = #"{"metadata":{"name":"e"},"endpoints":null,"addressType":"IPv4"}"#
        #expect(try JSONReader.decode(none.utf8).decode(EndpointSlice.self).endpoints == [])
    }
}
