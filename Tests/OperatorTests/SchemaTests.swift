import JSONStream
import Kubernetes
import Operator
import Testing
import YAML

/// The files of `crds/` and the types of `Operator/API` say the same.
@Suite("Schemas of the custom resources")
struct SchemaTests {
    private let kinds: [any SIEResource.Type] = [SIEModel.self, SIEPool.self, SIEBundle.self]

    @Test("each definition is of the group, version and names that the operator asks for")
    func names() throws {
        for kind in kinds {
            let type = kind.resourceType
            let definition = try CustomResourceDefinitions.definition(of: type.kind)
            #expect(definition["metadata"]?["name"] == .string("\(type.plural).\(type.group)"))
            let spec = try #require(definition["spec"])
            #expect(spec["group"] == .string(type.group))
            #expect(spec["scope"] == "Namespaced" && type.isNamespaced)
            #expect(spec["names"]?["kind"] == .string(type.kind))
            #expect(spec["names"]?["plural"] == .string(type.plural))
            #expect(spec["names"]?["categories"] == ["sie"])
            let versions = try #require(spec["versions"]?.arrayValue)
            #expect(versions.map { $0["name"] } == [.string(type.version)])
            #expect(versions.allSatisfy { $0["subresources"]?["status"] != nil })
        }
    }

    @Test("every property of a schema is read and written by the Swift type")
    func propertiesAreKnown() throws {
        func check<Object: SIEResource>(_ type: Object.Type) throws {
            let schema = try CustomResourceDefinitions.schema(of: type.resourceType.kind)
            let sample = document(schema.sample())
            let object: Object = try sample.decode()
            #expect(object.spec.value != nil, "\(object.spec)")
            #expect(object.status != nil)
            let lost = MergePatch.difference(from: try JSONValue(encoding: object), to: sample)
            #expect(
                lost == .object([]),
                "\(type) loses or changes: \(String(decoding: JSONWriter.encode(lost), as: UTF8.self))")
        }
        for kind in kinds { try check(kind) }
    }

    @Test("every field that a Swift type reads is a property of the schema, and every choice has the schema's words")
    func fieldsAreDeclared() throws {
        func check<Object: SIEResource>(_ type: Object.Type) throws {
            let schema = try CustomResourceDefinitions.schema(of: type.resourceType.kind)
            let record = DecodingRecord()
            let object = try record.decode(type, from: document(schema.sample()))
            #expect(object.spec.value != nil && object.status != nil)
            for member in record.members where ["spec", "status"].contains(member.first) {
                // Inside of an open object, anything goes.
                let isOpen = (1..<member.count).contains {
                    schema.part(at: Array(member.prefix($0)))?.isOpen ?? true
                }
                #expect(isOpen || schema.part(at: member) != nil, "\(type) reads \(member), which the schema lacks")
            }
            var choices: [[String]: [String]] = [:]
            schema.walk { path, part in choices[path] = part.words }
            #expect(record.words == choices)
        }
        for kind in kinds { try check(kind) }
    }

    @Test("what a document leaves out is the same to Swift as what a server fills in")
    func defaults() throws {
        func check<Object: SIEResource>(_ type: Object.Type) throws {
            let schema = try CustomResourceDefinitions.schema(of: type.resourceType.kind)
            let bare = document(schema.sample(omitsDefaults: true))
            let filled = schema.fillingDefaults(in: bare)
            #expect(bare != filled)
            let (left, right): (Object, Object) = (try bare.decode(), try filled.decode())
            #expect(left.spec.value != nil)
            #expect(left.spec == right.spec)
        }
        for kind in kinds { try check(kind) }
    }

    @Test("every field has a description, and none of them is another's")
    func descriptions() throws {
        for kind in kinds {
            let schema = try CustomResourceDefinitions.schema(of: kind.resourceType.kind)
            schema.walk { path, part in
                let isScalarElement = path.last == "[]" && part.type != "object"
                guard !isScalarElement, path != ["metadata"] else { return }
                let description = part.node["description"]?.stringValue ?? ""
                #expect(description.utf8.count > 7, "\(kind) \(path) is not described")
                #expect(!description.contains("TODO"))
            }
        }
    }

    @Test("lists, maps and texts have a bound, without which CEL rules are too dear for API servers")
    func bounds() throws {
        for kind in kinds {
            let schema = try CustomResourceDefinitions.schema(of: kind.resourceType.kind)
            schema.walk { path, part in
                guard path.first == "spec" else { return }
                switch part.type {
                case "array": #expect(part.node["maxItems"] != nil, "\(kind) \(path)")
                case "string":
                    let isBounded =
                        part.node["maxLength"] != nil || part.words != nil || part.node["format"] == "date-time"
                    #expect(isBounded, "\(kind) \(path)")
                case "object":
                    let isMap = part.node["additionalProperties"] != nil
                    #expect(!isMap || part.node["maxProperties"] != nil, "\(kind) \(path)")
                default: break
                }
            }
        }
    }

    private func document(_ sample: JSONValue) -> JSONValue {
        let members = (sample.objectValue ?? []).filter { ["spec", "status"].contains($0.key) }
        return .object([JSONMember("metadata", ["name": "sample"])] + members)
    }
}
